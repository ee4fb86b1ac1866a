//! How a subscription opens: the place it begins at, and whether anything is missing before it.

use std::sync::Arc;

use crate::error::ReadError;
use crate::event::{Place, Position};
use crate::limits::{HISTORY_DEFAULT, HISTORY_MAX};
use crate::log::{Log, LogError};
use crate::read::start::From;
use crate::room::live::Room;
use crate::shared::Shared;

/// Why a place could not be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// It is not of the form of a place.
    Malformed,
    /// It is of another log's life.
    Epoch,
    /// It is beyond the head of the whole log.
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

/// How a subscription opens: exactly one, and the first thing delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing is missing between the place asked for and what follows.
    Start,
    /// Part of what was asked for is gone: it goes on at the floor.
    Gap {
        /// The place asked for.
        from: Position,
        /// The position before what follows.
        to: Position,
    },
    /// The place is not of this log; it goes on as a first join.
    Reset(ResetReason),
}

/// Where a subscription opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// How it opens.
    pub opening: Opening,
    /// The reader's place: the position just before what follows, in this log.
    pub place: Place,
    /// The room's newest position.
    pub head: Position,
    /// The log's floor.
    pub floor: Position,
    /// The room is closed to writing. A later change comes as an event.
    pub is_closed: bool,
}

/// Finds where a subscription begins: in memory if it can, else in the log.
pub(crate) async fn open(shared: &Arc<Shared>, room: &Arc<Room>, from: From) -> Result<Opened, ReadError> {
    let begin = match open_in_memory(shared, room, from) {
        Some(begin) => begin,
        None => open_from_log(shared, room, from).await?,
    };
    let Begin { opening, position, head, floor } = begin;
    let place = Place { epoch: shared.log.epoch(), position };
    Ok(Opened { opening, place, head, floor, is_closed: shared.log.standing().is_closed(&room.name) })
}

/// What memory or the log says of the place to begin at.
struct Begin {
    opening: Opening,
    position: Position,
    head: Position,
    floor: Position,
}

/// What is missing after `place`, if anything is, and the place after what is missing. `prev` is that of the
/// first event that is still there after `place`.
pub(crate) fn gap(
    place: Position,
    prev: Option<Position>,
    head: Position,
    floor: Position,
) -> Option<(Position, Position)> {
    let missing = match prev {
        // The room's first event, or the first after the room was forgotten: then something may be missing.
        Some(0) => place + 1 < floor,
        Some(prev) => prev > place,
        // Nothing is there after the place: was there something? A room of which not even the head is known
        // may have had events below the floor.
        None => (head > place && head < floor) || (head == 0 && place + 1 < floor),
    };
    missing.then(|| (place, (floor - 1).max(prev.unwrap_or(0))))
}

/// Opens without the log, when what is in memory can tell all there is to tell.
fn open_in_memory(shared: &Shared, room: &Room, from: From) -> Option<Begin> {
    let (opening, position) = match from {
        From::Last(count) => (Opening::Start, room.place_before_last(count.min(HISTORY_MAX))?),
        From::After(place) => match not_of_this_log(shared, place) {
            None if room.serves(place.position, shared.log.floor()) => (Opening::Start, place.position),
            None => return None,
            Some(reason) => (Opening::Reset(reason), room.place_before_last(HISTORY_DEFAULT)?),
        },
        From::Malformed => (Opening::Reset(ResetReason::Malformed), room.place_before_last(HISTORY_DEFAULT)?),
    };
    Some(Begin { opening, position, head: room.head()?, floor: shared.log.floor() })
}

fn not_of_this_log(shared: &Shared, place: Place) -> Option<ResetReason> {
    if place.epoch != shared.log.epoch() {
        Some(ResetReason::Epoch)
    } else if place.position > shared.log.head() {
        Some(ResetReason::Ahead)
    } else {
        None
    }
}

async fn open_from_log(shared: &Arc<Shared>, room: &Arc<Room>, from: From) -> Result<Begin, ReadError> {
    let (place, opening, count) = match from {
        From::Last(count) => (None, Opening::Start, count.min(HISTORY_MAX)),
        From::Malformed => (None, Opening::Reset(ResetReason::Malformed), HISTORY_DEFAULT),
        From::After(place) => match not_of_this_log(shared, place) {
            Some(reason) => (None, Opening::Reset(reason), HISTORY_DEFAULT),
            None => (Some(place.position), Opening::Start, 0),
        },
    };
    let room = room.clone();
    shared
        .reads
        .read(move |log| {
            if let Some(place) = place {
                return resume(log, &room, place);
            }
            let (position, head, floor) = join(log, &room, count)?;
            Ok(Begin { opening, position, head, floor })
        })
        .await
}

/// Finds the place before the newest `count` events.
fn join(log: &dyn Log, room: &Room, count: usize) -> Result<(Position, Position, Position), LogError> {
    let withheld = room.withheld();
    let mut newest = log.read_before(&room.name, Position::MAX, count.clamp(1, HISTORY_DEFAULT))?;
    room.learn(newest.head, &newest.events, withheld);
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

fn resume(log: &dyn Log, room: &Room, place: Position) -> Result<Begin, LogError> {
    let withheld = room.withheld();
    let chain = log.read_after(&room.name, place)?;
    room.learn(chain.head, &chain.events, withheld);
    let gap = gap(place, chain.events.first().map(|event| event.prev), chain.head, chain.floor);
    let (opening, position) = match gap {
        Some((from, to)) => (Opening::Gap { from, to }, to),
        None => (Opening::Start, place),
    };
    Ok(Begin { opening, position, head: chain.head, floor: chain.floor })
}
