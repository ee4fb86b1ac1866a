//! The opening of a subscription: the position at which it begins, and the gap before it, if there is one.

use std::sync::Arc;

use crate::error::ReadError;
use crate::event::{EventId, Position};
use crate::limits::{HISTORY_DEFAULT, HISTORY_MAX};
use crate::log::{Log, LogError};
use crate::read::start::StartFrom;
use crate::room::live::Room;
use crate::shared::Shared;

/// The reason why a subscription could not resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The id is malformed.
    Malformed,
    /// The id is of another log's life.
    Epoch,
    /// The position is beyond the head of the whole log.
    Ahead,
}

impl ResetReason {
    /// The word for it in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Epoch => "epoch",
            Self::Ahead => "ahead",
        }
    }
}

/// The way a subscription opens: exactly one, and the first thing delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing is missing between the position asked for and what follows.
    Start,
    /// Part of what was asked for is gone: it goes on at the floor.
    Gap {
        /// The position asked for.
        from: Position,
        /// The position before what follows.
        to: Position,
    },
    /// The id is not of this log; it goes on as a first join.
    Reset(ResetReason),
}

/// The opening of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The way it opens.
    pub opening: Opening,
    /// The id just before what follows: the reader's position, in this log.
    pub id: EventId,
    /// The room's newest position.
    pub head: Position,
    /// The log's floor.
    pub floor: Position,
    /// The room is closed to writing. A later change comes as an event.
    pub is_closed: bool,
}

/// Finds where a subscription begins: in memory if it can, else in the log.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    from: StartFrom,
) -> Result<Opened, ReadError> {
    let begin = match open_in_memory(shared, room, from) {
        Some(begin) => begin,
        None => open_from_log(shared, room, from).await?,
    };
    let Begin { opening, position, head, floor } = begin;
    let id = EventId { epoch: shared.log.epoch(), position };
    Ok(Opened { opening, id, head, floor, is_closed: shared.log.moderation().is_closed(&room.name) })
}

/// The answer of memory or of the log to where a subscription begins.
struct Begin {
    opening: Opening,
    position: Position,
    head: Position,
    floor: Position,
}

/// Returns the gap after `position`, if there is one: its two ends. `prev` is that of the first event that is
/// still there after `position`.
pub(crate) fn gap(
    position: Position,
    prev: Option<Position>,
    head: Position,
    floor: Position,
) -> Option<(Position, Position)> {
    let missing = match prev {
        // The room's first event, or the first after the room was forgotten: then something may be missing.
        Some(0) => position + 1 < floor,
        Some(prev) => prev > position,
        // Nothing is there after the position: was there something? A room of which not even the head is
        // known may have had events below the floor.
        None => (head > position && head < floor) || (head == 0 && position + 1 < floor),
    };
    missing.then(|| (position, (floor - 1).max(prev.unwrap_or(0))))
}

/// Opens without the log, if the room in memory knows enough.
fn open_in_memory(shared: &Shared, room: &Room, from: StartFrom) -> Option<Begin> {
    let (opening, position) = match from {
        StartFrom::Last(count) => (Opening::Start, room.position_before_last(count.min(HISTORY_MAX))?),
        StartFrom::After(id) => match not_of_this_log(shared, id) {
            None if room.serves(id.position, shared.log.floor()) => (Opening::Start, id.position),
            None => return None,
            Some(reason) => (Opening::Reset(reason), room.position_before_last(HISTORY_DEFAULT)?),
        },
        StartFrom::Malformed => {
            (Opening::Reset(ResetReason::Malformed), room.position_before_last(HISTORY_DEFAULT)?)
        }
    };
    Some(Begin { opening, position, head: room.head()?, floor: shared.log.floor() })
}

fn not_of_this_log(shared: &Shared, id: EventId) -> Option<ResetReason> {
    if id.epoch != shared.log.epoch() {
        Some(ResetReason::Epoch)
    } else if id.position > shared.log.head() {
        Some(ResetReason::Ahead)
    } else {
        None
    }
}

async fn open_from_log(shared: &Arc<Shared>, room: &Arc<Room>, from: StartFrom) -> Result<Begin, ReadError> {
    let (position, opening, count) = match from {
        StartFrom::Last(count) => (None, Opening::Start, count.min(HISTORY_MAX)),
        StartFrom::Malformed => (None, Opening::Reset(ResetReason::Malformed), HISTORY_DEFAULT),
        StartFrom::After(id) => match not_of_this_log(shared, id) {
            Some(reason) => (None, Opening::Reset(reason), HISTORY_DEFAULT),
            None => (Some(id.position), Opening::Start, 0),
        },
    };
    let room = room.clone();
    shared
        .reads
        .read(move |log| {
            if let Some(position) = position {
                return resume(log, &room, position);
            }
            let (position, head, floor) = join(log, &room, count)?;
            Ok(Begin { opening, position, head, floor })
        })
        .await
}

/// Finds the position before the newest `count` events.
fn join(log: &dyn Log, room: &Room, count: usize) -> Result<(Position, Position, Position), LogError> {
    let redaction_generation = room.redaction_generation();
    let mut newest = log.read_before(&room.name, Position::MAX, count.clamp(1, HISTORY_DEFAULT))?;
    room.learn(newest.head, &newest.events, redaction_generation);
    if count == 0 {
        return Ok((newest.head, newest.head, newest.floor));
    }
    let (mut found, mut position) = (newest.events.len(), newest.head);
    let head = newest.head;
    while let Some(oldest) = newest.events.first() {
        position = oldest.prev;
        if found >= count || position == 0 {
            break;
        }
        newest = log.read_before(&room.name, oldest.position, count - found)?;
        found += newest.events.len();
    }
    Ok((position, head, newest.floor))
}

fn resume(log: &dyn Log, room: &Room, position: Position) -> Result<Begin, LogError> {
    let redaction_generation = room.redaction_generation();
    let chain = log.read_after(&room.name, position)?;
    room.learn(chain.head, &chain.events, redaction_generation);
    let gap = gap(position, chain.events.first().map(|event| event.prev), chain.head, chain.floor);
    let (opening, position) = match gap {
        Some((from, to)) => (Opening::Gap { from, to }, to),
        None => (Opening::Start, position),
    };
    Ok(Begin { opening, position, head: chain.head, floor: chain.floor })
}
