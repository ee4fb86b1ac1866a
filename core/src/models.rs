//! Models (soon).
