//! The result of a check of a log: see [`crate::log::check`].

use std::fmt;

use crate::event::{Epoch, Position, RoomName};

/// Something in a log that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The room it is about, when it is about one.
    pub room: Option<RoomName>,
    /// The position it is about, when it is about one.
    pub position: Option<Position>,
    /// The fault.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.room, self.position) {
            (Some(room), Some(position)) => write!(f, "room {room}, position {position}: {}", self.what),
            (Some(room), None) => write!(f, "room {room}: {}", self.what),
            (None, Some(position)) => write!(f, "position {position}: {}", self.what),
            (None, None) => write!(f, "the whole log: {}", self.what),
        }
    }
}

/// The figures of a log that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The log's id.
    pub epoch: Epoch,
    /// The oldest position that is kept.
    pub floor: Position,
    /// The newest position.
    pub head: Position,
    /// Records that were read.
    pub records: u64,
    /// Rooms that have records.
    pub rooms: u64,
    /// Edits of messages.
    pub edits: u64,
    /// Reactions in force.
    pub reactions: u64,
    /// Rows of the index.
    pub index_rows: u64,
    /// Bytes of the records.
    pub live_bytes: u64,
    /// Rooms that are closed to writing.
    pub closed_rooms: u64,
    /// Authors who are banned.
    pub bans: u64,
    /// Kept values.
    pub values: u64,
    /// Damaged records that were left out when the log was made of another one.
    pub skipped: u64,
    /// True if the file was closed. If not, it was first repaired in memory, as the next start would repair
    /// it.
    pub closed: bool,
    /// The number of findings.
    pub findings: u64,
}
