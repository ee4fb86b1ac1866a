//! The client of a language model: a prompt goes to a server that speaks Ollama's API or OpenAI's, and the
//! answer comes back piece by piece.
//!
//! [`Model::ask`] promises an end: every wait and every buffer has a limit, and a dropped [`answer::Answer`] closes
//! the connection, by which the server stops writing. Only what the model says to people comes out as text:
//! no thinking, no calls of tools, no error of the server. No redirect is followed, no proxy is used, and
//! nothing packed is unpacked.
//!
//! Beside it are the rules of the text itself: what people typed on its way in ([`prompt`],
//! [`control_tokens`]), and what the model wrote on its way out ([`answer_text`]). When to ask, and what a
//! failure means for an answer, is its caller's business.

mod answer;
pub mod answer_text;
mod chunk;
mod client;
mod connect;
mod control_tokens;
mod decoder;
mod endpoint;
mod exchange;
mod failure;
mod key;
mod lines;
mod ollama;
mod openai;
mod piece;
pub mod prompt;
mod reading;
mod request;
mod settings;
mod spoken;
mod times;

#[cfg(test)]
mod tests;

pub use endpoint::{Api, Endpoint};
#[cfg(test)]
use failure::Break;
pub use failure::{Failure, Remedy};
pub use key::Key;
pub use piece::{Finished, Piece};
pub use prompt::Prompt;
#[cfg(any(test, fuzzing))]
pub use prompt::Turn;
#[cfg(any(test, fuzzing))]
pub use reading::Reading;
pub use settings::{Model, Think};
pub use times::Times;
