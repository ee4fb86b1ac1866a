//! The data: events, what they hold, and what a sender hands in.
//!
//! Nothing here does anything. An [`Event`] is one record of the log as readers see it; it is made once,
//! by the writer, from the record that was committed, and is never changed afterwards.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits::ROOM_NAME_BYTES_MAX;
use crate::reaction::Reaction;

/// A position in the log: ascending from 1, never reused. 0 means "before the first".
pub type Position = u64;

/// The random id of a log's life. A new log has a new epoch, so that an old id cannot mean another event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u32);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an epoch or an event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form EPOCH-POSITION, for example 5f3c9a2e-1188")]
pub struct InvalidEventId;

impl FromStr for Epoch {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 8 || !text.bytes().all(lower_hex) {
            return Err(InvalidEventId);
        }
        u32::from_str_radix(text, 16).map(Epoch).map_err(|_| InvalidEventId)
    }
}

/// The id of an event: a position with the epoch of its log. It is the `id` of SSE, `5f3c9a2e-1188`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The log's life that the position belongs to.
    pub epoch: Epoch,
    /// The last position the reader has.
    pub position: Position,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.position)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let (epoch, position) = text.split_once('-').ok_or(InvalidEventId)?;
        // `u64::from_str` takes a plus sign; an id of ours never has one.
        if position.is_empty() || !position.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidEventId);
        }
        Ok(EventId { epoch: epoch.parse()?, position: position.parse().map_err(|_| InvalidEventId)? })
    }
}

/// A name outside the rule for rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a room's name is 1 to {ROOM_NAME_BYTES_MAX} of A-Z a-z 0-9 _ -")]
pub struct InvalidRoomName;

/// The name of a room: 1 to 64 of `A-Z a-z 0-9 _ -`. Case counts. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, InvalidRoomName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > ROOM_NAME_BYTES_MAX || !name.bytes().all(allowed) {
            return Err(InvalidRoomName);
        }
        Ok(Self(Arc::from(name)))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RoomName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The kind of an author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthorKind {
    /// Somebody who gave a name and nothing else.
    Guest,
    /// Somebody who signed in.
    User,
    /// A program.
    Bot,
}

impl AuthorKind {
    /// Returns true for a guest and a user, and false for a program.
    pub fn is_person(self) -> bool {
        matches!(self, Self::Guest | Self::User)
    }

    /// The word for it in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::User => "user",
            Self::Bot => "bot",
        }
    }
}

/// The author of an event, as named when it was sent. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Author {
    /// Stable over renames. At most [`crate::AUTHOR_ID_BYTES_MAX`] bytes.
    pub id: Arc<str>,
    /// The name that people read. At most [`crate::AUTHOR_NAME_BYTES_MAX`] bytes.
    pub name: Arc<str>,
    /// Guest, user or bot.
    pub kind: AuthorKind,
}

impl Author {
    /// Returns the bytes of its texts: what bounds count.
    pub(crate) fn text_bytes(&self) -> usize {
        self.id.len() + self.name.len()
    }
}

/// Time since the Unix epoch in milliseconds, by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The wall clock now.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_millis() as u64)
    }
}

/// The body of an event.
///
/// A content of `None` was taken away, by a delete or by a purge of the room: it is served to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A message was posted.
    Message {
        /// The text.
        content: Option<Arc<str>>,
        /// The position of the message that it answers.
        reply_to: Option<Position>,
    },
    /// The content of an earlier message was replaced.
    Edit {
        /// The position of the message.
        target: Position,
        /// The new text.
        content: Option<Arc<str>>,
    },
    /// An earlier message was taken away.
    Delete {
        /// The position of the message.
        target: Position,
    },
    /// A reaction to a message was added or taken back.
    Reaction {
        /// The position of the message.
        target: Position,
        /// The kind.
        reaction: Reaction,
        /// True if it was added, false if it was taken back.
        on: bool,
        /// The number of its kind that the message has after it.
        count: u64,
    },
    /// The room was closed to writing.
    Close,
    /// The room was opened to writing again.
    Open,
    /// The room was purged: the content of all its events before this one was taken away. The API and the
    /// file format call it `empty`.
    Purge,
    /// A kind that a newer release wrote. Its position in the chain counts, its meaning is unknown here.
    Unknown {
        /// The kind's number in the record.
        kind: u8,
    },
}

/// Each kind of event is described here once: its name, its target and its content. To add a kind, see the
/// recipe in `docs/architecture.md`.
impl Body {
    /// Returns the kind's name in the API, in exports and in metrics; `None` for a kind of a newer release.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Message { .. } => Some("message"),
            Self::Edit { .. } => Some("edit"),
            Self::Delete { .. } => Some("delete"),
            Self::Reaction { .. } => Some("reaction"),
            Self::Close => Some("close"),
            Self::Open => Some("open"),
            Self::Purge => Some("empty"),
            Self::Unknown { .. } => None,
        }
    }

    /// Returns the position of the earlier message that it changes.
    pub fn target(&self) -> Option<Position> {
        match self {
            Self::Edit { target, .. } | Self::Delete { target } | Self::Reaction { target, .. } => {
                Some(*target)
            }
            Self::Message { .. } | Self::Close | Self::Open | Self::Purge | Self::Unknown { .. } => None,
        }
    }

    /// Returns its text: `None` when its kind has none, or when a delete or a purge took it away.
    pub fn content(&self) -> Option<&str> {
        match self {
            Self::Message { content, .. } | Self::Edit { content, .. } => content.as_deref(),
            _ => None,
        }
    }

    /// Returns true for a kind whose events have content until it is taken away.
    pub fn can_have_content(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Edit { .. })
    }

    /// Returns true if it has content that a delete or a purge would take away.
    pub(crate) fn has_content(&self) -> bool {
        self.content().is_some()
    }
}

