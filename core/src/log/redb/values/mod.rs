//! The table of kept values, beside the records.
//!
//! A row holds the record that set the value, as its bytes lie in the log. So a value stands when its record
//! was trimmed, and says when and by whom it was set. The first record of a value raises the log's format, in
//! the same transaction: an older release refuses the log from then on.

#[cfg(test)]
mod tests;

use ::redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::event::{Position, Timestamp};
use crate::log::error::LogError;
use crate::log::record::{self, RECORD_VERSION, Record};
use crate::log::redb::redact::{BytesDelta, redact};
use crate::log::redb::tables::{LOG, STATE, STATE_EXPIRED, STATE_FORMAT, present, storage_error};
use crate::log::values::{Expired, ValueChange, ValuesState};
use crate::value::{Value, is_secret};

/// The key → position and bytes of the record that set the value.
pub(super) const VALUES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("values");

/// Most rows of expired values that one commit takes out.
pub(super) const EXPIRE_VALUES_MAX: usize = 64;

/// Reads the table.
pub(super) fn read(tx: &ReadTransaction) -> Result<ValuesState, LogError> {
    let mut changes = Vec::new();
    if let Some(table) = present(tx.open_table(VALUES))? {
        for row in table.iter().map_err(storage_error)? {
            let (_, row) = row.map_err(storage_error)?;
            let (position, bytes) = row.value();
            let record = record::decode(position, bytes)?;
            let what = "it is kept as a value and sets none";
            changes.push(set_by(&record).ok_or(LogError::Damaged { position, what })?);
        }
    }
    let state = ValuesState::default();
    state.apply(changes);
    Ok(state)
}

/// Returns the change that a record of a value in force makes.
fn set_by(record: &Record) -> Option<ValueChange> {
    let value = record.value.as_ref().filter(|value| value.is_set)?;
    let (text, until, by) = (value.text.clone()?, value.until, value.by.clone());
    let set_at = record.created_at;
    Some(ValueChange::Set(value.key.clone(), Value { text, position: record.position, set_at, until, by }))
}

/// Returns true if a record sets a value and still has its text.
pub(super) fn is_in_force(record: &Record) -> bool {
    set_by(record).is_some()
}

/// Writes the change that a record makes into the table; `bytes` are the record's. Takes the text out of the
/// record of a secret that is replaced or removed.
pub(super) fn record(
    tx: &WriteTransaction,
    log: &mut Table<'_, u64, &'static [u8]>,
    record: &Record,
    bytes: &[u8],
) -> Result<(BytesDelta, Option<ValueChange>), LogError> {
    let Some(value) = &record.value else { return Ok((BytesDelta::default(), None)) };
    raise_format(tx)?;
    let mut table = tx.open_table(VALUES).map_err(storage_error)?;
    let (key, position) = (&*value.key, record.position);
    let change = set_by(record);
    let is_erased = value.is_set && change.is_none();
    let before = position_of(&table, key)?;
    // A copy has the row in force first. If its text was taken from the record since, the copy may end before
    // that, and has the record as it was; if the copy goes on to it, the text is taken there again.
    if is_erased && before.is_some_and(|before| before >= position) {
        let delta = restore(log, &table, key, position)?;
        return Ok((delta, None));
    }
    let mut delta = BytesDelta::default();
    if let Some(before) = before.filter(|before| is_secret(key) && *before != position) {
        delta += redact(log, before)?;
    }
    if change.is_some() {
        table.insert(key, (position, bytes)).map_err(storage_error)?;
    } else {
        table.remove(key).map_err(storage_error)?;
    }
    Ok((delta, Some(change.unwrap_or_else(|| ValueChange::Removed(value.key.clone(), position)))))
}

/// Gives an erased record its text again, if the row of its value is of this record.
fn restore(
    log: &mut Table<'_, u64, &'static [u8]>,
    table: &impl ReadableTable<&'static str, (u64, &'static [u8])>,
    key: &str,
    position: Position,
) -> Result<BytesDelta, LogError> {
    let Some(row) = table.get(key).map_err(storage_error)? else { return Ok(BytesDelta::default()) };
    let (at, bytes) = row.value();
    if at != position {
        return Ok(BytesDelta::default());
    }
    let erased = log.insert(position, bytes).map_err(storage_error)?;
    let less = erased.map_or(0, |erased| record::stored_bytes(erased.value()));
    Ok(BytesDelta { more: record::stored_bytes(bytes), less, old: true, ..BytesDelta::default() })
}

/// Takes the rows of expired values out, unless another record has set the value since.
pub(super) fn expire_step(
    tx: &WriteTransaction,
    expired: Vec<Expired>,
) -> Result<(BytesDelta, Vec<ValueChange>), LogError> {
    let (mut delta, mut changes) = (BytesDelta::default(), Vec::new());
    if expired.is_empty() {
        return Ok((delta, changes));
    }
    let mut table = tx.open_table(VALUES).map_err(storage_error)?;
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let mut newest = Timestamp(0);
    for Expired { key, position, until } in expired {
        if position_of(&table, &key)? == Some(position) {
            newest = newest.max(until);
            table.remove(&*key).map_err(storage_error)?;
            if is_secret(&key) {
                delta += redact(&mut log, position)?;
            }
        }
        changes.push(ValueChange::Expired(key, position));
    }
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    let before = state.get(STATE_EXPIRED).map_err(storage_error)?;
    let before = before.and_then(|row| row.value().try_into().ok()).map_or(0, u64::from_le_bytes);
    let expired = before.max(newest.0).to_le_bytes();
    state.insert(STATE_EXPIRED, expired.as_slice()).map_err(storage_error)?;
    Ok((delta, changes))
}

/// Forgets the values that were set from a position on.
pub(super) fn forget_records(tx: &WriteTransaction, from: Position) -> Result<(), LogError> {
    let mut table = tx.open_table(VALUES).map_err(storage_error)?;
    table.retain(|_, (position, _)| position < from).map_err(storage_error)
}

/// Notes that the log holds, or has held, what an older release does not know.
pub(super) fn raise_format(tx: &WriteTransaction) -> Result<(), LogError> {
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    let is_raised = {
        let format = state.get(STATE_FORMAT).map_err(storage_error)?;
        format.is_some_and(|format| format.value() >= [RECORD_VERSION].as_slice())
    };
    if !is_raised {
        state.insert(STATE_FORMAT, [RECORD_VERSION].as_slice()).map_err(storage_error)?;
    }
    Ok(())
}

/// Returns the position of the record that set the value of a key.
fn position_of(
    table: &impl ReadableTable<&'static str, (u64, &'static [u8])>,
    key: &str,
) -> Result<Option<Position>, LogError> {
    Ok(table.get(key).map_err(storage_error)?.map(|row| row.value().0))
}
