//! The shared parts of the benches: the figures and their ratios, the server as a process, and clients cheap
//! enough to load it from the same machine.
//!
//! A figure alone says nothing on a shared machine. So each bench measures its limit or its alternative in
//! the same run, and the comparison of the two counts.

pub mod child;
pub mod comparison;
pub mod cost;
pub mod criterion_config;
pub mod cursor;
pub mod fixtures;
pub mod growth;
pub mod heard;
pub mod http;
pub mod limits;
pub mod paths;
pub mod post;
pub mod post_loop;
pub mod readers;
pub mod results;
pub mod server;
pub mod steady;
pub mod wire_readers;
pub mod write_loop;

pub use results::{Results, Unit};
