//! A line of an answer, read.

use super::piece::Finished;

/// The part of an answer that a line has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// True if the model thinks, or calls a tool.
    pub is_thinking: bool,
    /// The text, as the server gives it: a leading `<think>` is still in it.
    pub text: String,
    /// The end, if this is the last line.
    pub finished: Option<Finished>,
}
