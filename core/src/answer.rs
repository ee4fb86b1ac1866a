//! Answers that are still being written: shown to the readers of a room, never logged.

use std::sync::Arc;

use crate::event::{Author, Position};
use crate::limits::ANSWER_BYTES_MAX;

/// An answer that an author is writing, a program as a rule: see [`crate::Chat::show_answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedAnswer {
    /// Its author.
    pub author: Author,
    /// The position of the message that it answers.
    pub reply_to: Position,
    /// The id of the author of that message, if it is known.
    pub asker_id: Option<Arc<str>>,
    /// Its state.
    pub state: AnswerState,
    /// The end of its text so far: at most [`ANSWER_BYTES_MAX`] bytes.
    pub content: Arc<str>,
    /// The bytes of its text before them.
    pub from: usize,
}

/// The state of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerState {
    /// Its author will begin.
    Waiting,
    /// Its author thinks, and has written nothing.
    Thinking,
    /// Its text grows.
    Writing,
    /// There will be none. The reason is a word for programs.
    Failed(Arc<str>),
}

impl AnswerState {
    /// Returns the word for it in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Thinking => "thinking",
            Self::Writing => "writing",
            Self::Failed(_) => "failed",
        }
    }
}

impl UnfinishedAnswer {
    /// Makes one without a text, by an author to a message.
    pub fn new(author: Author, reply_to: Position, state: AnswerState) -> Self {
        Self { author, reply_to, asker_id: None, state, content: "".into(), from: 0 }
    }

    /// The same with this text so far, of which it keeps the end.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.from = text.ceil_char_boundary(text.len().saturating_sub(ANSWER_BYTES_MAX));
        self.content = text[self.from..].into();
        self
    }

    /// Returns the bytes of its text so far.
    pub(crate) fn text_bytes(&self) -> usize {
        self.from + self.content.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AuthorKind;

    #[test]
    fn of_a_long_text_the_end_is_kept_from_a_whole_character_on() {
        let author = Author { id: "b".into(), name: "B".into(), kind: AuthorKind::Bot };
        let answer =
            |text: &str| UnfinishedAnswer::new(author.clone(), 1, AnswerState::Writing).with_text(text);
        let short = answer("abc");
        assert_eq!((&*short.content, short.from), ("abc", 0));
        let long = answer(&"ä".repeat(ANSWER_BYTES_MAX));
        assert_eq!((long.content.len(), long.from), (ANSWER_BYTES_MAX, ANSWER_BYTES_MAX));
        let odd = answer(&format!("{}x", "ä".repeat(ANSWER_BYTES_MAX)));
        assert_eq!((odd.content.len(), odd.from), (ANSWER_BYTES_MAX - 1, ANSWER_BYTES_MAX + 2));
    }
}
