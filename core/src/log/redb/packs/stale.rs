//! Packs that another release left as they were, or that were made by another rule.
//!
//! `state` notes the position up to which this release has kept the packs right: with each commit that
//! changes a text, trims, stores packs or holds a checkpoint. A release before search does not know of them.
//! If it changed a text, the log has a checkpoint, a trim or a record that changes a text after that
//! position.

use ::redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use super::table::{PACKED, PACKS};
use crate::event::{Body, Position};
use crate::log::error::LogError;
use crate::log::record;
use crate::log::redb::state::State;
use crate::log::redb::tables::{LOG, STATE, STATE_PACKS, present, storage_error};
use crate::search::rule;

/// Notes that the packs are right up to the head.
pub(in crate::log::redb) fn mark(tx: &WriteTransaction, head: Position) -> Result<(), LogError> {
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    let both = [head.to_le_bytes(), u64::from(rule()).to_le_bytes()].concat();
    state.insert(STATE_PACKS, both.as_slice()).map(drop).map_err(storage_error)
}

/// Removes all packs if any of them may be wrong.
pub(in crate::log::redb) fn refuse_stale(database: &Database, state: &State) -> Result<(), LogError> {
    let reading = database.begin_read().map_err(storage_error)?;
    let is_refused = is_stale(&reading, state)?;
    drop(reading);
    if is_refused {
        let tx = database.begin_write().map_err(storage_error)?;
        tx.delete_table(PACKED).map_err(storage_error)?;
        tx.delete_table(PACKS).map_err(storage_error)?;
        tx.commit().map_err(storage_error)?;
    }
    Ok(())
}

/// Returns true if packs may be wrong.
pub(in crate::log::redb) fn is_stale(tx: &ReadTransaction, state: &State) -> Result<bool, LogError> {
    if present(tx.open_table(PACKED))?.is_none() {
        return Ok(false);
    }
    let (upto, by_rule) = state.packs;
    if by_rule != u64::from(rule()) || state.checkpoint > upto || state.last > upto {
        return Ok(true);
    }
    let log = tx.open_table(LOG).map_err(storage_error)?;
    for row in log.range(state.checkpoint.max(upto) + 1..).map_err(storage_error)? {
        let (position, bytes) = row.map_err(storage_error)?;
        // A record that does not read back says nothing.
        let event = record::decode(position.value(), bytes.value()).ok().and_then(|record| record.event);
        if event.is_some_and(|event| changes_text(&event.body)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns true for an event that changes the text of others.
fn changes_text(body: &Body) -> bool {
    matches!(body, Body::Edit { .. } | Body::Delete { .. } | Body::Purge)
}
