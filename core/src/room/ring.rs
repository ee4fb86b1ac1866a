//! A room's newest events in memory, with their frames.
//!
//! The ring holds a contiguous piece of the room's chain: each entry's `prev` is the position of the entry
//! before it. So a reader whose position is at or behind the `prev` of the oldest entry, or newer, can be
//! served from here with nothing missing; one that is farther behind reads the log. The ring is bounded in
//! events and in bytes; the newest event always stays.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::event::{Body, Event, Position};
use crate::limits::{FRAME_KINDS_MAX, RING_BYTES_MAX, RING_EVENTS_MAX};
use crate::room::encoder::{Encoders, FrameKind, Item};

/// An event with its frames takes about this many times the event alone.
const FRAMES_FACTOR: usize = 3;

/// An event, and its frames once somebody needed them.
pub(crate) struct Entry {
    pub event: Arc<Event>,
    frames: [OnceLock<Bytes>; FRAME_KINDS_MAX],
}

impl Entry {
    pub fn new(event: Arc<Event>) -> Self {
        Self { event, frames: Default::default() }
    }

    /// The event's frame of one kind, encoded by the first who asks.
    pub fn frame(&self, kind: FrameKind, encoders: &Encoders) -> Bytes {
        self.frames[kind.index()].get_or_init(|| encoders.encode(kind, Item::Event(&self.event))).clone()
    }

    fn cost_bytes(&self) -> usize {
        self.event.cost_bytes() * FRAMES_FACTOR
    }
}

/// The ring's answer to a reader.
pub(crate) enum Piece {
    /// Nothing newer than the reader's position, as far as the ring knows.
    Nothing,
    /// The next events.
    Entries(Vec<Arc<Entry>>),
    /// Something is newer, but the ring does not reach back to the reader's position.
    Behind,
}

#[derive(Default)]
pub(crate) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
}

impl Ring {
    /// Takes the next event of the chain.
    pub fn push(&mut self, event: Arc<Event>) {
        if self.entries.back().is_some_and(|newest| newest.event.position != event.prev) {
            // Never with one writer; a hole must not be served as a whole.
            self.clear();
        }
        let entry = Entry::new(event);
        self.bytes += entry.cost_bytes();
        self.entries.push_back(Arc::new(entry));
        self.trim();
    }

    /// Puts older events, oldest first, before what is here. They are taken only if they join on to it.
    pub fn seed(&mut self, older: &[Arc<Event>], head: Position) {
        let joins = match self.entries.front() {
            Some(oldest) => oldest.event.prev,
            None => head,
        };
        if older.last().is_none_or(|newest| newest.position != joins) {
            return;
        }
        for event in older.iter().rev() {
            let entry = Entry::new(event.clone());
            if self.entries.len() >= RING_EVENTS_MAX || self.bytes + entry.cost_bytes() > RING_BYTES_MAX {
                break;
            }
            self.bytes += entry.cost_bytes();
            self.entries.push_front(Arc::new(entry));
        }
    }

    /// The events after `position`, oldest first, at most `events_max` and about `bytes_max`.
    pub fn after(&self, position: Position, events_max: usize, bytes_max: usize) -> Piece {
        let first = self.entries.partition_point(|entry| entry.event.position <= position);
        let Some(next) = self.entries.get(first) else { return Piece::Nothing };
        if next.event.prev > position {
            return Piece::Behind;
        }
        let mut bytes = 0;
        let fits = |entry: &&Arc<Entry>| {
            let before = bytes;
            bytes += entry.event.cost_bytes();
            before < bytes_max
        };
        Piece::Entries(self.entries.range(first..).take(events_max).take_while(fits).cloned().collect())
    }

    /// Returns the position from which the newest `count` events follow, if the ring reaches back so far.
    pub fn position_before_last(&self, count: usize) -> Option<Position> {
        let oldest = self.entries.front()?;
        match self.entries.len().checked_sub(count) {
            Some(first) => Some(match self.entries.get(first) {
                Some(entry) => entry.event.prev,
                None => self.entries.back()?.event.position,
            }),
            None => (oldest.event.prev == 0).then_some(0),
        }
    }

    /// Takes the content of a message and of its edits out.
    pub fn redact(&mut self, message: Position) {
        self.redact_where(|event| match event.body {
            Body::Message { .. } => event.position == message,
            Body::Edit { target, .. } => target == message,
            _ => false,
        });
    }

    /// Takes all content out.
    pub fn redact_all(&mut self) {
        self.redact_where(|event| event.body.has_content());
    }

    fn redact_where(&mut self, concerned: impl Fn(&Event) -> bool) {
        for entry in &mut self.entries {
            if concerned(&entry.event) {
                self.bytes -= entry.cost_bytes();
                *entry = Arc::new(Entry::new(Arc::new(entry.event.redacted())));
                self.bytes += entry.cost_bytes();
            }
        }
    }

