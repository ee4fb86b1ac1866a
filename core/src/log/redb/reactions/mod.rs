//! The table of the reactions in force: written in the transaction of the events that add and take them back.
//!
//! A row holds the author, as named when reacting, and the position of the event. The event comes after its
//! message, so a trim takes a row with the event and never one of a message that is there. A delete takes all
//! rows of its message, and the erasing of a purged room those of each message that it comes to.

#[cfg(test)]
mod tests;

use ::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::event::{Author, Body, Event, Position};
use crate::log::contract::Counts;
use crate::log::error::LogError;
use crate::log::record::{author_kind_number, author_kind_of};
use crate::log::redb::tables::{LazyTable, present, storage_error};
use crate::message::Reacted;
use crate::reaction::Reaction;

/// The message, the number of the reaction, the author's id.
pub(super) type Key = (u64, u8, &'static str);
/// The position of its event, the author's kind and name.
pub(super) type Row = (u64, u8, &'static str);

/// A log of an older release has no such table: it comes with the first row, or the first look by a write.
pub(super) const REACTIONS: TableDefinition<'static, Key, Row> = TableDefinition::new("reactions");

/// A row takes no more bytes than this: an author's id and name, and numbers.
pub(super) const ROW_BYTES_MAX: usize = 512;

/// The first and the last key that rows of a message may have.
fn all_of(target: Position) -> std::ops::Range<Key> {
    (target, 0, "")..(target, u8::MAX, "")
}

/// All reactions to a message. One of a kind that a newer release knows is passed over.
pub(super) fn of_message(tx: &ReadTransaction, target: Position) -> Result<Vec<Reacted>, LogError> {
    let Some(table) = present(tx.open_table(REACTIONS))? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for row in table.range(all_of(target)).map_err(storage_error)? {
        let (key, row) = row.map_err(storage_error)?;
        let ((_, number, id), (position, kind, name)) = (key.value(), row.value());
        let author = Author { id: id.into(), name: name.into(), kind: author_kind_of(Some(kind)) };
        all.extend(Reaction::of_number(number).map(|reaction| Reacted { reaction, author, position }));
    }
    Ok(all)
}

/// Counts the reactions to a message.
pub(super) fn count(
    table: &impl ReadableTable<Key, Row>,
    target: Position,
    counts: &mut Counts,
) -> Result<(), LogError> {
    for row in table.range(all_of(target)).map_err(storage_error)? {
        let (key, _) = row.map_err(storage_error)?;
        if let Some(reaction) = Reaction::of_number(key.value().1) {
            *counts.of_mut(reaction) += 1;
        }
    }
    Ok(())
}

/// The table in a transaction that writes.
pub(super) struct ReactionsTable<'tx>(LazyTable<'tx, Key, Row>);

impl<'tx> ReactionsTable<'tx> {
    pub fn new(tx: &'tx WriteTransaction) -> Self {
        Self(LazyTable::new(tx, REACTIONS))
    }

    /// Adds the reactions to a message to its counts.
    pub fn count(&mut self, target: Position, counts: &mut Counts) -> Result<(), LogError> {
        count(self.0.get()?, target, counts)
    }

    /// Records an event that adds a reaction or takes it back; others change nothing. Returns true if there
    /// is one row more or fewer.
    pub fn record(&mut self, event: &Event) -> Result<bool, LogError> {
        let Body::Reaction { target, reaction, on, .. } = event.body else { return Ok(false) };
        let Some(author) = &event.author else { return Ok(false) };
        let key = (target, reaction.number(), &*author.id);
        let table = self.0.get()?;
        if on {
            let row = (event.position, author_kind_number(author.kind), &*author.name);
            Ok(table.insert(key, row).map_err(storage_error)?.is_none())
        } else {
            Ok(table.remove(key).map_err(storage_error)?.is_some())
        }
    }

    /// Removes the row of an event that is trimmed.
    pub fn trim(&mut self, event: &Event) -> Result<(), LogError> {
        let Body::Reaction { target, reaction, on: true, .. } = event.body else { return Ok(()) };
        let Some(author) = &event.author else { return Ok(()) };
        let key = (target, reaction.number(), &*author.id);
        let table = self.0.get()?;
        let its = table.get(key).map_err(storage_error)?.is_some_and(|row| row.value().0 == event.position);
        if its {
            table.remove(key).map_err(storage_error)?;
        }
        Ok(())
    }

    /// Removes all rows of a message. Returns their number.
    pub fn forget(&mut self, target: Position) -> Result<usize, LogError> {
        let mut rows = 0;
        let table = self.0.get()?;
        let forget = |_: (u64, u8, &str), _: (u64, u8, &str)| {
            rows += 1;
            false
        };
        table.retain_in(all_of(target), forget).map_err(storage_error)?;
        Ok(rows)
    }
}
