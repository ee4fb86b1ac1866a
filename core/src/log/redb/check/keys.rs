//! The table of idempotency keys, compared with the records.
//!
//! Rows go from the oldest on. So from the first row to the position up to which they are complete, each
//! record with a key has one.

use ::redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _};

use crate::event::Position;
use crate::log::check::Finding;
use crate::log::error::LogError;
use crate::log::record::{self, Record};
use crate::log::redb::keys::KEYS;
use crate::log::redb::tables::{LOG, present, storage_error};

#[derive(Default)]
pub(super) struct KeysCheck {
    table: Option<ReadOnlyTable<u64, (u128, u64)>>,
    /// The first row, and the last position up to which there is one for each record with a key.
    complete: Option<(Position, Position)>,
}

impl KeysCheck {
    pub fn begin(tx: &ReadTransaction, complete_to: Position) -> Result<Self, LogError> {
        let Some(table) = present(tx.open_table(KEYS))? else { return Ok(Self::default()) };
        let first = table.first().map_err(storage_error)?.map(|(position, _)| position.value());
        Ok(Self { complete: first.map(|first| (first, complete_to)), table: Some(table) })
    }

    /// Takes the next record.
    pub fn visit(&self, record: &Record, found: &mut dyn FnMut(Finding)) -> Result<(), LogError> {
        let (Some(table), Some((first, last)), Some(_)) = (&self.table, self.complete, record.key) else {
            return Ok(());
        };
        let noted = || table.get(record.position).map_err(storage_error);
        if (first..=last).contains(&record.position) && noted()?.is_none() {
            found(finding(record.position, "its key is not noted"));
        }
        Ok(())
    }

    /// Holds the rows against the records. Of those whose record is below the floor or does not read back
    /// nothing is said.
    pub fn rows(
        self,
        tx: &ReadTransaction,
        floor: Position,
        found: &mut dyn FnMut(Finding),
    ) -> Result<(), LogError> {
        let Some(table) = self.table else { return Ok(()) };
        let log = tx.open_table(LOG).map_err(storage_error)?;
        for row in table.range(floor..).map_err(storage_error)? {
            let (position, row) = row.map_err(storage_error)?;
            let (position, (key, at)) = (position.value(), row.value());
            let record = match log.get(position).map_err(storage_error)? {
                Some(bytes) => match record::decode(position, bytes.value()) {
                    Ok(record) => Some(record),
                    Err(_) => continue,
                },
                None => None,
            };
            let is_it = |record: &Record| record.key == Some(key.to_le_bytes()) && record.created_at.0 == at;
            if !record.as_ref().is_some_and(is_it) {
                found(finding(position, "it is noted with a key that it does not have"));
            }
        }
        Ok(())
    }
}

fn finding(position: Position, what: &str) -> Finding {
    Finding { room: None, position: Some(position), what: what.to_owned() }
}
