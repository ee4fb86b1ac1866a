//! Authors that are programs: a model that answers people.

#[allow(dead_code, unused_imports, reason = "the loop that asks it is still to come")]
pub mod model;
