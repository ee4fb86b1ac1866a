//! Kept values: the part of the public face by which an embedder keeps its own state in the log.

use std::sync::Arc;

use crate::chat::Chat;
use crate::error::SendError;
use crate::event::{Author, Receipt, Timestamp};
use crate::limits::VALUE_TEXT_BYTES_MAX;
use crate::value::{NewValue, Value, is_value_key};
use crate::writer::check_author;

/// # Kept values
///
/// A value is a short text under a key `kind/rest`, which the log keeps until it is replaced, removed or
/// expired: also when retention has trimmed its record. It belongs to no room and makes no event. It is as
/// durable as a message, and it is in backups. All values are in memory: to look at them costs no read of the
/// log. A kind that begins with `.` is secret: its values are in no export.
impl Chat {
    /// Returns the value of a key. One that has expired is none.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.shared().log.values().get(key, Timestamp::now)
    }

    /// Returns the values whose key begins with a prefix, in the order of the keys.
    pub fn values(&self, prefix: &str) -> Vec<(Arc<str>, Value)> {
        self.values_from(prefix, None, usize::MAX)
    }

    /// Returns a page of the values whose key begins with a prefix: those after the key `after`, in the order
    /// of the keys, and at most `count`.
    pub fn values_from(&self, prefix: &str, after: Option<&str>, count: usize) -> Vec<(Arc<str>, Value)> {
        self.shared().log.values().range(prefix, after, count, Timestamp::now())
    }

    /// Returns the number of values of a kind, the part of their keys before the first `/`. Those that have expired
    /// count until they are taken out. It looks at no value, so it costs the same however many there are.
    pub fn values_count(&self, kind: &str) -> usize {
        self.shared().log.values().count(kind)
    }

    /// Returns a number that rises when a value is set or removed, and not when one expires; and when an author
    /// is banned or a ban is taken back. Values of [`quiet`](crate::Builder::quiet_values) kinds leave it as it is. It
    /// costs one load.
    ///
    /// It rises before the change is acknowledged, and before any event that was committed with the change or
    /// after it is published or acknowledged. Ask for it before you look at values: then what you made of
    /// them holds as long as the number is the same and none of them has expired.
    pub fn values_version(&self) -> u64 {
        self.shared().log.values().version()
    }

    /// Sets the value of a key, and resolves when that is durable. Its receipt's `prev` is 0.
    ///
    /// ```
    /// # use millchat::{Chat, NewValue, Replaces};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let chat = Chat::open("memory:")?;
    /// let role = |text: &str, replaces| {
    ///     NewValue { text: text.into(), until: None, by: None, replaces, limit: 100_000 }
    /// };
    /// let first = chat.set_value("role/lobby/ada", role("reader", Replaces::Absent)).await?;
    /// // Unless somebody else has changed it since:
    /// chat.set_value("role/lobby/ada", role("writer", Replaces::Position(first.position))).await?;
    /// assert!(chat.value("role/lobby/ada").is_some_and(|role| *role.text == *"writer"));
    /// # Ok(()) })
    /// # .map_err(|error: Box<dyn std::error::Error>| error)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The writer decides in the order of the log if the value may replace what is in force, else the error is
    /// [`SendError::ValueChanged`]. When its kind has as many other values as it may, or all values take
    /// [`VALUES_BYTES_MAX`](crate::VALUES_BYTES_MAX), it is [`SendError::TooMany`].
    pub async fn set_value(&self, key: &str, new: NewValue) -> Result<Receipt, SendError> {
        check_key(key, new.by.as_ref())?;
        if new.text.len() > VALUE_TEXT_BYTES_MAX {
            return Err(SendError::InvalidValue("text"));
        }
        self.writer().set_value(key.into(), new).await
    }

    /// Removes the value of a key, and resolves when that is durable. If there is none in force, the error is
    /// [`SendError::UnknownValue`]: of several who remove it at once, one succeeds.
    pub async fn remove_value(&self, key: &str, by: Option<Author>) -> Result<Receipt, SendError> {
        check_key(key, by.as_ref())?;
        self.writer().remove_value(key.into(), by).await
    }
}

fn check_key(key: &str, by: Option<&Author>) -> Result<(), SendError> {
    if !is_value_key(key) {
        return Err(SendError::InvalidValue("key"));
    }
    by.map_or(Ok(()), |by| check_author(&by.id, &by.name))
}
