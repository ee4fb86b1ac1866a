//! The results of a run: the live view, and the report for the terminal, as JSON and as HTML.

mod bars;
mod bottleneck;
mod build;
mod distribution;
pub mod html;
mod live;
pub mod monitor;
mod paint;
mod schema;
mod summary;
pub mod terminal;
pub mod timer_probe;
pub mod units;

pub use schema::Report;
