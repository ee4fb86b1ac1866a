//! Checkpoints: what is derived from the records, written into its tables.

use ::redb::WriteTransaction;

use crate::event::Position;
use crate::log::derived::{Derived, Head};
use crate::log::error::LogError;
use crate::log::redb::tables::{HEADS, INDEX, STATE, STATE_CHECKPOINT, STATE_LIVE, storage_error};

/// Writes what is derived into its tables, up to `head`.
pub(super) fn write_derived(
    tx: &WriteTransaction,
    parts: &[&Derived],
    head: Position,
) -> Result<(), LogError> {
    let mut heads = tx.open_table(HEADS).map_err(storage_error)?;
    let mut index = tx.open_table(INDEX).map_err(storage_error)?;
    for part in parts {
        for (room, Head { position, count, at }) in part.heads() {
            heads.insert(room.as_str(), (*position, *count, at.0)).map_err(storage_error)?;
        }
        for (room, position) in part.index() {
            index.insert((room.as_str(), *position), ()).map_err(storage_error)?;
        }
    }
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    state.insert(STATE_CHECKPOINT, head.to_le_bytes().as_slice()).map_err(storage_error)?;
    Ok(())
}

pub(super) fn write_live_bytes(
    tx: &WriteTransaction,
    head: Position,
    live_bytes: u64,
) -> Result<(), LogError> {
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    let both = [head.to_le_bytes(), live_bytes.to_le_bytes()].concat();
    state.insert(STATE_LIVE, both.as_slice()).map_err(storage_error)?;
    Ok(())
}
