//! Walking along a room's chain: `prev` by `prev`, down from an index row.
//!
//! A walk reads positions and no contents. Where events are large, a read returns only a few of those it has
//! walked over, and the next read would walk over the others again; so the newest walks are kept. A damaged
//! record can lead a walk astray: what it met proves itself when it is decoded (see [`super::detour`]).

use std::collections::VecDeque;

use ::redb::{ReadTransaction, ReadableTable};
use parking_lot::Mutex;

use crate::event::{Position, RoomName};
use crate::log::derived::{INDEX_EVERY, Known};
use crate::log::error::LogError;
use crate::log::record;
use crate::log::redb::tables::{HEADS, INDEX, storage_error, stored_head};

/// Most walks that are kept, each of at most [`INDEX_EVERY`] positions.
const WALKS_KEPT_MAX: usize = 64;

/// The newest walks.
#[derive(Default)]
pub(super) struct Walks(Mutex<VecDeque<Walk>>);

struct Walk {
    room: RoomName,
    /// The position down from which it went.
    from: Position,
    /// `prev` of the oldest event that it met.
    to: Position,
    /// The events that it met, oldest first.
    met: Vec<Position>,
}

impl Walks {
    /// Returns the oldest events of a room's chain after `after`, oldest first, walking down from `from`: at
    /// most [`INDEX_EVERY`]. Fails where no event of a room is, and no trim to `floor` has taken it.
    pub fn after(
        &self,
        log: &impl ReadableTable<u64, &'static [u8]>,
        room: &RoomName,
        (from, after): (Position, Position),
        floor: Position,
    ) -> Result<Vec<Position>, LogError> {
        let known = |walk: &&Walk| walk.from == from && walk.to <= after && walk.room == *room;
        if let Some(walk) = self.0.lock().iter().find(known) {
            let first = walk.met.partition_point(|met| *met <= after);
            return Ok(walk.met[first..].to_vec());
        }
        let mut met = VecDeque::new();
        let mut at = from;
        while at > after {
            let Some(prev) = prev_of(log, at)? else {
                if at >= floor {
                    return Err(LogError::Damaged { position: at, what: "no event of a room is there" });
                }
                break;
            };
            met.push_front(at);
            met.truncate(INDEX_EVERY as usize);
            at = prev;
        }
        let met = Vec::from(met);
        // Kept only if whole. The end of a chain that was trimmed is where it is now only.
        if at <= after && met.last() == Some(&from) {
            let mut walks = self.0.lock();
            walks.push_back(Walk { room: room.clone(), from, to: at, met: met.clone() });
            if walks.len() > WALKS_KEPT_MAX {
                walks.pop_front();
            }
        }
        Ok(met)
    }
}

/// Returns `prev` of the event at a position; `None` if there is none.
pub(super) fn prev_of(
    log: &impl ReadableTable<u64, &'static [u8]>,
    position: Position,
) -> Result<Option<Position>, LogError> {
    match log.get(position).map_err(storage_error)? {
        Some(bytes) => record::prev(position, bytes.value()),
        None => Ok(None),
    }
}

/// The two ends of a room's chain above some position.
pub(super) struct Above {
    pub head: Position,
    /// The position from which a walk down meets the first event after the position: the next index row, or
    /// else the head.
    pub from: Position,
}

/// Returns the ends of a room's chain after `after`.
pub(super) fn above(
    tx: &ReadTransaction,
    room: &RoomName,
    after: Position,
    known: &Known,
) -> Result<Above, LogError> {
    let head = head(tx, room, known)?;
    let index = tx.open_table(INDEX).map_err(storage_error)?;
    let from = (room.as_str(), after.saturating_add(1));
    let row = index.range(from..=(room.as_str(), Position::MAX)).map_err(storage_error)?.next();
    let stored = row.transpose().map_err(storage_error)?.map(|(key, _)| key.value().1);
    let row = match (stored, known.index) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Ok(Above { head, from: row.map_or(head, |row| row.min(head)) })
}

/// Returns the newest position of a room.
pub(super) fn head(tx: &ReadTransaction, room: &RoomName, known: &Known) -> Result<Position, LogError> {
    match known.head {
        Some(head) => Ok(head.position),
        None => Ok(stored_head(&tx.open_table(HEADS).map_err(storage_error)?, room)?.position),
    }
}
