//! Bots that are built in: a language model that answers people.
//!
//! A bot is a reader with a place in the log, and an author. Its answer is one message, stored once, or nothing: the log
//! itself says which questions are answered ([`seat`]). What a model says reaches a room only as text.

mod answered;
mod answering;
mod context;
pub mod metrics;
pub mod model;
mod question;
mod run;
mod seat;
pub mod settings;
mod spent;

pub use run::Bots;
