//! The table of counts: how many edits a message has, and how many reactions of each kind.
//!
//! So that the writer need not count rows before each edit and each reaction. A row comes with the first edit
//! or reaction, in the same transaction, and goes when the message loses its text, or is trimmed. A message
//! of a log of a release before has none: its rows of edits and reactions are counted once.

use ::redb::{ReadableTable, TableDefinition, WriteTransaction};

use crate::event::Position;
use crate::log::contract::Counts;
use crate::log::error::LogError;
use crate::log::redb::reactions::ReactionsTable;
use crate::log::redb::tables::{LazyTable, count_edits, storage_error};
use crate::reaction::Reaction;

/// The message → numbers of 4 bytes, little-endian: its edits, its reactions of the first kind, the second…
pub(super) const COUNTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("counts");

/// Reads a row. Kinds that a newer release knows are passed over.
pub(super) fn decode(row: &[u8]) -> Counts {
    let mut numbers =
        row.chunks_exact(4).map(|bytes| bytes.try_into().map_or(0, u32::from_le_bytes) as usize);
    let edits = numbers.next().unwrap_or(0);
    let mut counts = Counts { edits, ..Counts::default() };
    for reaction in Reaction::ALL {
        *counts.of_mut(reaction) = numbers.next().unwrap_or(0);
    }
    counts
}

fn encode(counts: &Counts) -> Vec<u8> {
    let numbers = [counts.edits].into_iter().chain(Reaction::ALL.map(|reaction| counts.of(reaction)));
    numbers.flat_map(|number| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()).collect()
}

/// The table in a transaction that writes.
pub(super) struct CountsTable<'tx>(LazyTable<'tx, u64, &'static [u8]>);

impl<'tx> CountsTable<'tx> {
    pub fn new(tx: &'tx WriteTransaction) -> Self {
        Self(LazyTable::new(tx, COUNTS))
    }

    /// Changes the counts of a message. Call it after its rows changed: if there are no counts yet, these are
    /// counted.
    pub fn change(
        &mut self,
        target: Position,
        edits: &impl ReadableTable<(u64, u64), ()>,
        reactions: &mut ReactionsTable<'_>,
        change: impl FnOnce(&mut Counts),
    ) -> Result<(), LogError> {
        let counts = match self.row(target)? {
            Some(mut counts) => {
                change(&mut counts);
                counts
            }
            None => count(target, edits, reactions)?,
        };
        self.0.get()?.insert(target, encode(&counts).as_slice()).map(drop).map_err(storage_error)
    }

    /// Returns the counts of a message.
    pub fn get(
        &mut self,
        target: Position,
        edits: &impl ReadableTable<(u64, u64), ()>,
        reactions: &mut ReactionsTable<'_>,
    ) -> Result<Counts, LogError> {
        match self.row(target)? {
            Some(counts) => Ok(counts),
            None => count(target, edits, reactions),
        }
    }

    fn row(&mut self, target: Position) -> Result<Option<Counts>, LogError> {
        Ok(self.0.get()?.get(target).map_err(storage_error)?.map(|row| decode(row.value())))
    }

    /// Removes the row of a message that has no text any more, or is trimmed.
    pub fn forget(&mut self, target: Position) -> Result<(), LogError> {
        self.0.get()?.remove(target).map(drop).map_err(storage_error)
    }
}

fn count(
    target: Position,
    edits: &impl ReadableTable<(u64, u64), ()>,
    reactions: &mut ReactionsTable<'_>,
) -> Result<Counts, LogError> {
    let mut counts = Counts { edits: count_edits(edits, target)?, ..Counts::default() };
    reactions.count(target, &mut counts)?;
    Ok(counts)
}

#[cfg(test)]
mod tests;
