//! Reading: the log as the chat sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::redb::{ReadTransaction, ReadableTable};

use crate::event::{Epoch, Event, Position, RoomName, Timestamp};
use crate::log::contract::{
    Chain, Committed, Counts, Log, NewRecord, READ_BYTES_MAX, READ_EVENTS_MAX, StoredKey,
};
use crate::log::derived::INDEX_EVERY;
use crate::log::error::{CommitError, LogError};
use crate::log::moderation::{ModerationState, RedactionMask, is_redacted, redacted};
use crate::log::record::{self, RawRecord, Record};
use crate::log::redb::disk::DISK_RESERVE_BYTES;
use crate::log::redb::handle::{Known, RedbLog};
use crate::log::redb::tables::{EDITS, HEADS, INDEX, LOG, get, storage_error, stored_head};
use crate::log::redb::{counts, reactions};
use crate::message::Reacted;
use crate::reaction::Reaction;

impl Log for RedbLog {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn signing_key(&self) -> [u8; 32] {
        self.signing_key
    }

    fn head(&self) -> Position {
        self.head.load(Ordering::Acquire)
    }

    fn floor(&self) -> Position {
        self.floor.load(Ordering::Acquire)
    }

    fn commit(&self, batch: &[NewRecord], floor: Position) -> Result<Vec<Committed>, CommitError> {
        self.write(batch, floor)
    }

    fn moderation(&self) -> &ModerationState {
        &self.moderation
    }

    fn live_bytes(&self) -> u64 {
        self.live_bytes.load(Ordering::Acquire)
    }

    fn require_space(&self, free: u64) -> Result<(), CommitError> {
        self.require_free(free.max(DISK_RESERVE_BYTES))
    }

    fn forget_heads(
        &self,
        after: Option<&RoomName>,
        before: Timestamp,
        spare: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError> {
        self.forget(after, before, spare)
    }

    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        get(&tx.open_table(LOG).map_err(storage_error)?, position, &mask)
    }

    fn room_head(&self, room: &RoomName) -> Result<Position, LogError> {
        let known = self.known(room, 0);
        if let Some(head) = known.head {
            return Ok(head.position);
        }
        let tx = self.begin_read()?;
        Ok(stored_head(&tx.open_table(HEADS).map_err(storage_error)?, room)?.position)
    }

    fn read_after(&self, room: &RoomName, after: Position) -> Result<Chain, LogError> {
        let mut chain = Chain { floor: self.floor(), ..Chain::default() };
        let (mut at, mut bytes) = (after, 0);
        loop {
            let known = self.known(room, at);
            let (mask, tx) = self.begin_redacted()?;
            let walk = walk_from(&tx, room, at, &known)?;
            chain.head = walk.head;
            let log = tx.open_table(LOG).map_err(storage_error)?;
            let piece = walk_back(&log, walk.from, at, INDEX_EVERY as usize, READ_BYTES_MAX, &mask)?;
            let (Some(first), Some(last)) = (piece.first(), piece.last()) else { break };
            if !chain.events.is_empty() && first.prev != at {
                // A trim came between the two pieces: the next read begins with the gap.
                break;
            }
            at = last.position;
            bytes += piece.iter().map(|event| event.cost_bytes()).sum::<usize>();
            chain.events.extend(piece);
            if chain.events.len() + INDEX_EVERY as usize > READ_EVENTS_MAX || bytes >= READ_BYTES_MAX {
                break;
            }
        }
        chain.floor = chain.floor.max(self.floor());
        Ok(chain)
    }

