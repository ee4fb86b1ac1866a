//! The table of deletes: by which event a message was taken away.
//!
//! So that a page of history can say who did it. A row comes with the delete, in the same transaction, and
//! goes when the event of the delete is trimmed. A log of a release before has none for its older deletes.

use ::redb::{ReadTransaction, TableDefinition, WriteTransaction};

use crate::event::Position;
use crate::log::error::LogError;
use crate::log::redb::tables::{LazyTable, present, storage_error};

/// The message → the position of its delete.
pub(super) const DELETES: TableDefinition<'static, u64, u64> = TableDefinition::new("deletes");

/// Returns the position of the delete of a message.
pub(super) fn of(tx: &ReadTransaction, target: Position) -> Result<Option<Position>, LogError> {
    let Some(table) = present(tx.open_table(DELETES))? else { return Ok(None) };
    Ok(table.get(target).map_err(storage_error)?.map(|row| row.value()))
}

/// The table in a transaction that writes.
pub(super) struct DeletesTable<'tx>(LazyTable<'tx, u64, u64>);

impl<'tx> DeletesTable<'tx> {
    pub fn new(tx: &'tx WriteTransaction) -> Self {
        Self(LazyTable::new(tx, DELETES))
    }

    /// Notes the delete of a message.
    pub fn note(&mut self, target: Position, at: Position) -> Result<(), LogError> {
        self.0.get()?.insert(target, at).map(drop).map_err(storage_error)
    }

    /// Forgets a delete that is trimmed.
    pub fn forget(&mut self, target: Position) -> Result<(), LogError> {
        self.0.get()?.remove(target).map(drop).map_err(storage_error)
    }
}
