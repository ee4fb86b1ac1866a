//! Flags: readers point moderators to a message. A flag goes with its message.

use std::sync::Arc;

use millchat::{Author, Chat, NewValue, Position, Replaces, RoomName, SendError, Value};

/// Most flags that are kept, in all rooms together.
pub const FLAGS_MAX: usize = 10_000;
/// Most characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;

/// A flag that is listed.
pub struct Flag {
    /// The message.
    pub position: Position,
    /// The value that keeps it; its author is who flagged, its text the reason.
    pub value: Value,
}

fn of_room(room: &RoomName) -> String {
    format!("flag/{room}/")
}

fn of_message(room: &RoomName, position: Position) -> String {
    format!("flag/{room}/{position}/")
}

/// Flags a message. A second flag of the same author changes nothing.
pub async fn flag(
    chat: &Chat,
    room: &RoomName,
    position: Position,
    reason: String,
    by: Author,
) -> Result<(), SendError> {
    let key = of_message(room, position) + &by.id;
    let new =
        NewValue { text: reason, until: None, by: Some(by), replaces: Replaces::Absent, limit: FLAGS_MAX };
    match chat.set_value(&key, new).await {
        Err(SendError::ValueChanged) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Returns the flags of a room, by message.
pub fn list(chat: &Chat, room: &RoomName) -> Vec<Flag> {
    let prefix = of_room(room);
    let flag = |(key, value): (Arc<str>, Value)| {
        let position = key[prefix.len()..].split_once('/')?.0.parse().ok()?;
        Some(Flag { position, value })
    };
    let mut flags: Vec<Flag> = chat.values(&prefix).into_iter().filter_map(flag).collect();
    flags.sort_by_key(|flag| flag.position);
    flags
}

/// Takes all flags of a message away.
pub async fn clear(
    chat: &Chat,
    room: &RoomName,
    position: Position,
    by: Option<Author>,
) -> Result<(), SendError> {
    for (key, _) in chat.values(&of_message(room, position)) {
        match chat.remove_value(&key, by.clone()).await {
            Err(SendError::UnknownValue) => {}
            outcome => drop(outcome?),
        }
    }
    Ok(())
}
