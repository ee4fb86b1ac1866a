//! A model, and how it is asked.

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use super::key::Key;
use super::times::Times;
use crate::outgoing::Trust;

/// A model behind a server. It keeps no connection; it is asked by [`Model::ask`], as often at once as the
/// caller likes.
#[derive(Debug, Clone)]
pub struct Model {
    /// The server.
    pub endpoint: Endpoint,
    /// The name of the model, as the server knows it.
    pub name: String,
    /// Tokens of prompt and answer together. Ollama is always told; OpenAI's API has no word for it.
    pub context_tokens: u32,
    /// Longest answer in tokens, thinking counted.
    pub answer_tokens: u32,
    /// The key, if the server wants one.
    pub key: Option<Key>,
    /// Thinking, if it is not left to the model.
    pub think: Option<Think>,
    /// The time for which Ollama keeps the model loaded, as Ollama reads it: `30m`.
    pub keep_alive: Option<String>,
    /// The limits on its time.
    pub times: Times,
    /// The authorities that are trusted if the address is one of `https`. `None`: those of the system.
    pub trust: Option<Trust>,
}

/// Thinking before an answer: yes, no, or in a word. A model that cannot think is not told to: Ollama refuses
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Think {
    /// Yes or no.
    Flag(bool),
    /// In a word of the model's, such as `low`.
    Level(String),
}
