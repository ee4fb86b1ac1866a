//! A room's newest events in memory, with their frames.
//!
//! The ring holds a contiguous piece of the room's chain: each entry's `prev` is the position of the entry
//! before it. So a reader whose position is at or behind the `prev` of the oldest entry, or newer, can be
//! served from here with nothing missing; one that is farther behind reads the log.
//!
//! The ring is bounded in events and in bytes. The newest commit's events are exempt: the readers that were
//! caught up are about to take them, and if they were trimmed, a whole room would read the log at once. The
//! commit before it is exempt too, as far as [`RING_COMMITS_BYTES_MAX`] allows. What is over the bounds when
//! nothing is published any more goes with the next [`Ring::settle`].

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::event::{Body, Event, Position};
use crate::limits::{BATCH_BYTES_MAX, FRAME_KINDS_MAX, RING_BYTES_MAX, RING_EVENTS_MAX};
use crate::room::encoder::{Encoders, FrameKind, Item};
use crate::room::held::{Counted, Held};

/// A ring that is over its bounds keeps the last commit but one only within this many bytes. The last one
/// stays whole.
pub const RING_COMMITS_BYTES_MAX: usize = BATCH_BYTES_MAX;
/// Bytes of an entry beside the event and its frames: itself, the counts of two `Arc`s, its place.
const ENTRY_BYTES: usize = size_of::<Entry>() + 5 * size_of::<usize>();
/// Bytes of a frame beside its own: what `Bytes` allocates.
const FRAME_BYTES: usize = 4 * size_of::<usize>();

/// An event, and its frames once somebody needed them.
pub(crate) struct Entry {
    pub event: Arc<Event>,
    frames: [OnceLock<Bytes>; FRAME_KINDS_MAX],
    counted: Counted,
}

impl Entry {
    fn new(event: Arc<Event>, held: &Arc<Held>) -> Self {
        let counted = Counted::new(held, ENTRY_BYTES + event.cost_bytes());
        Self { event, frames: Default::default(), counted }
    }

    /// The event's frame of one kind, encoded by the first who asks.
    pub fn frame(&self, kind: FrameKind, encoders: &Encoders) -> Bytes {
        let encode = || {
            let frame = encoders.encode(kind, Item::Event(&self.event));
            self.counted.grow(frame.len() + FRAME_BYTES);
            frame
        };
        self.frames[kind.index()].get_or_init(encode).clone()
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
    /// The bytes of the entries, and of their frames.
    held: Arc<Held>,
    /// The position of the first event that the newest commit brought.
    newest_commit: Position,
    /// And of the one that the commit before it brought.
    commit_before: Position,
    /// The newest event when it was last settled.
    settled: Position,
}

impl Ring {
    pub fn new(held: Arc<Held>) -> Self {
        Self { held, ..Self::default() }
    }

    /// Takes the next event of the chain, the first or another one of a commit.
    pub fn push(&mut self, event: Arc<Event>, begins_commit: bool) {
        if self.entries.back().is_some_and(|newest| newest.event.position != event.prev) {
            // Never with one writer; a hole must not be served as a whole.
            self.clear();
        }
        if begins_commit {
            self.commit_before = std::mem::replace(&mut self.newest_commit, event.position);
        }
        self.entries.push_back(Arc::new(Entry::new(event, &self.held)));
        self.trim(RING_EVENTS_MAX, RING_BYTES_MAX);
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
            let entry = Entry::new(event.clone(), &self.held);
            if self.entries.len() >= RING_EVENTS_MAX || self.bytes() > RING_BYTES_MAX {
                break;
            }
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
    /// Before a first event of the room it has had none after `complete_from`.
    pub fn position_before_last(&self, count: usize, complete_from: Position) -> Option<Position> {
        let before = |event: &Event| match event.prev {
            0 => complete_from.min(event.position - 1),
            prev => prev,
        };
        let oldest = self.entries.front()?;
        match self.entries.len().checked_sub(count) {
            Some(first) => Some(match self.entries.get(first) {
                Some(entry) => before(&entry.event),
                None => self.entries.back()?.event.position,
            }),
            None => (oldest.event.prev == 0).then(|| before(&oldest.event)),
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
                *entry = Arc::new(Entry::new(Arc::new(entry.event.redacted()), &self.held));
            }
        }
    }

    /// Returns true if a reader at this position needs no event older than the ring's. Before a first event
    /// of the room it has had none after `complete_from`.
    pub fn reaches(&self, position: Position, complete_from: Position) -> bool {
        // A first event of the room may be the first after the room was forgotten.
        let whole = |prev| if prev == 0 { position >= complete_from } else { prev <= position };
        self.entries.front().is_some_and(|oldest| whole(oldest.event.prev))
    }

    /// Returns the size of its events and their frames.
    pub fn bytes(&self) -> usize {
        self.held.bytes()
    }

    /// Trims what the newest commits have brought over the bounds, if nothing was published since the last
    /// call: by now the readers have it.
    pub fn settle(&mut self) {
        let newest = self.entries.back().map_or(0, |newest| newest.event.position);
        if std::mem::replace(&mut self.settled, newest) == newest {
            self.shrink(RING_BYTES_MAX);
        }
    }

