//! The tables of the log as a copy sees them: rows of bytes.

use std::ops::Bound;

use ::redb::{Key, ReadTransaction, TableDefinition, TableHandle, Value, WriteTransaction};

use crate::log::error::LogError;
use crate::log::redb::counts::COUNTS;
use crate::log::redb::deletes::DELETES;
use crate::log::redb::deletions::DELETIONS;
use crate::log::redb::identity::CLUSTER;
use crate::log::redb::keys::KEYS;
use crate::log::redb::moderation::{BANS, CLOSED, PURGES};
use crate::log::redb::packs::{PACKED, PACKS};
use crate::log::redb::place::{MARKS, PLACE};
use crate::log::redb::reactions::REACTIONS;
use crate::log::redb::tables::{EDITS, HEADS, INDEX, LOG, STATE, present, storage_error};
use crate::log::redb::values::VALUES;

/// The tables that are copied, in the order in which they are.
pub(super) const COPIED: [&dyn CopiedTable; 16] = [
    &STATE, &PLACE, &MARKS, &CLOSED, &BANS, &VALUES, &PURGES, &DELETIONS, &HEADS, &INDEX, &KEYS, &EDITS,
    &DELETES, &REACTIONS, &COUNTS, &LOG,
];

/// Returns true for a table that a copy leaves out: see [`super`].
pub(super) fn is_left_out(name: &str) -> bool {
    let left_out: [&dyn CopiedTable; 3] = [&CLUSTER, &PACKED, &PACKS];
    left_out.iter().any(|table| table.name() == name)
}

/// A row: key and value.
pub(super) type Row<'a> = (&'a [u8], &'a [u8]);

/// A table whose rows are read and written as bytes.
pub(super) trait CopiedTable {
    /// The name.
    fn name(&self) -> &str;
    /// Hands over the rows after a key, until `put` takes one no more. Returns true at the end of the table.
    fn read(
        &self,
        tx: &ReadTransaction,
        after: Option<&[u8]>,
        put: &mut dyn FnMut(Row<'_>) -> bool,
    ) -> Result<bool, LogError>;
    /// Makes the table if it is not there, and writes rows. Panics over bytes that are none of its rows.
    fn write(&self, tx: &WriteTransaction, rows: &[Row<'_>]) -> Result<(), LogError>;
}

impl<K: Key + 'static, V: Value + 'static> CopiedTable for TableDefinition<'static, K, V> {
    fn name(&self) -> &str {
        TableHandle::name(self)
    }

    fn read(
        &self,
        tx: &ReadTransaction,
        after: Option<&[u8]>,
        put: &mut dyn FnMut(Row<'_>) -> bool,
    ) -> Result<bool, LogError> {
        let Some(table) = present(tx.open_table(*self))? else { return Ok(true) };
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(K::from_bytes(after)));
        for row in table.range::<K::SelfType<'_>>((from, Bound::Unbounded)).map_err(storage_error)? {
            let (key, value) = row.map_err(storage_error)?;
            let (key, value) = (key.value(), value.value());
            if !put((K::as_bytes(&key).as_ref(), V::as_bytes(&value).as_ref())) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&self, tx: &WriteTransaction, rows: &[Row<'_>]) -> Result<(), LogError> {
        let mut table = tx.open_table(*self).map_err(storage_error)?;
        for (key, value) in rows {
            let is_wide = |width: Option<usize>, bytes: &[u8]| width.is_none_or(|width| width == bytes.len());
            if !is_wide(K::fixed_width(), key) || !is_wide(V::fixed_width(), value) {
                return Err(LogError::Storage("a row does not read back".into()));
            }
            table.insert(K::from_bytes(key), V::from_bytes(value)).map_err(storage_error)?;
        }
        Ok(())
    }
}
