//! What the benches share: the figures and their ratios, the server as a process, and clients cheap enough to load
//! it from the same machine.
//!
//! A figure alone says nothing on a shared machine. So each bench measures its limit or its alternative in
//! the same run, and what counts is how the two compare.

pub mod again;
pub mod bare;
pub mod comparison;
pub mod core;
pub mod cost;
pub mod criteria;
pub mod cursor;
pub mod http;
pub mod limits;
pub mod place;
pub mod post;
pub mod readers;
pub mod results;
pub mod server;
pub mod steady;

pub use results::{Results, Unit};
