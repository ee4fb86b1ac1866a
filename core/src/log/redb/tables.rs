//! The tables of the log itself, and how their rows are read.

use ::redb::{ReadableTable, TableDefinition, TableError};

use crate::cause::Cause;
use crate::event::{Position, RoomName, Timestamp};
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

/// A table comes with its first row: a log of an older release, or of a calm chat, has none of them.
pub(super) fn present<T>(table: Result<T, TableError>) -> Result<Option<T>, LogError> {
    match table {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        table => table.map(Some).map_err(storage_error),
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

pub(super) fn stored_head(
    heads: &impl ReadableTable<&'static str, (u64, u64, u64)>,
    room: &RoomName,
) -> Result<Head, LogError> {
    let row = heads.get(room.as_str()).map_err(storage_error)?;
    Ok(row.map_or(Head::default(), |row| {
        let (position, count, at) = row.value();
        Head { position, count, at: Timestamp(at) }
    }))
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
