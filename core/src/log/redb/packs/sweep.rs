//! The sweep over all rooms for pieces without a pack.

use ::redb::ReadTransaction;

use super::table::{PACKED, covering, newest_before};
use crate::event::{Position, RoomName};
use crate::log::derived::INDEX_EVERY;
use crate::log::error::LogError;
use crate::log::redb::tables::{HEADS, INDEX, present, storage_error};

/// Rows that one step looks at.
const SWEEP_ROWS: usize = 256;

/// A walk over the rooms: the last one that was done with, and where it is in the one after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sweep {
    after: Option<RoomName>,
    inside: Option<(RoomName, Position)>,
}

impl Sweep {
    /// Looks on. Returns the pieces that have no pack, and true when it has seen all rooms.
    pub fn step(
        &mut self,
        tx: &ReadTransaction,
        floor: Position,
    ) -> Result<(Vec<(RoomName, Position)>, bool), LogError> {
        let index = tx.open_table(INDEX).map_err(storage_error)?;
        let packed = present(tx.open_table(PACKED))?;
        let mut found = Vec::new();
        for _ in 0..SWEEP_ROWS {
            let Some((room, at)) = self.inside.take() else {
                let Some((room, count)) = self.next_room(tx)? else { return Ok((found, true)) };
                if count >= INDEX_EVERY {
                    let of_room = (room.as_str(), 0)..=(room.as_str(), Position::MAX);
                    let newest = index.range(of_room).map_err(storage_error)?.next_back();
                    let newest = newest.transpose().map_err(storage_error)?;
                    self.inside = newest.map(|(key, _)| (room.clone(), key.value().1));
                }
                self.after = Some(room);
                continue;
            };
            if at < floor.max(1) {
                continue;
            }
            let Some(packed) = &packed else {
                // Its pack goes on with the next piece.
                found.push((room, at));
                continue;
            };
            let next = if let Some((from, _)) = covering(packed, &room, at)? {
                Some(from)
            } else {
                found.push((room.clone(), at));
                newest_before(packed, &room, at)?
            };
            self.inside = next.map(|next| (room, next));
        }
        Ok((found, false))
    }

    fn next_room(&self, tx: &ReadTransaction) -> Result<Option<(RoomName, u64)>, LogError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let heads = tx.open_table(HEADS).map_err(storage_error)?;
        let after = self.after.as_ref().map_or(Unbounded, |room| Excluded(room.as_str()));
        for row in heads.range::<&str>((after, Unbounded)).map_err(storage_error)? {
            let (room, head) = row.map_err(storage_error)?;
            if let Ok(room) = RoomName::new(room.value()) {
                return Ok(Some((room, head.value().1)));
            }
        }
        Ok(None)
    }
}
