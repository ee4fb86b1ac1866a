//! A broken promise.

use std::fmt;

use millchat::{Position, RoomName};

/// The promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// 1: an acknowledged event is in the log once, at its position.
    Acknowledged,
    /// 2: the log's links are whole.
    Chain,
    /// 3: nothing is stored twice, nor after it was rejected, nor without having been sent.
    Once,
    /// 4: a sender's events keep their order.
    Order,
    /// 5 and 6: a stream is a contiguous piece of the chain, event for event.
    Stream,
    /// 6: a page of history is the fold of the stream.
    History,
    /// Something was observed of a room whose log was not given.
    NotLookedAt,
}

/// One broken promise, with what is needed to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub rule: Rule,
    /// The room.
    pub room: RoomName,
    /// Whose observation it is: a sender, a reader, a page, or the log itself.
    pub who: String,
    /// The positions it is about.
    pub positions: Vec<Position>,
    /// The fault, in words.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, room, who, positions, what } = self;
        write!(f, "{rule:?} broken in room {room}, {who}, at {positions:?}: {what}")
    }
}
