//! Outgoing webhooks: receivers that the settings name get what people write, one message after the other.
//!
//! A webhook is a reader with a place in the log. It queues nothing: a slow receiver lags behind, and nobody else does.
//! Delivery is at least once, in order, each message under an id that stays the same. The place is kept in the log
//! every few seconds, so what was sent after it is sent again after a crash. A receiver may answer with a message.

mod address;
mod answer;
mod body;
mod deliver;
mod exchange;
mod filter;
mod outcome;
mod place;
mod reader;
mod run;
pub mod settings;
#[cfg(test)]
mod tests;

pub use place::KIND;
pub use run::Webhooks;
