//! Reads the imports between the files of a crate and finds their cycles.
//!
//! A file imports another when it names an item that the other defines: in a `use`, in a path, or in the
//! tokens of a macro. Re-exports are followed to the file of the definition, so a `mod.rs` that only declares
//! and re-exports is never part of a cycle. Items under `cfg(test)`, `cfg(loom)` and `cfg(fuzzing)` do not
//! count: a test may look at everything.
//!
//! Not seen: the methods of a value that is passed along. Its type is imported somewhere, which is.

#![forbid(unsafe_code)]

mod graph;
mod module;
mod scope;

pub use graph::{Cycle, Imports};
pub use module::{Crate, ReadError};