/// One record of the log as readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its position in the log.
    pub position: Position,
    /// The position of the event before it in the same room; 0 for the first.
    pub prev: Position,
    /// The room.
    pub room: RoomName,
    /// Its author; system messages have none.
    pub author: Option<Author>,
    /// When the writer took it.
    pub created_at: Timestamp,
    /// Its content.
    pub body: Body,
}

impl Event {
    /// About how much memory the event holds, in bytes: what queues and rings count.
    pub fn cost_bytes(&self) -> usize {
        let author = self.author.as_ref().map_or(0, Author::text_bytes);
        size_of::<Self>() + author + self.body.content().map_or(0, str::len)
    }

    /// Returns true if it posts a message.
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.body, Body::Message { .. })
    }

    /// Returns true if it has the text of this message, or of an edit of it.
    pub(crate) fn is_text_of(&self, message: Position) -> bool {
        match self.body {
            Body::Edit { target, .. } => target == message,
            _ => self.position == message,
        }
    }

    /// Returns the event without its content, as it is served once the text was taken away.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let body = match &self.body {
            Body::Message { reply_to, .. } => Body::Message { content: None, reply_to: *reply_to },
            Body::Edit { target, .. } => Body::Edit { target: *target, content: None },
            other => other.clone(),
        };
        Self { body, ..self.clone() }
    }
}

/// The request of a sender; it becomes one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its author; a system message has none.
    pub author: Option<Author>,
    /// The action to take.
    pub action: Action,
    /// A key by which a repeated send is recognised (see [`crate::Chat::send`]).
    pub key: Option<String>,
}

/// The action of a [`Draft`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Post a message.
    Post {
        /// Its text.
        content: String,
        /// The position of the message that it answers: one of the same room that is there.
        reply_to: Option<Position>,
    },
    /// Replace the text of a message.
    Edit {
        /// The message's position.
        target: Position,
        /// The new text.
        content: String,
        /// True if the sender may do it to messages of others.
        moderator: bool,
    },
    /// Take a message away.
    Delete {
        /// The message's position.
        target: Position,
        /// True if the sender may do it to messages of others.
        moderator: bool,
    },
    /// Add a reaction to a message, or take it back. Only an author can. A repeated request makes no event.
    /// Its receipt is that of the event that added the reaction; for a reaction that is not there, that of
    /// the event that took it back if it is in the same commit, or else that of the message.
    React {
        /// The message's position.
        target: Position,
        /// The kind.
        reaction: Reaction,
        /// True to add it, false to take it back.
        on: bool,
    },
    /// Close the room: nobody posts or edits there until it is opened. Who may do it is the embedder's to
    /// decide, as for the two that follow. A room that is closed already gets its first receipt again.
    Close,
    /// Open the room again.
    Open,
    /// Purge the room: take away the content of all its events, for good.
    Purge,
}

impl Action {
    /// Returns its text, if its kind has one.
    pub fn content(&self) -> Option<&str> {
        match self {
            Self::Post { content, .. } | Self::Edit { content, .. } => Some(content),
            Self::Delete { .. } | Self::React { .. } | Self::Close | Self::Open | Self::Purge => None,
        }
    }
}

impl Draft {
    /// A message by an author.
    pub fn post(author: Author, content: impl Into<String>) -> Self {
        Self {
            author: Some(author),
            action: Action::Post { content: content.into(), reply_to: None },
            key: None,
        }
    }

    /// A message by an author that answers another one.
    pub fn reply(author: Author, target: Position, content: impl Into<String>) -> Self {
        let action = Action::Post { content: content.into(), reply_to: Some(target) };
        Self { author: Some(author), action, key: None }
    }

    /// The same draft with an idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// A send's success: the event is durable and has this position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The event's position.
    pub position: Position,
    /// The position of the event before it in the room.
    pub prev: Position,
    /// The log's epoch.
    pub epoch: Epoch,
    /// When the writer took it.
    pub created_at: Timestamp,
}

impl Receipt {
    /// The id of the event, as a reader's id names it.
    pub fn id(&self) -> EventId {
        EventId { epoch: self.epoch, position: self.position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_reads_back_and_nothing_else_is_one() {
        let id = EventId { epoch: Epoch(0x5f3c_9a2e), position: 1188 };
        assert_eq!(id.to_string(), "5f3c9a2e-1188");
        assert_eq!("5f3c9a2e-1188".parse(), Ok(id));
        for bad in [
            "",
            "-",
            "5f3c9a2e",
            "5f3c9a2e-",
            "5f3c9a2e-+1",
            "5F3C9A2E-1",
            "5f3c9a2-1",
            "5f3c9a2e-1 ",
            "5f3c9a2e-18446744073709551616",
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(InvalidEventId), "{bad:?}");
        }
    }

    #[test]
    fn a_room_name_obeys_the_rule() {
        for good in ["a", "Lobby_2-x", &"x".repeat(64)] {
            assert!(RoomName::new(good).is_ok());
        }
        for bad in ["", "a b", "ä", "a/b", "..", &"x".repeat(65)] {
            assert!(RoomName::new(bad).is_err(), "{bad:?}");
        }
    }
}
