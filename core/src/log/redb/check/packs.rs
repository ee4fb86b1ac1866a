//! The packs of the search index, compared with the texts that they cover.

use ::redb::{ReadTransaction, ReadableTable as _};

use crate::event::{Position, RoomName};
use crate::log::check::Finding;
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::redb::moderation::PURGES;
use crate::log::redb::packs::{PACKED, PACKS, is_stale, terms_of};
use crate::log::redb::state::State;
use crate::log::redb::tables::{present, storage_error};

/// Holds the packs against the texts. Of packs that the next start removes, and of those below a purge that
/// is under way, nothing is said.
pub(super) fn check(
    tx: &ReadTransaction,
    state: &State,
    found: &mut dyn FnMut(Finding),
) -> Result<(), LogError> {
    let tables = (present(tx.open_table(PACKED))?, present(tx.open_table(PACKS))?);
    let (Some(packed), Some(packs)) = tables else { return Ok(()) };
    if is_stale(tx, state).unwrap_or(true) {
        return Ok(());
    }
    let mut report = |room: &str, position, what: &str| {
        found(Finding { room: RoomName::new(room).ok(), position: Some(position), what: what.into() });
    };
    for row in packed.iter().map_err(storage_error)? {
        let (key, from) = row.map_err(storage_error)?;
        let ((name, to), from) = (key.value(), from.value());
        let Some(pack) = packs.get((name, to)).map_err(storage_error)? else {
            report(name, to, "a pack of the search index is noted here, and is not there");
            continue;
        };
        let Ok(room) = RoomName::new(name) else {
            report(name, to, "a pack of the search index names no room");
            continue;
        };
        if is_purged(tx, &room, from)? {
            continue;
        }
        // Records that do not read back are reported elsewhere.
        let Ok(right) = terms_of(tx, &RedactionMask::default(), &room, to, from) else { continue };
        if !right.is_some_and(|right| right.from == from && right.bytes == pack.value()) {
            report(name, to, "the pack of the search index up to here does not fit the texts");
        }
    }
    for row in packs.iter().map_err(storage_error)? {
        let (key, _) = row.map_err(storage_error)?;
        let (name, to) = key.value();
        if packed.get((name, to)).map_err(storage_error)?.is_none() {
            report(name, to, "a pack of the search index is there, and is noted nowhere");
        }
    }
    Ok(())
}

/// Returns true if texts after a position are being erased by a purge.
fn is_purged(tx: &ReadTransaction, room: &RoomName, from: Position) -> Result<bool, LogError> {
    let Some(purges) = present(tx.open_table(PURGES))? else { return Ok(false) };
    let after = (room.as_str(), from)..=(room.as_str(), Position::MAX);
    Ok(purges.range(after).map_err(storage_error)?.next().is_some())
}
