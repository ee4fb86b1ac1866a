//! Flags: readers point moderators to a message. A flag goes with its message, or after its time.

use std::sync::Arc;
use std::time::Duration;

use millchat::{
    Author, AuthorKind, Chat, NewValue, Position, Replaces, RoomName, SendError, Timestamp, Value,
};
use tokio::task::JoinSet;

/// Most flags that are kept, in all rooms together.
pub const FLAGS_MAX: usize = 10_000;
/// Most of them in one room.
pub const FLAGS_OF_ROOM_MAX: usize = 1_000;
/// Most of them by one author.
pub const FLAGS_OF_AUTHOR_MAX: usize = 100;
/// Most of them by one guest: anybody is as many guests as they wait for. All guests together have half of a room's
/// and of all.
pub const FLAGS_OF_GUEST_MAX: usize = 20;
/// Time for which a flag is kept.
const KEPT: Duration = Duration::from_hours(90 * 24);
/// Most characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;
/// Flags that are taken away at once.
const STEP: usize = 100;
/// The kind of their values. No right depends on them.
pub const KIND: &str = "flag";

/// A flag that is listed.
pub struct Flag {
    /// The message.
    pub position: Position,
    /// The value that keeps it; its author is who flagged, its text the reason.
    pub value: Value,
}

fn of_room(room: &RoomName) -> String {
    format!("{KIND}/{room}/")
}

fn of_message(room: &RoomName, position: Position) -> String {
    format!("{KIND}/{room}/{position}/")
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
    if chat.value(&key).is_some() {
        return Ok(());
    }
    refuse_too_many(chat, room, &by)?;
    let until = Some(Timestamp(Timestamp::now().0.saturating_add(KEPT.as_secs() * 1_000)));
    let limit = part(&by, FLAGS_MAX);
    let new = NewValue { text: reason, until, by: Some(by), replaces: Replaces::Absent, limit };
    match chat.set_value(&key, new).await {
        Err(SendError::ValueChanged) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Returns the part of a bound that somebody like this author may fill.
fn part(by: &Author, max: usize) -> usize {
    if by.kind == AuthorKind::Guest { max / 2 } else { max }
}

/// Refuses a flag to an author, or in a room, that has as many as it may. Those who flag at the same moment may be
/// a few over it.
fn refuse_too_many(chat: &Chat, room: &RoomName, by: &Author) -> Result<(), SendError> {
    if chat.values_from(&of_room(room), None, FLAGS_OF_ROOM_MAX).len() >= part(by, FLAGS_OF_ROOM_MAX) {
        return Err(SendError::TooMany("flags in this room"));
    }
    let max = if by.kind == AuthorKind::Guest { FLAGS_OF_GUEST_MAX } else { FLAGS_OF_AUTHOR_MAX };
    let (all, mut after, mut of_author) = (format!("{KIND}/"), None, 0);
    // In steps: the writer waits for whoever looks.
    loop {
        let step = chat.values_from(&all, after.as_deref(), STEP);
        of_author +=
            step.iter().filter(|(_, value)| value.by.as_ref().is_some_and(|it| it.id == by.id)).count();
        if of_author >= max {
            return Err(SendError::TooMany("flags of this author"));
        }
        match step.last() {
            Some((last, _)) if step.len() == STEP => after = Some(last.clone()),
            _ => return Ok(()),
        }
    }
}

/// Returns the flags of a room, by message: those of at most `messages` messages, after a position.
pub fn list(chat: &Chat, room: &RoomName, after: Option<Position>, messages: usize) -> Vec<Flag> {
    let prefix = of_room(room);
    let flag = |(key, value): (Arc<str>, Value)| {
        let position = position_in(&key, &prefix)?;
        after.is_none_or(|after| position > after).then_some(Flag { position, value })
    };
    let flags = chat.values_from(&prefix, None, FLAGS_MAX).into_iter();
    let mut flags: Vec<Flag> = flags.filter_map(flag).collect();
    flags.sort_by_key(|flag| flag.position);
    let pages = flags.chunk_by(|flag, next| flag.position == next.position);
    let count = pages.take(messages).map(<[Flag]>::len).sum();
    flags.truncate(count);
    flags
}

fn position_in(key: &str, prefix: &str) -> Option<Position> {
    key[prefix.len()..].split_once('/')?.0.parse().ok()
}

/// Takes all flags of a message away.
pub async fn clear(
    chat: &Chat,
    room: &RoomName,
    position: Position,
    by: Option<Author>,
) -> Result<(), SendError> {
    remove(chat, &of_message(room, position), by, |_| true).await
}

/// Takes the flags of all messages of a room away that come before a position.
pub async fn clear_before(
    chat: &Chat,
    room: &RoomName,
    position: Position,
    by: Option<Author>,
) -> Result<(), SendError> {
    let prefix = of_room(room);
    remove(chat, &prefix, by, |key| position_in(key, &prefix).is_some_and(|of| of < position)).await
}

/// Removes values in steps, so that neither they nor the writer's queue take much memory.
async fn remove(
    chat: &Chat,
    prefix: &str,
    by: Option<Author>,
    is_meant: impl Fn(&str) -> bool,
) -> Result<(), SendError> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let step = chat.values_from(prefix, after.as_deref(), STEP);
        let Some((last, _)) = step.last() else { return Ok(()) };
        after = Some(last.clone());
        let mut removals = JoinSet::new();
        for (key, _) in step.into_iter().filter(|(key, _)| is_meant(key)) {
            let (chat, by) = (chat.clone(), by.clone());
            removals.spawn(async move { chat.remove_value(&key, by).await });
        }
        for outcome in removals.join_all().await {
            match outcome {
                Err(SendError::UnknownValue) => {}
                outcome => drop(outcome?),
            }
        }
    }
}