    /// Returns true if a reader at this position needs no event older than the ring's.
    pub fn reaches(&self, position: Position, floor: Position) -> bool {
        // A first event of the room may be the first after the room was forgotten.
        let whole = |prev| if prev == 0 { position + 1 >= floor } else { prev <= position };
        self.entries.front().is_some_and(|oldest| whole(oldest.event.prev))
    }

    /// Returns the estimated size of its events and frames.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn trim(&mut self) {
        while self.entries.len() > 1 && (self.entries.len() > RING_EVENTS_MAX || self.bytes > RING_BYTES_MAX)
        {
            self.bytes -= self.entries.pop_front().map_or(0, |oldest| oldest.cost_bytes());
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{RoomName, Timestamp};

    fn event(position: Position, prev: Position, content: &str) -> Arc<Event> {
        Arc::new(Event {
            position,
            prev,
            room: RoomName::new("r").unwrap(),
            author: None,
            created_at: Timestamp(0),
            body: Body::Message { content: Some(content.into()), reply_to: None },
        })
    }

    fn ring(positions: &[Position]) -> Ring {
        let mut ring = Ring::default();
        let mut prev = positions[0] - 1;
        for &position in positions {
            ring.push(event(position, prev, "x"));
            prev = position;
        }
        ring
    }

    fn positions(piece: &Piece) -> Option<Vec<Position>> {
        match piece {
            Piece::Nothing => Some(vec![]),
            Piece::Entries(entries) => Some(entries.iter().map(|entry| entry.event.position).collect()),
            Piece::Behind => None,
        }
    }

    #[test]
    fn a_reader_gets_exactly_what_follows_its_position() {
        let ring = ring(&[5, 8, 9]);
        assert_eq!(positions(&ring.after(4, 10, 1 << 20)), Some(vec![5, 8, 9]));
        assert_eq!(positions(&ring.after(6, 10, 1 << 20)), Some(vec![8, 9]));
        assert_eq!(positions(&ring.after(9, 10, 1 << 20)), Some(vec![]));
        assert_eq!(positions(&ring.after(3, 10, 1 << 20)), None, "4 may be missing");
        assert_eq!(positions(&ring.after(4, 2, 1 << 20)), Some(vec![5, 8]));
        assert_eq!(positions(&ring.after(4, 10, 1)), Some(vec![5]), "never less than one");
    }

    #[test]
    fn a_hole_is_not_served_as_whole() {
        let mut ring = ring(&[5, 8]);
        ring.push(event(12, 9, "x"));
        assert_eq!(positions(&ring.after(5, 9, 1 << 20)), None, "9 is not here");
        assert_eq!(positions(&ring.after(9, 9, 1 << 20)), Some(vec![12]));
    }

    #[test]
    fn the_ring_is_bounded_and_keeps_the_newest() {
        let mut ring = ring(&[1]);
        for position in 2..=2 * RING_EVENTS_MAX as u64 {
            ring.push(event(position, position - 1, "x"));
        }
        assert_eq!(ring.entries.len(), RING_EVENTS_MAX);
        let last = 2 * RING_EVENTS_MAX as u64;
        for n in 1..=20 {
            ring.push(event(last + n, last + n - 1, &"y".repeat(60_000)));
            assert!(ring.bytes <= RING_BYTES_MAX || ring.entries.len() == 1);
        }
        assert_eq!(positions(&ring.after(last + 19, 9, 1 << 30)), Some(vec![last + 20]));
    }

    #[test]
    fn the_newest_n_begin_after_the_right_position() {
        let ring = ring(&[5, 8, 9]);
        assert_eq!(ring.position_before_last(0), Some(9));
        assert_eq!(ring.position_before_last(2), Some(5));
        assert_eq!(ring.position_before_last(3), Some(4));
        assert_eq!(ring.position_before_last(4), None);
        let mut whole = Ring::default();
        whole.push(event(5, 0, "x"));
        assert_eq!(whole.position_before_last(4), Some(0));
    }

    #[test]
    fn older_events_are_taken_only_if_they_join_on() {
        let mut ring = ring(&[5, 8]);
        ring.seed(&[event(2, 0, "x"), event(3, 2, "x")], 8);
        assert!(!ring.reaches(3, 1), "3 is not the prev of 5");
        ring.seed(&[event(2, 0, "x"), event(4, 2, "x")], 8);
        assert_eq!(positions(&ring.after(0, 9, 1 << 20)), Some(vec![2, 4, 5, 8]));
        let mut empty = Ring::default();
        empty.seed(&[event(2, 0, "x")], 3);
        assert!(!empty.reaches(0, 1));
        empty.seed(&[event(2, 0, "x")], 2);
        assert!(empty.reaches(0, 1));
    }
}
