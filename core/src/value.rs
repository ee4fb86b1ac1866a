//! The data of kept values: what an embedder keeps in the log beside the rooms.
//!
//! A value has a key `kind/rest`. The meaning of both is the embedder's. A kind that begins with `.` is
//! secret: no export has its values, and a text that was replaced or removed is erased from its record.

use std::fmt;
use std::sync::Arc;

use crate::event::{Author, Position, Timestamp};
use crate::limits::VALUE_KEY_BYTES_MAX;

/// A value in force: until it is replaced, removed or expired.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Its text.
    pub text: Arc<str>,
    /// The position of the record that set it.
    pub position: Position,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it expires; `None` for never. At that moment it is absent.
    pub until: Option<Timestamp>,
    /// The author who set it, as named at that time.
    pub by: Option<Author>,
}

impl Value {
    /// Returns true if it has not expired at this time.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// Without the text, which may be a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, position, set_at, until, by } = self;
        let mut out = f.debug_struct("Value");
        out.field("text_bytes", &text.len()).field("position", position).field("set_at", set_at);
        out.field("until", until).field("by", by).finish()
    }
}

/// A value to be set: see [`crate::Chat::set_value`].
#[derive(Clone, PartialEq, Eq)]
pub struct NewValue {
    /// Its text: at most [`crate::VALUE_TEXT_BYTES_MAX`].
    pub text: String,
    /// When it expires; `None` for never. A moment that is past is allowed: the value is absent at once.
    pub until: Option<Timestamp>,
    /// The author who sets it.
    pub by: Option<Author>,
    /// The value that it may replace.
    pub replaces: Replaces,
    /// Most values of its kind. It is refused when as many others are in force.
    pub limit: usize,
}

/// Without the text, which may be a secret.
impl fmt::Debug for NewValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, until, by, replaces, limit } = self;
        let mut out = f.debug_struct("NewValue");
        out.field("text_bytes", &text.len()).field("until", until).field("by", by);
        out.field("replaces", replaces).field("limit", limit).finish()
    }
}

/// The condition under which a value is set. The writer decides it, in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaces {
    /// There is none.
    Any,
    /// No value of this key is in force.
    Absent,
    /// The value in force was set by the record at this position.
    Position(Position),
}

/// Returns true if a text can be the key of a value: a kind, a `/` and more, all of it visible ASCII.
pub fn is_value_key(key: &str) -> bool {
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    let has_parts = key.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    key.len() <= VALUE_KEY_BYTES_MAX && is_visible && has_parts
}

/// Returns the kind of a key: the part before the first `/`.
pub(crate) fn kind_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(kind, _)| kind)
}

/// Returns true if a key is of a secret kind.
pub(crate) fn is_secret(key: &str) -> bool {
    key.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_kind_and_more_in_visible_ascii() {
        let longest = format!("k/{}", "x".repeat(VALUE_KEY_BYTES_MAX - 2));
        for key in ["k/x", ".key/1", "ban/lobby/g_1", "a//", "role/team-*/u_1", &longest] {
            assert!(is_value_key(key), "{key}");
        }
        let too_long = format!("{longest}x");
        for key in ["", "/", "k", "k/", "/x", "k/ x", "k/\u{e9}", "k/\n", "k/\u{7f}", &too_long] {
            assert!(!is_value_key(key), "{key}");
        }
        assert_eq!((kind_of("ban/lobby/g_1"), kind_of(".key/1")), ("ban", ".key"));
    }

    #[test]
    fn no_debug_form_shows_a_text() {
        let text = "a secret";
        let value = Value { text: text.into(), position: 1, set_at: Timestamp(1), until: None, by: None };
        let (until, by) = (None, None);
        let new = NewValue { text: text.to_owned(), until, by, replaces: Replaces::Any, limit: 1 };
        for shown in [format!("{value:?}"), format!("{new:?}")] {
            assert!(!shown.contains(text), "{shown}");
        }
    }
}
