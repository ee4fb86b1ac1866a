//! The embedded log: one redb file. The only module of the crate that names redb.
//!
//! | table | row | written |
//! |---|---|---|
//! | `log` | position → record | by every commit, in ascending order |
//! | `edits` | (target, position of the edit) | with the edit |
//! | `heads` | room → (head, count, time) | at checkpoints (see [`super::derived`]) |
//! | `index` | (room, position), one per 128 events of a room | at checkpoints |
//! | `reactions` | (target, kind, author's id) → (position, author's kind and name) of one that stands | with it |
//! | `closed` | room → the record that closed it | with it, until the room is opened |
//! | `bans` | author's id → the record that bans them | with it, until the ban is taken back |
//! | `emptying` | (room, position of an Empty) → the next position to erase | with it, until all is erased |
//! | `state` | what cannot be made anew from the records | once, at checkpoints, and by cuts |
//!
//! An event's place in its room is found by `prev` alone: a read walks back from the next index row, so it
//! costs what it returns and at most 128 reads. One commit is one transaction and one fsync. A cut takes records,
//! with their rows of `edits`, `index` and `reactions`; what stands in `closed`, `bans` and `emptying` stays.

pub(super) mod check;
pub(super) mod copy;
mod moderation;
mod open;
mod overlay;
mod reactions;
mod trial;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable, TableDefinition, WriteTransaction,
};
use parking_lot::{Mutex, RwLock};

use crate::event::{Epoch, Event, Position, RoomName, Timestamp};
use crate::log::derived::{Derived, Head, INDEX_EVERY};
use crate::log::record::Record;
use crate::log::standing::{Standing, Veil, is_veiled, veiled};
use crate::log::{
    Append, Chain, CommitError, Committed, Log, LogError, READ_BYTES_MAX, READ_EVENTS_MAX, RawRecord, record,
};
use crate::message::Reacted;
use crate::reaction::Reaction;
#[cfg(feature = "testing")]
pub use ::redb::StorageBackend;
pub use open::OpenError;
use write::DISK_RESERVE_BYTES;

const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const EDITS: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("edits");
const HEADS: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("heads");
const INDEX: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("index");
const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

const STATE_FORMAT: &str = "format";
const STATE_EPOCH: &str = "epoch";
const STATE_SIGNING_KEY: &str = "signing_key";
const STATE_FLOOR: &str = "floor";
const STATE_LAST: &str = "last";
const STATE_CHECKPOINT: &str = "checkpoint";
const STATE_LIVE: &str = "live_bytes";

pub(crate) struct RedbLog {
    /// `None` once closed. Commits and reads take what they need from it and let the lock go.
    database: RwLock<Option<Database>>,
    epoch: Epoch,
    signing_key: [u8; 32],
    /// The newest durable position. Stored (Release) after the commit; loads (Acquire) see its records.
    head: AtomicU64,
    /// The oldest position kept. Stored (Release) after the cut's commit.
    floor: AtomicU64,
    /// Bytes of the records that are kept. Written by the committer only.
    live_bytes: AtomicU64,
    /// The position up to which heads and index are in their tables. Written by the committer only.
    checkpoint: AtomicU64,
    /// What no checkpoint holds yet. Written by the committer only, and held for writing for memory work only.
    derived: RwLock<Derived>,
    /// What moderation left standing. Changed by the committer only, after the commit.
    standing: Standing,
    /// The committer's buffer for the bytes of a record.
    scratch: Mutex<Vec<u8>>,
    /// The file, or where it lies, to ask for free space; `None` when it is in memory or opened for a test.
    place: Option<PathBuf>,
}

impl RedbLog {
    fn begin_read(&self) -> Result<ReadTransaction, LogError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| LogError::Storage("the log is closed".into()))?;
        database.begin_read().map_err(storage_error)
    }

    /// Begins a read of what readers may have: what is to be withheld first, or text could slip through between.
    fn begin_veiled(&self) -> Result<(Arc<Veil>, ReadTransaction), LogError> {
        let veil = self.standing.veil();
        Ok((veil, self.begin_read()?))
    }

    fn begin_write(&self) -> Result<WriteTransaction, CommitError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| CommitError::Refused("the log is closed".into()))?;
        database.begin_write().map_err(refused)
    }

    /// Where a walk back through a room must begin so that it meets the first event after `after`: the next
    /// index row, or else the head. Also gives the head.
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

    /// What is known beside the tables. Must be asked before the transaction begins: what a checkpoint takes
    /// away in between is then in the transaction's tables.
    fn known(&self, room: &RoomName, after: Position) -> Known {
        let derived = self.derived.read();
        Known { head: derived.head(room), index: derived.index_after(room, after) }
    }
}

struct Known {
    head: Option<Head>,
    index: Option<Position>,
}

