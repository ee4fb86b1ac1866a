//! The table of kept values, compared with the records.

use std::collections::HashMap;
use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};

use crate::event::{Position, Timestamp};
use crate::log::check::Finding;
use crate::log::error::LogError;
use crate::log::record::{self, RECORD_VERSION, Record};
use crate::log::redb::state::State;
use crate::log::redb::tables::{LOG, present, storage_error};
use crate::log::redb::values::VALUES;

/// The last word of the records on a key.
struct Latest {
    position: Position,
    /// True if it sets the value.
    is_set: bool,
    until: Option<Timestamp>,
    /// True if its record has no text: it was taken out, or there never was one.
    is_erased: bool,
}

/// The state of the walk through the records: a little per key that was ever set.
#[derive(Default)]
pub(super) struct ValuesCheck {
    latest: HashMap<Arc<str>, Latest>,
}

/// Counts the values that are kept.
pub(super) fn count(tx: &ReadTransaction) -> Result<u64, LogError> {
    match present(tx.open_table(VALUES))? {
        Some(table) => table.len().map_err(storage_error),
        None => Ok(0),
    }
}

impl ValuesCheck {
    /// Takes the next record.
    pub fn visit(&mut self, record: &Record, format: u8, found: &mut dyn FnMut(Finding)) {
        let (Some(value), position) = (&record.value, record.position) else { return };
        if !value.is_allowed() {
            found(finding(position, "its key or its text is none of a value"));
        }
        if format < RECORD_VERSION {
            let what = format!("it is about a value, and the log says that it is of format {format}");
            found(finding(position, what));
        }
        let (until, is_set, is_erased) = (value.until, value.is_set, value.text.is_none());
        let before = self.latest.insert(value.key.clone(), Latest { position, is_set, until, is_erased });
        if let Some(before) = before.filter(|before| value.is_secret() && !before.is_erased) {
            let what = format!("its text was replaced at {position} and is still there");
            found(finding(before.position, what));
        }
    }

    /// Compares the table with the records. Where some records do not read back, `whole` is false, and nothing
    /// is concluded from their absence.
    pub fn table(
        mut self,
        tx: &ReadTransaction,
        state: &State,
        (head, whole): (Position, bool),
        found: &mut dyn FnMut(Finding),
    ) -> Result<(), LogError> {
        let log = tx.open_table(LOG).map_err(storage_error)?;
        if let Some(table) = present(tx.open_table(VALUES))? {
            for row in table.iter().map_err(storage_error)? {
                let (key, row) = row.map_err(storage_error)?;
                let ((position, bytes), key) = (row.value(), key.value());
                let value = record::decode(position, bytes).ok().and_then(|record| record.value);
                if !value.is_some_and(|value| &*value.key == key && value.is_set && value.text.is_some()) {
                    found(finding(
                        position,
                        format!("the row of the value {key} does not say that it is set"),
                    ));
                    continue;
                }
                let in_log = log.get(position).map_err(storage_error)?;
                let same = in_log.map_or(position < state.floor, |row| row.value() == bytes);
                let newest = match self.latest.remove(key) {
                    Some(latest) => latest.is_set && latest.position == position,
                    None => position < state.floor,
                };
                if whole && !(same && newest && position <= head) {
                    let what = format!("by it the value {key} is set, and the records say otherwise");
                    found(finding(position, what));
                }
            }
        }
        for (key, Latest { position, is_set, until, .. }) in self.latest {
            let has_expired = until.is_some_and(|until| until <= state.expired);
            if whole && is_set && !has_expired {
                let what = format!("by it the value {key} is set, and there is no row of it");
                found(finding(position, what));
            }
        }
        Ok(())
    }
}

fn finding(position: Position, what: impl Into<String>) -> Finding {
    Finding { room: None, position: Some(position), what: what.into() }
}
