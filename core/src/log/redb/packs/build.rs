//! Preparing a pack: the terms of a piece of a room's chain, from the texts as they are.

use ::redb::{ReadTransaction, ReadableTable};

use super::bytes::{PACK_EVENTS_MAX, PackBuilder};
use super::prepared::Prepared;
use super::table::{PACKED, covering, newest_before};
use crate::event::{Body, Event, Position, RoomName};
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::redb::tables::{EDITS, LOG, get, present, storage_error};
use crate::search::for_each_hash;

/// A pack ends with the message that takes it past this many bytes of text. Two terms for every three bytes
/// are the most that a text has: such a pack is a row of half a megabyte.
const PACK_TEXT_BYTES_MAX: usize = 64 * 1024;

/// Prepares the pack of the events up to `to`, down to the next pack; `None` if there is one over it, or
/// nothing to cover.
pub(super) fn prepare(
    tx: &ReadTransaction,
    mask: &RedactionMask,
    floor: Position,
    room: &RoomName,
    to: Position,
) -> Result<Option<Prepared>, LogError> {
    let mut below = 0;
    if let Some(packed) = present(tx.open_table(PACKED))? {
        if covering(&packed, room, to)?.is_some() {
            return Ok(None);
        }
        below = newest_before(&packed, room, to)?.unwrap_or(0);
    }
    terms_of(tx, mask, room, to, below.max(floor.saturating_sub(1)))
}

/// Makes the pack of the events up to `to` and after `below`, or of as many as it takes.
pub(in crate::log::redb) fn terms_of(
    tx: &ReadTransaction,
    mask: &RedactionMask,
    room: &RoomName,
    to: Position,
    below: Position,
) -> Result<Option<Prepared>, LogError> {
    let log = tx.open_table(LOG).map_err(storage_error)?;
    let edits = tx.open_table(EDITS).map_err(storage_error)?;
    let mut pack = PackBuilder::default();
    let (mut from, mut oldest, mut events, mut text_bytes) = (to, to, 0, 0);
    while from > below && events < PACK_EVENTS_MAX && text_bytes < PACK_TEXT_BYTES_MAX {
        // A trim came before.
        let Some(event) = get(&log, from, mask)?.and_then(|record| record.event) else { break };
        if event.room != *room {
            return Err(LogError::Damaged { position: from, what: "the chain of another room leads to it" });
        }
        if let Some(text) = text(&log, &edits, mask, &event)? {
            text_bytes += text.len();
            let mut terms = Vec::new();
            for_each_hash(&text, |term| terms.push(term));
            pack.push(from, terms);
        }
        events += 1;
        (oldest, from) = (from, event.prev);
    }
    if events == 0 {
        return Ok(None);
    }
    Ok(Some(Prepared { room: room.clone(), from, oldest, to, bytes: pack.bytes(), goes_on: from > below }))
}

/// Returns the text of a message as it is now.
fn text(
    log: &impl ReadableTable<u64, &'static [u8]>,
    edits: &impl ReadableTable<(u64, u64), ()>,
    mask: &RedactionMask,
    event: &Event,
) -> Result<Option<std::sync::Arc<str>>, LogError> {
    let Body::Message { content: Some(content), .. } = &event.body else { return Ok(None) };
    let of_message = (event.position, 0)..=(event.position, Position::MAX);
    let newest = edits.range(of_message).map_err(storage_error)?.next_back().transpose();
    let Some((key, _)) = newest.map_err(storage_error)? else { return Ok(Some(content.clone())) };
    let edit = get(log, key.value().1, mask)?.and_then(|record| record.event);
    Ok(match edit.as_deref().map(|edit| &edit.body) {
        Some(Body::Edit { content, .. }) => content.clone(),
        _ => None,
    })
}
