//! Real servers of language models, with a model of less than a megabyte that `verify/model/tiny.py` writes and
//! describes: it says fixed texts, chosen by the last words of the question.

mod exchange;
mod llama;
mod ollama;

use std::time::Duration;

pub use exchange::exchange;
pub use llama::Llama;
pub use ollama::Ollama;

/// The end of a question for an answer without an end.
pub const ENDLESS: &str = "(endless)";
/// The end of a question for an answer after some thought.
pub const THINKING: &str = "(thinking)";
/// The end of a question for an answer of markup, ends of lines and marks.
pub const HOSTILE: &str = "(hostile)";
/// The end of a question for no answer.
pub const MUTE: &str = "(mute)";
/// The answer to every other question.
pub const SENTENCE: &str = "Rain falls because clouds grow heavy, and drops join.";

/// Time that a server may take to start, and to become idle. Generous, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Interval between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
