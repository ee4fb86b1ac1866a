//! The little of a record that its trimming depends on, read without a copy of anything.

use crate::event::{Position, Timestamp};
use crate::log::error::LogError;
use crate::log::record::{KIND_MESSAGE, RECORD_VERSION, TAG_CREATED_AT, TAG_ROOM, number, open, text};

/// The outline of a record.
pub(crate) struct Outline<'a> {
    pub created_at: Timestamp,
    /// The name of its room, if it is of one.
    pub room: Option<&'a str>,
    /// True if it is a message: nothing else depends on it but its place in the room.
    pub is_message: bool,
}

/// Reads the outline of a record. One that is damaged has none.
pub(crate) fn outline(position: Position, bytes: &[u8]) -> Result<Outline<'_>, LogError> {
    let (version, kind, fields) = open(position, bytes)?;
    if version > RECORD_VERSION {
        return Err(LogError::Damaged { position, what: "it was written by a newer release" });
    }
    let mut outline = Outline { created_at: Timestamp(0), room: None, is_message: kind == KIND_MESSAGE };
    for field in fields {
        match field? {
            (TAG_ROOM, name) => outline.room = Some(text(position, name)?),
            (TAG_CREATED_AT, at) => outline.created_at = Timestamp(number(position, at)?),
            _ => {}
        }
    }
    Ok(outline)
}
