//! A record about a kept value, as data.

use std::fmt;
use std::sync::Arc;

use crate::event::{Author, Timestamp};
use crate::limits::VALUE_TEXT_BYTES_MAX;
use crate::value::{is_secret, is_value_key};

/// A value that is set, or removed.
#[derive(Clone, PartialEq, Eq)]
pub struct ValueRecord {
    /// Its key.
    pub key: Arc<str>,
    /// True if it is set, false if it is removed.
    pub is_set: bool,
    /// Its text; `None` of a removal, and of a secret that was replaced, removed or expired.
    pub text: Option<Arc<str>>,
    /// When it expires; `None` for never.
    pub until: Option<Timestamp>,
    /// The author, as named at that time.
    pub by: Option<Author>,
}

impl ValueRecord {
    /// Returns true if its kind is secret: it is in no export.
    pub fn is_secret(&self) -> bool {
        is_secret(&self.key)
    }

    /// Returns true if the chat could have stored it.
    pub fn is_allowed(&self) -> bool {
        let text = self.text.as_ref();
        is_value_key(&self.key)
            && text.is_none_or(|text| self.is_set && text.len() <= VALUE_TEXT_BYTES_MAX)
            && (self.is_set || self.until.is_none())
    }
}

/// Without the text, which may be a secret.
impl fmt::Debug for ValueRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, is_set, text, until, by } = self;
        let mut out = f.debug_struct("ValueRecord");
        out.field("key", key)
            .field("is_set", is_set)
            .field("text_bytes", &text.as_ref().map(|text| text.len()));
        out.field("until", until).field("by", by).finish()
    }
}