    fn read_before(&self, room: &RoomName, before: Position, count: usize) -> Result<Chain, LogError> {
        let count = count.min(READ_EVENTS_MAX);
        // The walk begins at the first index row from `before` on, and passes over at most 128 events.
        let known = self.known(room, before.saturating_sub(1));
        let (mask, tx) = self.begin_redacted()?;
        let walk = walk_from(&tx, room, before.saturating_sub(1), &known)?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let mut events = Vec::new();
        let (mut at, mut bytes) = (walk.from, 0);
        // A page that goes on where another ended knows its position in the chain.
        if let Some(event) = get(&log, before, &mask)?.and_then(|record| record.event)
            && event.room == *room
        {
            at = event.prev;
        }
        while at != 0 && events.len() < count && bytes < READ_BYTES_MAX {
            let Some(event) = get(&log, at, &mask)?.and_then(|record| record.event) else { break };
            at = event.prev;
            if event.position < before {
                bytes += event.cost_bytes();
                events.push(event);
            }
        }
        events.reverse();
        Ok(Chain { events, head: walk.head, floor: self.floor() })
    }

    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let edits = tx.open_table(EDITS).map_err(storage_error)?;
        let newest = edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)?.next_back();
        match newest.transpose().map_err(storage_error)? {
            Some((key, _)) => get(&tx.open_table(LOG).map_err(storage_error)?, key.value().1, &mask),
            None => Ok(None),
        }
    }

    fn counts(&self, target: Position) -> Result<Counts, LogError> {
        counts::read(&self.begin_read()?, target)
    }

    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError> {
        reactions::reacted(&self.begin_read()?, target, reaction, author_id)
    }

    fn reactions(&self, target: Position) -> Result<Vec<Reacted>, LogError> {
        reactions::of_message(&self.begin_read()?, target)
    }

    fn scan(&self, from: Position) -> Result<Vec<Record>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let rows = log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX);
        ascending(from, rows.map(|row| decode_row(row, &mask)).collect::<Result<_, _>>()?)
    }

    fn scan_raw(&self, from: Position) -> Result<Vec<RawRecord>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for row in log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX) {
            let (position, record) = row.map_err(storage_error)?;
            bytes += record.value().len();
            rows.push(raw(position.value(), record.value(), &mask));
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(rows)
    }

    fn keys(&self, oldest: Timestamp) -> Result<Vec<StoredKey>, LogError> {
        self.read_keys(oldest)
    }

    fn close(&self) -> Result<(), LogError> {
        self.finish()
    }
}

type Row<'a> = (::redb::AccessGuard<'a, u64>, ::redb::AccessGuard<'a, &'static [u8]>);

fn decode_row(row: Result<Row<'_>, ::redb::StorageError>, mask: &RedactionMask) -> Result<Record, LogError> {
    let (position, bytes) = row.map_err(storage_error)?;
    Ok(redacted(record::decode(position.value(), bytes.value())?, mask))
}

/// A record's bytes without what readers may not have. One that does not read back is no text of anybody's.
fn raw(position: Position, bytes: &[u8], mask: &RedactionMask) -> RawRecord {
    let withheld = (!mask.is_empty())
        .then(|| record::decode(position, bytes).ok()?.event.filter(|event| is_redacted(event, mask)))
        .flatten()
        .and_then(|_| record::redact(position, bytes).ok());
    RawRecord { position, bytes: withheld.unwrap_or_else(|| bytes.to_vec()) }
}

/// Fails if positions do not ascend. A damaged tree can return rows that were not asked for, and a caller
/// that goes on from the last record would loop for ever.
fn ascending(from: Position, records: Vec<Record>) -> Result<Vec<Record>, LogError> {
    let mut next = from;
    for record in &records {
        if record.position < next {
            return Err(out_of_order(record.position));
        }
        next = record.position + 1;
    }
    Ok(records)
}

fn out_of_order(position: Position) -> LogError {
    LogError::Damaged { position, what: "it stands at a wrong place" }
}

/// Follows `prev` from `from` down to the first event after `after`. Returns the oldest of what it passed,
/// oldest first, at most `count` events and about `bytes_max`; older ones push newer ones out.
fn walk_back(
    log: &impl ReadableTable<u64, &'static [u8]>,
    from: Position,
    after: Position,
    count: usize,
    bytes_max: usize,
    mask: &RedactionMask,
) -> Result<Vec<Arc<Event>>, LogError> {
    let mut passed = std::collections::VecDeque::new();
    let (mut at, mut bytes) = (from, 0);
    while at > after {
        let Some(event) = get(log, at, mask)?.and_then(|record| record.event) else { break };
        at = event.prev;
        bytes += event.cost_bytes();
        passed.push_back(event);
        while passed.len() > 1 && (bytes > bytes_max || passed.len() > count) {
            bytes -= passed.pop_front().map_or(0, |event| event.cost_bytes());
        }
    }
    Ok(passed.into_iter().rev().collect())
}

struct Walk {
    head: Position,
    from: Position,
}

/// Returns the position from which a walk back through a room meets the first event after `after`: the next
/// index row, or else the head. Also returns the head.
fn walk_from(
    tx: &ReadTransaction,
    room: &RoomName,
    after: Position,
    known: &Known,
) -> Result<Walk, LogError> {
    let head = match known.head {
        Some(head) => head.position,
        None => stored_head(&tx.open_table(HEADS).map_err(storage_error)?, room)?.position,
    };
    let index = tx.open_table(INDEX).map_err(storage_error)?;
    let from = (room.as_str(), after.saturating_add(1));
    let row = index.range(from..=(room.as_str(), Position::MAX)).map_err(storage_error)?.next();
    let stored = row.transpose().map_err(storage_error)?.map(|(key, _)| key.value().1);
    let row = match (stored, known.index) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Ok(Walk { head, from: row.map_or(head, |row| row.min(head)) })
}
