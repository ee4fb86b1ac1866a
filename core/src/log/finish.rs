//! Finished records: the bytes that a batch has in every log of a cluster.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, Position, RoomName};
use crate::log::contract::{Committed, Log, NewRecord, Payload};
use crate::log::error::LogError;
use crate::log::record::{self, Fields, RawRecord};

/// Finishes a batch: makes the records that it has behind the head of this log, and what they will be once
/// they are stored. Stores nothing.
pub(crate) fn finish(
    log: &dyn Log,
    batch: &[NewRecord],
) -> Result<(Vec<RawRecord>, Vec<Committed>), LogError> {
    let mut heads: HashMap<&RoomName, Position> = HashMap::new();
    let (mut records, mut committed) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
    for (append, position) in batch.iter().zip(log.head() + 1..) {
        let (mut bytes, mut made) = (Vec::new(), None);
        if let Payload::Event { room, body } = &append.payload {
            let prev = match heads.get(room) {
                Some(prev) => *prev,
                None => log.room_head(room)?,
            };
            heads.insert(room, position);
            let (author, created_at) = (append.author.clone(), append.created_at);
            let event = Event { position, prev, room: room.clone(), author, created_at, body: body.clone() };
            let (key, content_hash) = (append.key.as_ref(), append.content_hash.as_ref());
            record::encode(&Fields { event: &event, key, content_hash }, &mut bytes);
            made = Some(Arc::new(event));
        } else {
            encode_of_no_room(append, position, &mut bytes);
        }
        records.push(RawRecord { position, bytes });
        committed.push(Committed { position, event: made });
    }
    Ok((records, committed))
}

/// Writes the record of a ban or a value.
pub(crate) fn encode_of_no_room(append: &NewRecord, position: Position, out: &mut Vec<u8>) {
    if let Some(ban) = append.ban() {
        record::encode_ban(position, append.created_at, &ban, out);
    } else if let Some(value) = append.value() {
        record::encode_value(position, append.created_at, &value, out);
    }
}
