//! The opening of a subscription: the position at which it begins, and the gap before it, if there is one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ReadError;
use crate::event::{EventId, Position};
use crate::limits::{HISTORY_DEFAULT, HISTORY_MAX};
use crate::log::{Chain, ChainPoint, Log, LogError};
use crate::read::fair_queue::Lane;
use crate::read::start::StartFrom;
use crate::room::live::Room;
use crate::shared::Shared;

/// One node of many may be a little behind the one at which its reader was before: it has this time to read on.
const AHEAD_WAIT_MAX: Duration = Duration::from_secs(5);

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

/// The reason why a reader misses events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// They are no longer kept.
    Retention,
    /// Their records are damaged: they cannot be read.
    Damage,
}

impl GapReason {
    /// Returns the reason of a gap after a position, in a log with this floor.
    pub fn of(from: Position, floor: Position) -> Self {
        if from.saturating_add(1) < floor { Self::Retention } else { Self::Damage }
    }

    /// The word for it in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Damage => "damage",
        }
    }
}

/// The way a subscription opens: exactly one, and the first thing delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing is missing between the position asked for and what follows.
    Start,
    /// Part of what was asked for is gone, or cannot be read: it goes on after that. [`GapReason`] says why.
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
    client: u64,
) -> Result<Opened, ReadError> {
    shared.check_current()?;
    if let StartFrom::After(id) = from
        && shared.currentness.is_of_member()
    {
        let wait = wait_for_others(shared, id);
        tokio::time::timeout(AHEAD_WAIT_MAX, wait).await.map_err(|_| ReadError::NotCurrent)?;
    }
    let begin = match open_in_memory(shared, room, from) {
        Some(begin) => begin,
        None => open_from_log(shared, room, from, client).await?,
    };
    let Begin { opening, position, head, floor } = begin;
    let id = EventId { epoch: shared.log.epoch(), position };
    Ok(Opened { opening, id, head, floor, is_closed: shared.log.moderation().is_closed(&room.name) })
}

/// Waits while a reader's place is ahead of this node's log, until an entry is applied that was made after the reader
/// came: what is ahead then, no node has.
async fn wait_for_others(shared: &Shared, id: EventId) {
    let came_at = shared.currentness.clock();
    loop {
        let mut more = pin!(shared.committed.notified());
        // Before the place is looked at: an entry after that wakes this reader.
        more.as_mut().enable();
        let is_ahead = not_of_this_log(shared, id) == Some(ResetReason::Ahead);
        if !is_ahead || shared.currentness.has_entry_after(came_at) {
            return;
        }
        more.await;
    }
}

/// The answer of memory or of the log to where a subscription begins.
struct Begin {
    opening: Opening,
    position: Position,
    head: Position,
    floor: Position,
}

/// Returns the gap after `position`, if there is one: its two ends. `prev` is that of the first event that is
/// still there after `position`; a room that seems to begin there has had no event after `complete_from`.
pub(crate) fn gap(
    position: Position,
    prev: Option<Position>,
    (head, floor): (Position, Position),
    complete_from: Position,
) -> Option<(Position, Position)> {
    let missing = match prev {
        // The room's first event, or the first after the room was forgotten: then something may be missing.
        Some(0) => position < complete_from,
        Some(prev) => prev > position,
        // Nothing is there after the position: was there something? A room of which not even the head is
        // known may have had events below the floor.
        None => (head > position && head < floor) || (head == 0 && position < complete_from),
    };
    missing.then(|| (position, (floor - 1).max(prev.unwrap_or(0))))
}

