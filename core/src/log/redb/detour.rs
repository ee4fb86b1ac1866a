//! Reading a room's chain around records that are damaged.
//!
//! A damaged record does not say which event of its room was before it. So the log is searched downwards from
//! it, for the next record that can be read and is the room's. A search is bounded; where it ends without
//! finding one, the chain goes on at the room's next index row, and what is between is lost to the reader.
//!
//! Every record on the way is decoded, so this is slow, and only begun when the walk by positions alone has
//! met damage.

use std::sync::Arc;

use ::redb::{ReadOnlyTable, ReadTransaction};

use crate::event::{Event, Position, RoomName};
use crate::log::derived::INDEX_EVERY;
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::record;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::{INDEX, LOG, event_of, storage_error};

/// Most records that one read looks at in search of a room's next event.
pub(super) const SEARCH_RECORDS_MAX: usize = 16_384;

/// A walk around damage, for one read.
pub(super) struct Detour<'a> {
    owner: &'a RedbLog,
    log: ReadOnlyTable<u64, &'static [u8]>,
    index: ReadOnlyTable<(&'static str, u64), ()>,
    room: &'a RoomName,
    mask: &'a RedactionMask,
    floor: Position,
    /// Records that may still be looked at.
    left: usize,
}

impl<'a> Detour<'a> {
    pub fn begin(
        owner: &'a RedbLog,
        tx: &ReadTransaction,
        room: &'a RoomName,
        mask: &'a RedactionMask,
        floor: Position,
    ) -> Result<Self, LogError> {
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let index = tx.open_table(INDEX).map_err(storage_error)?;
        Ok(Self { owner, log, index, room, mask, floor, left: SEARCH_RECORDS_MAX })
    }

    /// Returns the room's event at a position; `None` if it cannot be read, or is no event of the room.
    pub fn event(&self, position: Position) -> Result<Option<Arc<Event>>, LogError> {
        match event_of(&self.log, self.room, position, self.mask) {
            Err(LogError::Damaged { .. }) => Ok(None),
            event => event,
        }
    }

    /// Returns the oldest positions of the room's chain after `after`, oldest first, walking down from
    /// `from`: at most [`INDEX_EVERY`], and damaged ones among them.
    pub fn after(&mut self, from: Position, after: Position) -> Result<Vec<Position>, LogError> {
        let mut met = std::collections::VecDeque::new();
        let mut at = Some(from);
        while let Some(position) = at.filter(|at| *at > after && *at >= self.floor) {
            met.push_front(position);
            met.truncate(INDEX_EVERY as usize);
            at = self.before(position, after)?;
        }
        Ok(met.into())
    }

    /// Returns the newest event before `before` that can be read, walking down from `from`.
    pub fn newest_before(
        &mut self,
        from: Position,
        before: Position,
    ) -> Result<Option<Arc<Event>>, LogError> {
        let mut at = Some(from);
        while let Some(position) = at {
            if position < before
                && let Some(event) = self.event(position)?
            {
                return Ok(Some(event));
            }
            at = self.before(position, 0)?;
        }
        Ok(None)
    }

    /// Returns the position of the room's event before the one at `at`, if there is one after `after`.
    pub fn before(&mut self, at: Position, after: Position) -> Result<Option<Position>, LogError> {
        let lowest = self.floor.max(after.saturating_add(1));
        if let Some(event) = self.event(at)? {
            return Ok(Some(event.prev).filter(|prev| *prev >= lowest));
        }
        if lowest >= at {
            return Ok(None);
        }
        for row in self.log.range(lowest..at).map_err(storage_error)?.rev() {
            if self.left == 0 {
                return self.indexed_before(at).map(|row| row.filter(|row| *row >= lowest));
            }
            self.left -= 1;
            let (position, bytes) = row.map_err(storage_error)?;
            // Whether a damaged one is of the room is not known.
            let Ok(record) = record::decode(position.value(), bytes.value()) else { continue };
            if record.event.is_some_and(|event| event.room == *self.room) {
                return Ok(Some(position.value()));
            }
        }
        Ok(None)
    }

    /// Returns the room's newest index row before a position.
    fn indexed_before(&self, at: Position) -> Result<Option<Position>, LogError> {
        let room = self.room.as_str();
        let row = self.index.range((room, 0)..(room, at)).map_err(storage_error)?.next_back();
        let stored = row.transpose().map_err(storage_error)?.map(|(key, _)| key.value().1);
        Ok(stored.max(self.owner.derived.read().index_before(self.room, at)))
    }
}