struct Walk {
    head: Position,
    from: Position,
}

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

    fn commit(&self, batch: &[Append], floor: Position) -> Result<Vec<Committed>, CommitError> {
        self.write(batch, floor)
    }

    fn standing(&self) -> &Standing {
        &self.standing
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
        let (veil, tx) = self.begin_veiled()?;
        get(&tx.open_table(LOG).map_err(storage_error)?, position, &veil)
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
            let (veil, tx) = self.begin_veiled()?;
            let walk = Self::walk_from(&tx, room, at, &known)?;
            chain.head = walk.head;
            let log = tx.open_table(LOG).map_err(storage_error)?;
            let piece = walk_back(&log, walk.from, at, INDEX_EVERY as usize, READ_BYTES_MAX, &veil)?;
            let (Some(first), Some(last)) = (piece.first(), piece.last()) else { break };
            if !chain.events.is_empty() && first.prev != at {
                // A cut came between the two pieces: the next read begins with the gap.
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
        let (veil, tx) = self.begin_veiled()?;
        let walk = Self::walk_from(&tx, room, before.saturating_sub(1), &known)?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let mut events = Vec::new();
        let (mut at, mut bytes) = (walk.from, 0);
        // A page that goes on where another ended knows its place in the chain.
        if let Some(event) = get(&log, before, &veil)?.and_then(|record| record.event)
            && event.room == *room
        {
            at = event.prev;
        }
        while at != 0 && events.len() < count && bytes < READ_BYTES_MAX {
            let Some(event) = get(&log, at, &veil)?.and_then(|record| record.event) else { break };
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
        let (veil, tx) = self.begin_veiled()?;
        let edits = tx.open_table(EDITS).map_err(storage_error)?;
        let newest = edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)?.next_back();
        match newest.transpose().map_err(storage_error)? {
            Some((key, _)) => get(&tx.open_table(LOG).map_err(storage_error)?, key.value().1, &veil),
            None => Ok(None),
        }
    }

    fn edits(&self, target: Position) -> Result<usize, LogError> {
        let tx = self.begin_read()?;
        let edits = tx.open_table(EDITS).map_err(storage_error)?;
        // Not by `count`: a range over a disk that has failed yields errors for ever.
        let mut count = 0;
        for edit in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)? {
            edit.map_err(storage_error)?;
            count += 1;
        }
        Ok(count)
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
        let (veil, tx) = self.begin_veiled()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let rows = log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX);
        ascending(from, rows.map(|row| decode_row(row, &veil)).collect::<Result<_, _>>()?)
    }

    fn scan_raw(&self, from: Position) -> Result<Vec<RawRecord>, LogError> {
        let (veil, tx) = self.begin_veiled()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for row in log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX) {
            let (position, record) = row.map_err(storage_error)?;
            bytes += record.value().len();
            rows.push(raw(position.value(), record.value(), &veil));
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(rows)
    }

    fn scan_back(&self, before: Position) -> Result<Vec<Record>, LogError> {
        let (veil, tx) = self.begin_veiled()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let rows = log.range(..before).map_err(storage_error)?.rev().take(READ_EVENTS_MAX);
        let mut records: Vec<_> = rows.map(|row| decode_row(row, &veil)).collect::<Result<_, _>>()?;
        records.reverse();
        let mut records = ascending(0, records)?;
        if let Some(newest) = records.last().filter(|newest| newest.position >= before) {
            return Err(out_of_order(newest.position));
        }
        records.reverse();
        Ok(records)
    }

    fn close(&self) -> Result<(), LogError> {
        self.finish()
    }
}

type Row<'a> = (::redb::AccessGuard<'a, u64>, ::redb::AccessGuard<'a, &'static [u8]>);

fn decode_row(row: Result<Row<'_>, ::redb::StorageError>, veil: &Veil) -> Result<Record, LogError> {
    let (position, bytes) = row.map_err(storage_error)?;
    Ok(veiled(record::decode(position.value(), bytes.value())?, veil))
}

/// A record's bytes without what readers may not have. One that does not read back is no text of anybody's.
fn raw(position: Position, bytes: &[u8], veil: &Veil) -> RawRecord {
    let withheld = (!veil.is_empty())
        .then(|| record::decode(position, bytes).ok()?.event.filter(|event| is_veiled(event, veil)))
        .flatten()
        .and_then(|_| record::withhold(position, bytes).ok());
    RawRecord { position, bytes: withheld.unwrap_or_else(|| bytes.to_vec()) }
}

/// A damaged tree can give back what was not asked for, and whoever goes on from the last record would go round for
/// ever.
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
    veil: &Veil,
) -> Result<Vec<Arc<Event>>, LogError> {
    let mut passed = std::collections::VecDeque::new();
    let (mut at, mut bytes) = (from, 0);
    while at > after {
        let Some(event) = get(log, at, veil)?.and_then(|record| record.event) else { break };
        at = event.prev;
        bytes += event.cost_bytes();
        passed.push_back(event);
        while passed.len() > 1 && (bytes > bytes_max || passed.len() > count) {
            bytes -= passed.pop_front().map_or(0, |event| event.cost_bytes());
        }
    }
    Ok(passed.into_iter().rev().collect())
}

fn get(
    log: &impl ReadableTable<u64, &'static [u8]>,
    position: Position,
    veil: &Veil,
) -> Result<Option<Record>, LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)? else { return Ok(None) };
    Ok(Some(veiled(record::decode(position, bytes.value())?, veil)))
}

fn stored_head(
    heads: &impl ReadableTable<&'static str, (u64, u64, u64)>,
    room: &RoomName,
) -> Result<Head, LogError> {
    let row = heads.get(room.as_str()).map_err(storage_error)?;
    Ok(row.map_or(Head::default(), |row| {
        let (position, count, at) = row.value();
        Head { position, count, at: Timestamp(at) }
    }))
}

fn storage_error(error: impl Into<::redb::Error>) -> LogError {
    LogError::Storage(error.into().to_string())
}

/// Nothing of the transaction was committed: certainly not stored.
fn refused(error: impl std::fmt::Display) -> CommitError {
    CommitError::Refused(error.to_string())
}

#[cfg(test)]
mod tests;
