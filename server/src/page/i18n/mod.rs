//! The messages of the page, in every language that has a catalogue in `server/web/locales`.
//!
//! No other part of the page holds words. A page for one reader is written in the reader's [`Language`]; a
//! frame of the stream, which goes to everybody in the room, names its messages, and the reader's browser
//! fills them in ([`Localizer`]). A new language is a new `.ftl` file and nothing else: the build finds it,
//! and its name and direction are messages in it.

mod catalogue;
mod expand;
mod language_cookie;
mod message;
mod negotiate;
#[cfg(test)]
mod tests;

pub use catalogue::{Language, Value};
pub use language_cookie::{renewed as renewed_language_cookie, set as set_language_cookie};
pub use message::{LocalizedMessage, Localizer};
