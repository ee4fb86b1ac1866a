//! Settings: defaults, then the file, then the environment, then the flags; the later one wins.
//!
//! A wrong setting is refused with its name, its origin and what is allowed, and nothing is guessed: an
//! unknown key in the file is refused by name. Unknown `MILLCHAT_…` variables are left alone, because
//! orchestrators invent such names for a service called millchat. There is no setting here that nobody would
//! set.

mod changes;
mod contents;
mod doubts;
mod flags;
mod https;
mod listening;
mod node;
mod reach;
mod settings;
#[cfg(test)]
mod tests;

pub use flags::Flags;
pub use listening::Listening;
pub use settings::{LogFormat, Settings};
