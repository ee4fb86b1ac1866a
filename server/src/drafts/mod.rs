//! Unfinished answers of bots: who is writing which, who may stop them, and which were stopped.
//!
//! The chat shows drafts to the readers of a room and knows nothing else of them. Here is what a bot and whoever
//! asked it need: a stop that the bot is told of, and that outlives the draft for a while.

mod acts;
mod held;

pub use acts::{end, is_stopped, show};
pub use held::Drafts;
