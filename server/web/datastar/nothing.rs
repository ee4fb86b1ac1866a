//! A manifest needs a target; this one is never built.
