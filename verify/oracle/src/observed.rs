//! Events, pages and logs as they are compared: in digests.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use millchat::{Body, Event, HistoryPage, Message, Position, Reaction, Reactions, RoomName};

/// The digest by which texts are compared. Stable within one process only.
pub fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The kind of an event, with the message that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A message was posted.
    Message,
    /// A message was posted that answers the one at this position.
    Reply(Position),
    /// The message at this position got a new text.
    Edit(Position),
    /// The message at this position was taken away.
    Delete(Position),
    /// A reaction to the message at this position was added, or taken back.
    React(Position, Reaction, bool),
    /// The room was closed to writing.
    Close,
    /// The room was opened again.
    Open,
    /// The text of everything before it in the room was taken away.
    Empty,
    /// A kind that this checker does not know; its place in the chain counts.
    Other,
}

/// The content of an event in digests: two events that say the same compare equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventDigest {
    /// The [`digest`] of the author's id; 0 for none.
    pub author: u64,
    /// The kind, with its target.
    pub kind: EventKind,
    /// The [`digest`] of the text; `None` where there is none, or where it is withheld.
    pub content: Option<u64>,
}

impl EventDigest {
    /// A posted message.
    pub fn post(author_id: &str, content: &str) -> Self {
        Self { author: digest(author_id), kind: EventKind::Message, content: Some(digest(content)) }
    }

    /// A posted message that answers another one.
    pub fn reply(author_id: &str, target: Position, content: &str) -> Self {
        Self { kind: EventKind::Reply(target), ..Self::post(author_id, content) }
    }

    /// The part that a delete leaves as it is.
    pub(crate) fn shape(self) -> Self {
        Self { content: None, ..self }
    }
}

/// An event as a reader received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Its position.
    pub position: Position,
    /// The position of the event before it in the room.
    pub prev: Position,
    /// Its content.
    pub event: EventDigest,
}

impl Observed {
    /// The digest of all but the text.
    pub(crate) fn shape_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.position, self.prev, self.event.shape()).hash(&mut hasher);
        hasher.finish()
    }
}

/// The digest of a text at its place: a text under another position counts as another.
pub(crate) fn content_digest(position: Position, content: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (position, content).hash(&mut hasher);
    hasher.finish()
}

impl From<&Event> for Observed {
    fn from(event: &Event) -> Self {
        let text = |content: &Option<Arc<str>>| content.as_deref().map(digest);
        let (kind, content) = match &event.body {
            Body::Message { content, reply_to: None } => (EventKind::Message, text(content)),
            Body::Message { content, reply_to: Some(target) } => (EventKind::Reply(*target), text(content)),
            Body::Edit { target, content } => (EventKind::Edit(*target), text(content)),
            Body::Delete { target } => (EventKind::Delete(*target), None),
            Body::Reaction { target, reaction, on, .. } => (EventKind::React(*target, *reaction, *on), None),
            Body::Close => (EventKind::Close, None),
            Body::Open => (EventKind::Open, None),
            Body::Purge => (EventKind::Empty, None),
            // A kind of a later release, known to the log or not.
            _ => (EventKind::Other, None),
        };
        let author = event.author.as_ref().map_or(0, |author| digest(&author.id));
        Self { position: event.position, prev: event.prev, event: EventDigest { author, kind, content } }
    }
}

/// A message as a page of history told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryEntry {
    /// The position at which it was posted.
    pub position: Position,
    /// The position of the event before it in the room.
    pub prev: Position,
    /// The [`digest`] of the author's id; 0 for none.
    pub author: u64,
    /// The [`digest`] of the text; `None` once deleted.
    pub content: Option<u64>,
    /// The message that it answers.
    pub reply_to: Option<Position>,
    /// The [`ReactionDigest`]s to it, all of them added up; `None` when not all are named.
    pub reactions: Option<u64>,
}

/// A reaction to a message in a sum, in which their order does not count: which, and the digest of its
/// author's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReactionDigest(pub Reaction, pub u64);

impl ReactionDigest {
    /// Returns the number that it adds to the sum.
    pub fn digest(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// The sum over the reactions to a message; `None` when not all of them are named.
fn sum_of(all: &[Reactions]) -> Option<u64> {
    let mut sum = 0_u64;
    for Reactions { reaction, count, authors } in all {
        if authors.len() != *count {
            return None;
        }
        for author in authors {
            sum = sum.wrapping_add(ReactionDigest(*reaction, digest(&author.id)).digest());
        }
    }
    Some(sum)
}

/// A page of history as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The room's head by the same answer: the page may be newer than that, never older.
    pub head: Position,
    /// The messages, oldest first.
    pub messages: Vec<HistoryEntry>,
}

impl From<&HistoryPage> for Page {
    fn from(page: &HistoryPage) -> Self {
        let entry = |message: &Message| HistoryEntry {
            position: message.position,
            prev: message.prev,
            author: message.author.as_ref().map_or(0, |author| digest(&author.id)),
            content: message.content.as_deref().map(digest),
            reply_to: message.reply_to,
            reactions: sum_of(&message.reactions),
        };
        Self { head: page.head, messages: page.messages.iter().map(entry).collect() }
    }
}

/// A room as it was read at the end, from the floor to the head: the truth that all else is held against.
#[derive(Debug, Clone)]
pub struct RecoveredLog {
    /// The room.
    pub room: RoomName,
    /// The oldest position that retention still keeps.
    pub floor: Position,
    /// The room's newest position, as the log states it.
    pub head: Position,
    /// Every event of the room, oldest first.
    pub events: Vec<Observed>,
}