    /// Trims to this many bytes, also what the newest commits have brought, if need be all of it.
    pub fn shrink(&mut self, bytes_max: usize) {
        (self.newest_commit, self.commit_before) = (Position::MAX, Position::MAX);
        self.trim(RING_EVENTS_MAX, bytes_max);
        // Rings are many, and few are as long again soon.
        self.entries.shrink_to(2 * self.entries.len());
    }

    fn trim(&mut self, events_max: usize, bytes_max: usize) {
        let mut bytes = self.bytes();
        while let Some(oldest) = self.entries.front() {
            let position = oldest.event.position;
            let is_over = self.entries.len() > events_max || bytes > bytes_max;
            let is_exempt = position >= self.newest_commit
                || (position >= self.commit_before && bytes <= RING_COMMITS_BYTES_MAX);
            if !is_over || is_exempt {
                break;
            }
            // A reader may hold it for a moment longer.
            bytes = bytes.saturating_sub(oldest.counted.bytes());
            self.entries.pop_front();
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
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
            ring.push(event(position, prev, "x"), true);
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
        ring.push(event(12, 9, "x"), true);
        assert_eq!(positions(&ring.after(5, 9, 1 << 20)), None, "9 is not here");
        assert_eq!(positions(&ring.after(9, 9, 1 << 20)), Some(vec![12]));
    }

    #[test]
    fn the_ring_is_bounded_and_keeps_the_newest() {
        let mut ring = ring(&[1]);
        for position in 2..=2 * RING_EVENTS_MAX as u64 {
            ring.push(event(position, position - 1, "x"), true);
        }
        assert_eq!(ring.entries.len(), RING_EVENTS_MAX);
        let last = 2 * RING_EVENTS_MAX as u64;
        for n in 1..=20 {
            ring.push(event(last + n, last + n - 1, &"y".repeat(60_000)), true);
            assert!(ring.bytes() <= RING_BYTES_MAX);
        }
        assert_eq!(positions(&ring.after(last + 19, 9, 1 << 30)), Some(vec![last + 20]));
        assert_eq!(ring.bytes(), ring.entries.iter().map(|entry| entry.counted.bytes()).sum::<usize>());
    }

    /// Pushes a commit of this many events of this many bytes.
    fn commit(ring: &mut Ring, events: u64, bytes: usize) {
        let last = ring.entries.back().map_or(0, |newest| newest.event.position);
        for n in 1..=events {
            ring.push(event(last + n, last + n - 1, &"y".repeat(bytes)), n == 1);
        }
    }

    #[test]
    fn what_the_newest_commits_brought_stays_for_the_readers_that_were_caught_up() {
        let mut ring = Ring::default();
        commit(&mut ring, 600, 1);
        commit(&mut ring, 700, 1);
        assert_eq!(ring.entries.len(), 1_300, "two commits");
        commit(&mut ring, 1, 1);
        assert_eq!(ring.entries.len(), 701, "the oldest goes");
        commit(&mut ring, 100, 60_000);
        assert!(ring.bytes() > 10 * RING_BYTES_MAX && ring.entries.len() == 101);
        commit(&mut ring, 80, 60_000);
        assert!(ring.bytes() <= RING_COMMITS_BYTES_MAX && ring.entries.len() > 80, "both, within the bound");
        commit(&mut ring, 200, 60_000);
        assert_eq!(ring.entries.len(), 200, "the newest whole, the one before does not fit");
        ring.settle();
        assert_eq!(ring.entries.len(), 200, "readers have a while to take it");
        ring.settle();
        assert!(ring.bytes() <= RING_BYTES_MAX && ring.entries.len() > 1);
        ring.shrink(70_000);
        assert_eq!(ring.entries.len(), 1);
        ring.shrink(1_000);
        assert!(ring.bytes() == 0 && ring.entries.is_empty());
        commit(&mut ring, 3, 1);
        assert_eq!(positions(&ring.after(0, 9, 1 << 20)), Some(vec![1, 2, 3]));
    }

    #[test]
    fn the_newest_n_begin_after_the_right_position() {
        let ring = ring(&[5, 8, 9]);
        assert_eq!(ring.position_before_last(0, 0), Some(9));
        assert_eq!(ring.position_before_last(2, 0), Some(5));
        assert_eq!(ring.position_before_last(3, 0), Some(4));
        assert_eq!(ring.position_before_last(4, 0), None);
        let mut whole = Ring::default();
        whole.push(event(5, 0, "x"), true);
        assert_eq!(whole.position_before_last(4, 0), Some(0));
        assert_eq!(whole.position_before_last(1, 3), Some(3), "nothing was between");
        assert_eq!(whole.position_before_last(4, 9), Some(4));
    }

    #[test]
    fn older_events_are_taken_only_if_they_join_on() {
        let mut ring = ring(&[5, 8]);
        ring.seed(&[event(2, 0, "x"), event(3, 2, "x")], 8);
        assert!(!ring.reaches(3, 0), "3 is not the prev of 5");
        ring.seed(&[event(2, 0, "x"), event(4, 2, "x")], 8);
        assert_eq!(positions(&ring.after(0, 9, 1 << 20)), Some(vec![2, 4, 5, 8]));
        let mut empty = Ring::default();
        empty.seed(&[event(2, 0, "x")], 3);
        assert!(!empty.reaches(0, 0));
        empty.seed(&[event(2, 0, "x")], 2);
        assert!(empty.reaches(0, 0) && !empty.reaches(0, 1) && empty.reaches(1, 1));
    }
}
