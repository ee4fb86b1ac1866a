//! The tables of the log itself, and how their rows are read.

use std::sync::Arc;

use ::redb::{Key, ReadableTable, Table, TableDefinition, TableError, Value, WriteTransaction};

use crate::cause::Cause;
use crate::event::{Event, Position, RoomName, Timestamp};
use crate::log::derived::Head;
use crate::log::error::{CommitError, LogError};
use crate::log::moderation::{RedactionMask, redacted};
use crate::log::record::{self, Record};

pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
pub(super) const EDITS: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("edits");
pub(super) const HEADS: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("heads");
pub(super) const INDEX: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("index");
pub(super) const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

pub(super) const STATE_FORMAT: &str = "format";
pub(super) const STATE_EPOCH: &str = "epoch";
pub(super) const STATE_SIGNING_KEY: &str = "signing_key";
pub(super) const STATE_FLOOR: &str = "floor";
pub(super) const STATE_LAST: &str = "last";
pub(super) const STATE_CHECKPOINT: &str = "checkpoint";
pub(super) const STATE_LIVE: &str = "live_bytes";
pub(super) const STATE_KEYS: &str = "keys";
pub(super) const STATE_PACKS: &str = "packs";
pub(super) const STATE_SKIPPED: &str = "skipped";
pub(super) const STATE_FORGOTTEN: &str = "forgotten";
pub(super) const STATE_EXPIRED: &str = "expired";

/// A table comes with its first row: a log of an older release, or of a calm chat, has none of them.
pub(super) fn present<T>(table: Result<T, TableError>) -> Result<Option<T>, LogError> {
    match table {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        table => table.map(Some).map_err(storage_error),
    }
}

/// A table in a transaction that writes, opened by the first that needs it.
pub(super) struct LazyTable<'tx, K: Key + 'static, V: Value + 'static> {
    tx: &'tx WriteTransaction,
    definition: TableDefinition<'static, K, V>,
    table: Option<Table<'tx, K, V>>,
}

impl<'tx, K: Key + 'static, V: Value + 'static> LazyTable<'tx, K, V> {
    pub fn new(tx: &'tx WriteTransaction, definition: TableDefinition<'static, K, V>) -> Self {
        Self { tx, definition, table: None }
    }

    /// Returns the table, opened.
    pub fn get(&mut self) -> Result<&mut Table<'tx, K, V>, LogError> {
        let opened = match self.table.take() {
            Some(table) => table,
            None => self.tx.open_table(self.definition).map_err(storage_error)?,
        };
        Ok(self.table.insert(opened))
    }
}

pub(super) fn get(
    log: &impl ReadableTable<u64, &'static [u8]>,
    position: Position,
    mask: &RedactionMask,
) -> Result<Option<Record>, LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)? else { return Ok(None) };
    Ok(Some(redacted(record::decode(position, bytes.value())?, mask)))
}

/// Returns the event of a room at a position; `None` if it is not there any more.
pub(super) fn event_of(
    log: &impl ReadableTable<u64, &'static [u8]>,
    room: &RoomName,
    position: Position,
    mask: &RedactionMask,
) -> Result<Option<Arc<Event>>, LogError> {
    let Some(record) = get(log, position, mask)? else { return Ok(None) };
    match record.event {
        Some(event) if event.room == *room => Ok(Some(event)),
        _ => Err(LogError::Damaged { position, what: "the chain of another room leads to it" }),
    }
}

pub(super) fn stored_head(
    heads: &impl ReadableTable<&'static str, (u64, u64, u64)>,
    room: &RoomName,
) -> Result<Head, LogError> {
    let row = heads.get(room.as_str()).map_err(storage_error)?;
    Ok(row.map_or(Head::default(), |row| head_of(row.value())))
}

/// Reads a row of the table of heads.
pub(super) fn head_of((position, count, at): (u64, u64, u64)) -> Head {
    Head { position, count, at: Timestamp(at) }
}

/// Counts the edits of a message.
pub(super) fn count_edits(
    edits: &impl ReadableTable<(u64, u64), ()>,
    target: Position,
) -> Result<usize, LogError> {
    // Not by `count`: a range over a disk that has failed yields errors for ever.
    let mut count = 0;
    for edit in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)? {
        edit.map_err(storage_error)?;
        count += 1;
    }
    Ok(count)
}

pub(super) fn storage_error(error: impl Into<::redb::Error>) -> LogError {
    LogError::Storage(Cause::new(error.into()))
}

/// Nothing of the transaction was committed: certainly not stored.
pub(super) fn refused(error: impl std::error::Error + Send + Sync + 'static) -> CommitError {
    CommitError::Refused(Cause::new(error))
}

/// Changes or removes the bytes of a record, as [`crate::testing::change_record`] says.
#[cfg(feature = "testing")]
pub(crate) fn change_record(
    path: &std::path::Path,
    position: Position,
    change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>,
) {
    let database = ::redb::Database::open(path).expect("a log");
    let tx = database.begin_write().expect("a transaction");
    {
        let mut log = tx.open_table(LOG).expect("its records");
        let bytes = log.get(position).expect("a read").expect("the record").value().to_vec();
        match change(bytes) {
            Some(bytes) => drop(log.insert(position, bytes.as_slice()).expect("a write")),
            None => drop(log.remove(position).expect("a write")),
        }
    }
    tx.commit().expect("a commit");
}
