//! Room heads and index rows: derived from the log, and not yet written beside it.
//!
//! Writing a head for every event would touch a page per busy room in every commit. So the heads that
//! changed and the index rows that came up are kept here, and go into their tables once every
//! [`CHECKPOINT_EVENTS`] events, in the same transaction as the events. After a crash they are made again
//! from the records behind the last checkpoint. Readers look here first and in the tables second; what moves
//! from here to there is in both for a moment, never in neither.

use std::collections::{BTreeSet, HashMap};

use crate::event::{Position, RoomName, Timestamp};

/// A room has one index row per this many events: the farthest that a read ever has to walk back.
pub(crate) const INDEX_EVERY: u64 = 128;
/// Events between two checkpoints: bounds this memory, and the records that a start reads again.
pub(crate) const CHECKPOINT_EVENTS: usize = 16_384;

/// The newest event of a room, and how many events its chain has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub position: Position,
    pub count: u64,
    /// When it was made.
    pub at: Timestamp,
}

impl Default for Head {
    fn default() -> Self {
        Self { position: 0, count: 0, at: Timestamp(0) }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Derived {
    heads: HashMap<RoomName, Head>,
    index: BTreeSet<(RoomName, Position)>,
    events: usize,
}

impl Derived {
    /// Takes an event that follows `before` in its room.
    pub fn record(&mut self, room: &RoomName, before: Head, position: Position, at: Timestamp) {
        let head = Head { position, count: before.count + 1, at };
        self.heads.insert(room.clone(), head);
        if head.count.is_multiple_of(INDEX_EVERY) {
            self.index.insert((room.clone(), position));
        }
        self.events += 1;
    }

    pub fn head(&self, room: &RoomName) -> Option<Head> {
        self.heads.get(room).copied()
    }

    /// The first index row of a room after a position.
    pub fn index_after(&self, room: &RoomName, after: Position) -> Option<Position> {
        let from = (room.clone(), after.checked_add(1)?);
        let to = (room.clone(), Position::MAX);
        self.index.range(from..=to).next().map(|(_, position)| *position)
    }

    /// Adds what a batch brought.
    pub fn absorb(&mut self, batch: Derived) {
        self.heads.extend(batch.heads);
        self.index.extend(batch.index);
        self.events += batch.events;
    }

    pub fn heads(&self) -> impl Iterator<Item = (&RoomName, &Head)> {
        self.heads.iter()
    }

    pub fn index(&self) -> impl Iterator<Item = &(RoomName, Position)> {
        self.index.iter()
    }

    pub fn events(&self) -> usize {
        self.events
    }
}
