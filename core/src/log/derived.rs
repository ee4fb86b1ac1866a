//! Room heads, index rows and idempotency keys: derived from the log, and not yet written beside it.
//!
//! Writing a head for every event would touch a page per busy room in every commit. So the heads that
//! changed, the index rows and the keys that came up are kept here, and go into their tables once every
//! [`CHECKPOINT_EVENTS`] events, in the same transaction as the events. After a crash they are made again
//! from the records behind the last checkpoint. Readers look here first and in the tables second; what moves
//! from here to there is in both for a moment, never in neither.

use std::collections::{BTreeSet, HashMap};

use crate::event::{Position, RoomName, Timestamp};
use crate::log::contract::StoredKey;

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

/// The part of a room's head and index that is here.
pub(crate) struct Known {
    pub head: Option<Head>,
    pub index: Option<Position>,
}

#[derive(Debug, Default)]
pub(crate) struct Derived {
    heads: HashMap<RoomName, Head>,
    index: BTreeSet<(RoomName, Position)>,
    keys: Vec<StoredKey>,
    events: usize,
}

impl Derived {
    /// Takes an event that follows `before` in its room.
    pub fn record(&mut self, room: &RoomName, before: Head, position: Position, at: Timestamp) {
        let head = Head { position, count: before.count + 1, at };
        self.heads.insert(room.clone(), head);
        self.note(room, head);
    }

    /// Takes an event that follows the head that its room has here, or else `before`. Returns the position of
    /// that head. Looks the room up once.
    pub fn append<E>(
        &mut self,
        room: &RoomName,
        (position, at): (Position, Timestamp),
        before: impl FnOnce() -> Result<Head, E>,
    ) -> Result<Position, E> {
        if let Some(head) = self.heads.get_mut(room) {
            let prev = head.position;
            *head = Head { position, count: head.count + 1, at };
            let head = *head;
            self.note(room, head);
            return Ok(prev);
        }
        let before = before()?;
        self.record(room, before, position, at);
        Ok(before.position)
    }

    fn note(&mut self, room: &RoomName, head: Head) {
        let position = head.position;
        if head.count.is_multiple_of(INDEX_EVERY) {
            self.index.insert((room.clone(), position));
        }
        self.events += 1;
    }

    /// Takes the key of a record.
    pub fn record_key(&mut self, key: StoredKey) {
        self.keys.push(key);
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
        self.keys.extend(batch.keys);
        self.events += batch.events;
    }

    pub fn heads(&self) -> impl Iterator<Item = (&RoomName, &Head)> {
        self.heads.iter()
    }

    /// The newest index row of a room before a position.
    pub fn index_before(&self, room: &RoomName, before: Position) -> Option<Position> {
        let rows = self.index.range((room.clone(), 0)..(room.clone(), before));
        rows.last().map(|(_, position)| *position)
    }

    pub fn index(&self) -> impl Iterator<Item = &(RoomName, Position)> {
        self.index.iter()
    }

    /// The keys, in the order of their records.
    pub fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    pub fn events(&self) -> usize {
        self.events
    }
}

/// The idempotency keys of records up to the checkpoint that are not in their table: a log of a release
/// before has no such table.
#[derive(Debug)]
pub(crate) enum MissingKeys {
    /// Its rows are complete.
    None,
    /// Those of the records after a position, and up to another, are still to be looked for.
    After(Position, Position),
    /// They were found, in ascending order, and are to be written.
    Found(Vec<StoredKey>),
}

impl MissingKeys {
    /// Returns the keys that the next checkpoint writes, and true if it will be complete with them.
    pub fn next(&self, max: usize) -> (&[StoredKey], bool) {
        match self {
            Self::None => (&[], true),
            Self::After(..) => (&[], false),
            Self::Found(keys) => {
                let left = keys.len().saturating_sub(max);
                (&keys[left..], left == 0)
            }
        }
    }

    /// Forgets the newest `count`: a checkpoint holds them.
    pub fn written(&mut self, count: usize) {
        if let Self::Found(keys) = self {
            keys.truncate(keys.len().saturating_sub(count));
            if keys.is_empty() {
                *self = Self::None;
            }
        }
    }
}