/// Opens without the log, if the room in memory knows enough.
fn open_in_memory(shared: &Shared, room: &Room, from: StartFrom) -> Option<Begin> {
    let forgotten = shared.log.forgotten();
    let before_last = |count: usize| room.position_before_last(count, forgotten);
    let (opening, position) = match from {
        StartFrom::Last(count) => (Opening::Start, before_last(count.min(HISTORY_MAX))?),
        StartFrom::After(id) => match not_of_this_log(shared, id) {
            None if room.serves(id.position, forgotten) => (Opening::Start, id.position),
            None => return None,
            Some(reason) => (Opening::Reset(reason), before_last(HISTORY_DEFAULT)?),
        },
        StartFrom::Malformed => (Opening::Reset(ResetReason::Malformed), before_last(HISTORY_DEFAULT)?),
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

async fn open_from_log(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    from: StartFrom,
    client: u64,
) -> Result<Begin, ReadError> {
    let (position, opening, count) = match from {
        StartFrom::Last(count) => (None, Opening::Start, count.min(HISTORY_MAX)),
        StartFrom::Malformed => (None, Opening::Reset(ResetReason::Malformed), HISTORY_DEFAULT),
        StartFrom::After(id) => match not_of_this_log(shared, id) {
            Some(reason) => (None, Opening::Reset(reason), HISTORY_DEFAULT),
            None => (Some(id.position), Opening::Start, 0),
        },
    };
    let (in_memory, room) = (shared.clone(), room.clone());
    let read = move |log: &dyn Log| {
        // Another one who opened may have brought it into memory while this one waited.
        if let Some(begin) = open_in_memory(&in_memory, &room, from) {
            return Ok(begin);
        }
        if let Some(position) = position {
            return resume(log, &room, position);
        }
        let place = join(log, &room, count)?;
        // Between an event below the floor and the floor there is nothing: to begin there misses nothing, and
        // is no gap.
        let position = place.prev.unwrap_or(place.head).max(place.floor.saturating_sub(1));
        Ok(Begin { opening, position, head: place.head, floor: place.floor })
    };
    shared.reads.read((Lane::Pages, client), read).await
}

/// Brings the newest events of a room into memory, at most this many.
fn bring_newest(log: &dyn Log, room: &Room, count: usize) -> Result<Chain, LogError> {
    let redaction_generation = room.redactions.generation();
    let newest = log.read_before(&room.name, Position::MAX, count)?;
    room.learn(newest.head, &newest.events, redaction_generation, log.forgotten());
    Ok(newest)
}

/// Finds the place before the newest `count` events.
fn join(log: &dyn Log, room: &Room, count: usize) -> Result<ChainPoint, LogError> {
    let wanted = count.clamp(1, HISTORY_DEFAULT);
    if room.position_before_last(wanted, 0).is_none() {
        let Chain { events, head, floor } = bring_newest(log, room, wanted)?;
        let prev = events.first().map(|event| event.prev);
        if count == 0 || prev.is_none() {
            return Ok(ChainPoint { prev: None, head, floor });
        } else if events.len() >= count || prev == Some(0) {
            return Ok(ChainPoint { prev, head, floor });
        }
    }
    log.point_before_last(&room.name, count)
}

fn resume(log: &dyn Log, room: &Room, position: Position) -> Result<Begin, LogError> {
    if room.head().is_none() {
        bring_newest(log, room, HISTORY_DEFAULT)?;
    }
    let ChainPoint { prev, head, floor } = log.point_after(&room.name, position)?;
    let complete_from = room.complete_from(log.forgotten());
    let (opening, position) = match gap(position, prev, (head, floor), complete_from) {
        Some((from, to)) => (Opening::Gap { from, to }, to),
        None => (Opening::Start, position),
    };
    Ok(Begin { opening, position, head, floor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, RoomName, Timestamp};
    use crate::log::NewRecord;
    use crate::log::record::DECODED;
    use crate::log::redb::RedbLog;

    #[test]
    fn a_join_reads_a_position_and_not_the_events_after_it() {
        let (log, name) = (RedbLog::in_memory().unwrap(), RoomName::new("r").unwrap());
        let body = Body::Message { content: Some("x".into()), reply_to: None };
        let posts: Vec<_> =
            (0..3_000).map(|_| NewRecord::event(name.clone(), None, Timestamp(0), body.clone())).collect();
        log.commit(&posts, 0).unwrap();
        let room = Room::new(name, 0, &Arc::default());
        let decoded = |work: &dyn Fn()| {
            let before = DECODED.get().0;
            work();
            DECODED.get().0 - before
        };
        let join_all = || assert_eq!(join(&log, &room, HISTORY_MAX).unwrap().prev, Some(2_000));
        // The first brings the newest events into memory.
        assert!(decoded(&join_all) <= HISTORY_DEFAULT);
        assert_eq!(decoded(&join_all), 0);
        let resume_at_1 = || assert_eq!(resume(&log, &room, 1).unwrap().position, 1);
        assert_eq!(decoded(&resume_at_1), 1);
    }
}
