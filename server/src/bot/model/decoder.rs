//! The lines of an answer, in either API.

use super::chunk::Chunk;
use super::endpoint::Api;
use super::failure::Break;
use super::{ollama, openai};

/// Reads the lines of one answer.
#[derive(Debug)]
pub enum Decoder {
    /// Of Ollama's API; no line depends on another.
    Ollama,
    /// Of OpenAI's API.
    OpenAi(openai::Reader),
}

impl Decoder {
    /// Makes a reader for an answer of this API.
    pub fn new(api: Api) -> Self {
        match api {
            Api::Ollama => Self::Ollama,
            Api::OpenAi => Self::OpenAi(openai::Reader::default()),
        }
    }

    /// Reads the next line.
    pub fn read(&mut self, line: &[u8]) -> Result<Chunk, Break> {
        match self {
            Self::Ollama => ollama::read(line),
            Self::OpenAi(reader) => reader.read(line),
        }
    }
}
