//! The pieces of an answer.

/// A piece of an answer, in the order in which the model makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The model thinks, or calls a tool that it does not have. Its words are dropped.
    Thinking,
    /// Text for people, never empty.
    Text(String),
    /// The end. There is no piece after it.
    Finished(Finished),
}

/// The end of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finished {
    /// True if the answer is longer than it may be, in tokens.
    pub cut: bool,
    /// Tokens of the prompt, if the server counts them.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer with its thinking, if the server counts them.
    pub answer_tokens: Option<u64>,
}
