//! A piece of a room's chain: read from the log record by record, with the proof that nothing is missing in it.

use std::sync::Arc;

use ::redb::ReadableTable;

use crate::event::{Event, Position, RoomName};
use crate::log::contract::READ_BYTES_MAX;
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::redb::detour::Detour;
use crate::log::redb::tables::{event_of, get};
use crate::log::redb::walk::prev_of;

/// A piece of a room's chain being read, oldest first.
pub(super) struct Forwards<'a> {
    pub room: &'a RoomName,
    /// The position after which it goes on.
    pub at: Position,
    pub bytes: usize,
    pub events: Vec<Arc<Event>>,
}

impl Forwards<'_> {
    /// Takes the events at these positions. Fails where the chain is damaged; what it has until then is good.
    pub fn walk(
        &mut self,
        log: &impl ReadableTable<u64, &'static [u8]>,
        positions: Vec<Position>,
        mask: &RedactionMask,
        floor: Position,
    ) -> Result<(), LogError> {
        for position in positions {
            let Some(event) = event_of(log, self.room, position, mask)? else { continue };
            if self.events.is_empty() {
                refuse_hole(&event, self.at, floor)?;
            } else if event.prev != self.at {
                // A trim came between two pieces: the next read begins with the gap.
                break;
            }
            if !self.take(event) {
                break;
            }
        }
        Ok(())
    }

    /// Takes the events at these positions, up to the first that is damaged; before the first event damaged
    /// ones are passed over.
    pub fn pass_over(&mut self, detour: &Detour<'_>, positions: Vec<Position>) -> Result<(), LogError> {
        for position in positions {
            match detour.event(position)? {
                Some(event) if self.events.is_empty() || event.prev == self.at => {
                    if !self.take(event) {
                        break;
                    }
                }
                None if self.events.is_empty() => self.at = position,
                _ => break,
            }
        }
        Ok(())
    }

    /// Takes the next event. Returns false if it is the last that the read may return.
    fn take(&mut self, event: Arc<Event>) -> bool {
        self.at = event.position;
        self.bytes += event.cost_bytes();
        self.events.push(event);
        self.bytes < READ_BYTES_MAX
    }
}

/// Fails if the event before this one is missing, and no trim has taken it: the chain is damaged there.
pub(super) fn refuse_hole(event: &Event, after: Position, floor: Position) -> Result<(), LogError> {
    if event.prev > after && event.prev >= floor {
        return Err(LogError::Damaged { position: event.prev, what: "it is not there" });
    }
    Ok(())
}

/// Returns the newest event of a room before `before`, walking down from `from` by positions alone. Fails where
/// the chain is damaged.
pub(super) fn newest_before(
    log: &impl ReadableTable<u64, &'static [u8]>,
    room: &RoomName,
    (from, before): (Position, Position),
    mask: &RedactionMask,
    floor: Position,
) -> Result<Option<Arc<Event>>, LogError> {
    let mut at = from;
    // A page that goes on where another ended knows its position in the chain.
    if let Some(event) = get(log, before, mask)?.and_then(|record| record.event)
        && event.room == *room
    {
        at = event.prev;
    }
    while at >= before {
        match prev_of(log, at)? {
            Some(prev) if prev >= before => at = prev,
            // The step to what is returned is one that proves itself.
            _ => match event_of(log, room, at, mask)? {
                Some(event) => at = event.prev,
                None => break,
            },
        }
    }
    let found = if at < before { event_of(log, room, at, mask)? } else { None };
    if found.is_none() && at > 0 && at >= floor {
        return Err(LogError::Damaged { position: at, what: "it is not there" });
    }
    Ok(found)
}
