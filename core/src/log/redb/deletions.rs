//! The table of deletes whose edits are still being erased.
//!
//! A message may have a thousand edits, and to rewrite them all in the commit of its delete would stop
//! everybody. So that commit erases the message, and writes a row here. From then on the redaction mask hides
//! the edits, and each later commit erases some of them, those of the oldest delete first.

use ::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::event::Position;
use crate::log::error::LogError;
use crate::log::moderation::{Deletion, ModerationChange};
use crate::log::redb::redact::{BytesDelta, redact};
use crate::log::redb::tables::{EDITS, LOG, present, storage_error};

/// The position of the delete → its target, the position from which to look for the next edit, and how many
/// edits are left at most.
pub(super) const DELETIONS: TableDefinition<'_, u64, (u64, u64, u64)> = TableDefinition::new("deleting");

/// Reads the table.
pub(super) fn read(tx: &ReadTransaction) -> Result<Vec<(Position, Deletion)>, LogError> {
    let Some(table) = present(tx.open_table(DELETIONS))? else { return Ok(Vec::new()) };
    let rows = table.iter().map_err(storage_error)?.map(|row| {
        let (at, row) = row.map_err(storage_error)?;
        let (target, next, left) = row.value();
        Ok((at.value(), Deletion { target, next, left }))
    });
    rows.collect()
}

/// Writes what is left of a delete.
pub(super) fn write(
    tx: &WriteTransaction,
    at: Position,
    deletion: Option<Deletion>,
) -> Result<ModerationChange, LogError> {
    let mut table = tx.open_table(DELETIONS).map_err(storage_error)?;
    match deletion {
        Some(Deletion { target, next, left }) => {
            table.insert(at, (target, next, left)).map(drop).map_err(storage_error)?;
        }
        None => drop(table.remove(at).map_err(storage_error)?),
    }
    Ok(ModerationChange::Deleting(at, deletion))
}

/// Takes a step: erases at most this many edits of these deletes, the first one's first.
pub(super) fn erase_step(
    tx: &WriteTransaction,
    deletions: Vec<(Position, Deletion)>,
    edits_max: usize,
) -> Result<(BytesDelta, Vec<ModerationChange>), LogError> {
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let edits = tx.open_table(EDITS).map_err(storage_error)?;
    let (mut change, mut changes, mut more) = (BytesDelta::default(), Vec::new(), edits_max);
    for (at, mut deletion) in deletions {
        let of_target = (deletion.target, deletion.next)..=(deletion.target, Position::MAX);
        let mut rows = edits.range(of_target).map_err(storage_error)?;
        let is_done = loop {
            let Some(row) = rows.next().transpose().map_err(storage_error)? else { break true };
            if more == 0 {
                break false;
            }
            let edit = row.0.value().1;
            change += redact(&mut log, edit)?;
            more -= 1;
            deletion.next = edit + 1;
            deletion.left = deletion.left.saturating_sub(1);
        };
        changes.push(write(tx, at, (!is_done).then_some(deletion))?);
        if more == 0 {
            break;
        }
    }
    Ok((change, changes))
}
