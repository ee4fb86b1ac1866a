//! Taking the oldest records out, with their rows in the other tables.

use std::collections::HashSet;
use std::mem::ManuallyDrop;

use ::redb::{AccessGuard, StorageError, WriteTransaction};

use crate::event::{Body, Position, RoomName};
use crate::log::error::LogError;
use crate::log::record::{self, Outline, Record};
use crate::log::redb::counts::CountsTable;
use crate::log::redb::deletes::DeletesTable;
use crate::log::redb::packs::PacksTable;
use crate::log::redb::reactions;
use crate::log::redb::redact::BytesDelta;
use crate::log::redb::tables::{EDITS, INDEX, LOG, STATE, STATE_FLOOR, STATE_LAST, storage_error};

/// The rooms that lose records.
#[derive(Default)]
struct TrimmedRooms {
    all: HashSet<RoomName>,
    /// The one that was named last: often the next one too.
    last: Option<RoomName>,
}

impl TrimmedRooms {
    /// Takes the room of this name; `None` if no room has such a name.
    fn named(&mut self, name: &str) -> Option<&RoomName> {
        if self.last.as_ref().is_none_or(|last| last.as_str() != name) {
            let room = match self.all.get(name) {
                Some(room) => room.clone(),
                None => RoomName::new(name).ok()?,
            };
            self.all.insert(room.clone());
            self.last = Some(room);
        }
        self.last.as_ref()
    }
}

/// Takes the records from `old` to `floor` out, with their rows of index, edits, deletes, reactions and
/// counts.
pub(super) fn trim(
    tx: &WriteTransaction,
    old: Position,
    floor: Position,
    head: Position,
) -> Result<BytesDelta, LogError> {
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let mut index = tx.open_table(INDEX).map_err(storage_error)?;
    let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
    let mut reactions = reactions::ReactionsTable::new(tx);
    let mut counts = CountsTable::new(tx);
    let mut deletes = DeletesTable::new(tx);
    let mut packs = PacksTable::new(tx);
    let mut rooms = TrimmedRooms::default();
    let mut change = BytesDelta { old: true, ..BytesDelta::default() };
    // Dropped, it goes on with its work. After a panic over a damaged page that would be a second panic in
    // the middle of the first, and the end of the process.
    let mut rows = ManuallyDrop::new(log.extract_from_if(old..floor, |_, _| true).map_err(storage_error)?);
    let mut take = |row: Result<(AccessGuard<'_, u64>, AccessGuard<'_, &[u8]>), StorageError>| {
        let (position, bytes) = row.map_err(storage_error)?;
        let (position, bytes) = (position.value(), bytes.value());
        change.less += record::stored_bytes(bytes);
        // A damaged record goes like any other; what it would have said about its room is not known.
        let Ok(Outline { room: Some(room), is_message, .. }) = record::outline(position, bytes) else {
            return Ok(());
        };
        let Some(room) = rooms.named(room) else { return Ok(()) };
        packs.remove(room, position)?;
        if is_message {
            return Ok(());
        }
        let Ok(Record { event: Some(event), .. }) = record::decode(position, bytes) else { return Ok(()) };
        // What they are about came before them, so it is trimmed too.
        if let Body::Edit { target, .. } | Body::Reaction { target, .. } = event.body {
            counts.forget(target)?;
        }
        if let Body::Edit { target, .. } = event.body {
            edits.remove((target, event.position)).map_err(storage_error)?;
        }
        if let Body::Delete { target } = event.body {
            deletes.forget(target)?;
        }
        reactions.trim(&event)
    };
    let taken = rows.by_ref().try_for_each(&mut take);
    drop(ManuallyDrop::into_inner(rows));
    taken?;
    for room in rooms.all {
        let before = (room.as_str(), 0)..(room.as_str(), floor);
        index.retain_in(before, |_, ()| false).map_err(storage_error)?;
    }
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    state.insert(STATE_FLOOR, floor.to_le_bytes().as_slice()).map_err(storage_error)?;
    state.insert(STATE_LAST, head.to_le_bytes().as_slice()).map_err(storage_error)?;
    Ok(change)
}
