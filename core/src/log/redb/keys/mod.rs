//! The table of idempotency keys: written at checkpoints, so that a start need not look for them in the
//! records.
//!
//! A row stands for a record with a key, by its position: rows ascend, so a checkpoint appends them, and the
//! oldest go from the other end. The rows are complete up to a position in the state table. Records behind it
//! are those that a start reads anyway. A log of a release before has no rows: then the keys are looked for
//! in the records, once, and the next checkpoints write what was found.

use std::ops::ControlFlow;

use ::redb::{ReadableTable as _, ReadableTableMetadata as _, Table, TableDefinition, WriteTransaction};

use crate::event::{Position, Timestamp};
use crate::limits::{KEY_AGE_MAX, KEYS_MAX};
use crate::log::contract::{READ_EVENTS_MAX, StoredKey};
use crate::log::derived::{CHECKPOINT_EVENTS, Derived, MissingKeys};
use crate::log::error::LogError;
use crate::log::record;
use crate::log::redb::disk::{PAGE_BYTES, ROW_PAGES};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::{LOG, STATE, STATE_KEYS, present, storage_error};

/// The position of a record → its key as a little-endian number, its time.
pub(super) const KEYS: TableDefinition<'static, u64, (u128, u64)> = TableDefinition::new("keys");

/// Bytes of a row.
const ROW_BYTES: usize = 32;
/// Most rows that one read transaction reads.
const READ_KEYS_MAX: usize = 16_384;
/// Most rows that one checkpoint removes: more than one can add, or the table would grow for ever.
const EXPIRE_KEYS_MAX: usize = 4 * CHECKPOINT_EVENTS;
/// Most keys found in the records that one checkpoint writes beside those of its own.
pub(super) const FOUND_KEYS_MAX: usize = CHECKPOINT_EVENTS;

/// Writes rows, and removes those that are too old, too many, or of records below the floor. `complete_to` is
/// the position up to which the rows are complete then, if they are.
pub(super) fn write<'a>(
    tx: &WriteTransaction,
    keys: impl Iterator<Item = &'a StoredKey>,
    floor: Position,
    complete_to: Option<Position>,
) -> Result<(), LogError> {
    let mut table = None;
    for key in keys {
        let table = match &mut table {
            Some(table) => table,
            none => none.insert(tx.open_table(KEYS).map_err(storage_error)?),
        };
        let row = (u128::from_le_bytes(key.key), key.created_at.0);
        table.insert(key.position, row).map_err(storage_error)?;
    }
    if let Some(mut table) = table {
        expire(&mut table, floor)?;
    }
    if let Some(position) = complete_to {
        let mut state = tx.open_table(STATE).map_err(storage_error)?;
        state.insert(STATE_KEYS, position.to_le_bytes().as_slice()).map_err(storage_error)?;
    }
    Ok(())
}

fn expire(table: &mut Table<'_, u64, (u128, u64)>, floor: Position) -> Result<(), LogError> {
    // A message whose time lies ahead of the clock makes no other key old.
    let now_ms = Timestamp::now().0;
    let newest_ms = table.last().map_err(storage_error)?.map_or(0, |(_, row)| row.value().1.min(now_ms));
    let oldest_ms = newest_ms.saturating_sub(KEY_AGE_MAX.as_millis() as u64);
    let excess = table.len().map_err(storage_error)?.saturating_sub(KEYS_MAX as u64);
    let mut last = None;
    for (n, row) in table.iter().map_err(storage_error)?.take(EXPIRE_KEYS_MAX).enumerate() {
        let (position, row) = row.map_err(storage_error)?;
        if row.value().1 >= oldest_ms && n as u64 >= excess && position.value() >= floor {
            break;
        }
        last = Some(position.value());
    }
    match last {
        Some(last) => table.retain_in(..=last, |_, _| false).map_err(storage_error),
        None => Ok(()),
    }
}

impl RedbLog {
    /// Returns the keys of the records that are not older than `oldest`, in ascending order.
    pub(super) fn read_keys(&self, oldest: Timestamp) -> Result<Vec<StoredKey>, LogError> {
        // First what is in memory: what a checkpoint takes away from there is in the tables then.
        let mut keys = self.derived.read().keys().to_vec();
        let missing = match &*self.missing_keys.lock() {
            MissingKeys::After(after, to) => Some((*after, *to)),
            MissingKeys::Found(found) => {
                keys.extend(found);
                None
            }
            MissingKeys::None => None,
        };
        if let Some((after, to)) = missing {
            let found = self.find_keys(after, to, oldest)?;
            keys.extend(&found);
            *self.missing_keys.lock() = MissingKeys::Found(found);
        }
        let mut from = 0;
        while let Some(next) = self.read_rows(from, &mut keys)? {
            from = next;
        }
        keys.retain(|key| key.created_at >= oldest);
        keys.sort_by_key(|key| key.position);
        keys.dedup_by_key(|key| key.position);
        Ok(keys)
    }

    /// Reads rows from a position on. Returns the position to go on from, if there may be more.
    fn read_rows(&self, from: Position, keys: &mut Vec<StoredKey>) -> Result<Option<Position>, LogError> {
        let tx = self.begin_read()?;
        let Some(table) = present(tx.open_table(KEYS))? else { return Ok(None) };
        let mut next = from;
        for row in table.range(from..).map_err(storage_error)?.take(READ_KEYS_MAX) {
            let (position, row) = row.map_err(storage_error)?;
            let (position, (key, at)) = (position.value(), row.value());
            if position < next {
                return Err(out_of_order(position));
            }
            next = position + 1;
            keys.push(StoredKey { position, key: key.to_le_bytes(), created_at: Timestamp(at) });
        }
        Ok((next != from).then_some(next))
    }

    /// Looks for keys in the records after a position, from `to` downwards. Reads all of them, back to
    /// `oldest`.
    fn find_keys(
        &self,
        after: Position,
        to: Position,
        oldest: Timestamp,
    ) -> Result<Vec<StoredKey>, LogError> {
        let (mut found, mut before) = (Vec::new(), to + 1);
        while let ControlFlow::Continue(next) = self.find_keys_before(after, before, oldest, &mut found)? {
            before = next;
        }
        found.reverse();
        Ok(found)
    }

    fn find_keys_before(
        &self,
        after: Position,
        before: Position,
        oldest: Timestamp,
        found: &mut Vec<StoredKey>,
    ) -> Result<ControlFlow<(), Position>, LogError> {
        let tx = self.begin_read()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let mut next = before;
        for row in log.range(after + 1..before).map_err(storage_error)?.rev().take(READ_EVENTS_MAX) {
            let (position, bytes) = row.map_err(storage_error)?;
            let position = position.value();
            // Storage that is damaged may give anything, also the same rows again and again.
            if position >= next {
                return Err(out_of_order(position));
            }
            next = position;
            // One damaged record must not keep every sender with a key from sending.
            let Ok(record) = record::decode(position, bytes.value()) else { continue };
            if record.created_at < oldest || found.len() >= KEYS_MAX {
                return Ok(ControlFlow::Break(()));
            }
            let created_at = record.created_at;
            found.extend(record.key.map(|key| StoredKey { position, key, created_at }));
        }
        Ok(if next == before { ControlFlow::Break(()) } else { ControlFlow::Continue(next) })
    }

    /// Writes the keys of a checkpoint, and `max` of those that are missing. Returns the number of these.
    pub(super) fn write_keys(
        &self,
        tx: &WriteTransaction,
        parts: &[&Derived],
        (floor, head): (Position, Position),
        max: usize,
    ) -> Result<usize, LogError> {
        let missing = self.missing_keys.lock();
        let (found, complete) = missing.next(max);
        let keys = found.iter().chain(parts.iter().flat_map(|part| part.keys()));
        write(tx, keys, floor, complete.then_some(head))?;
        Ok(found.len())
    }
}

/// Returns the pages that a checkpoint with this many keys of its own may cost: their rows and those that were
/// missing, and both ends of the table.
pub(super) fn pages(keys: usize) -> usize {
    // Leaves may be half full, and have branches.
    3 * ((keys + FOUND_KEYS_MAX) * ROW_BYTES).div_ceil(PAGE_BYTES as usize) + 2 * ROW_PAGES
}

fn out_of_order(position: Position) -> LogError {
    LogError::Damaged { position, what: "it is not where it belongs" }
}

#[cfg(test)]
mod tests;
