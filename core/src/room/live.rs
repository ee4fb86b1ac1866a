//! A room in memory: what its readers share.
//!
//! A room holds no truth. Its ring and its head say what the log said, and a reader that finds nothing here
//! reads the log; so a room can be forgotten and made anew at any moment without a reader missing anything.
//!
//! The head only grows. It is raised under the ring's write lock, so whoever sees a head and then locks the
//! ring finds there the event of that head, unless it was never in the ring.

use std::sync::Arc;
use std::time::Instant;

use crate::event::{Body, Event, Position, RoomName};
use crate::limits::FRAME_KINDS_MAX;
use crate::room::encoder::{Encoders, FrameKind, Frames};
use crate::room::ring::{Entry, Piece, Ring};
use crate::room::signals::Signals;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};

/// Most events one pull returns.
pub const PULL_EVENTS_MAX: usize = 256;
/// One pull stops after the event that takes it past this many bytes.
pub const PULL_BYTES_MAX: usize = 64 * 1024;

/// What a pull found for a reader.
pub(crate) enum Pull<T> {
    /// Nothing newer than the reader's place.
    CaughtUp,
    /// The next events.
    Ready(T),
    /// The ring does not reach back to the reader's place: read the log.
    Behind,
}

pub(crate) struct Room {
    pub name: RoomName,
    /// Tells rooms in memory apart: a room that was forgotten and made anew has another.
    pub number: u64,
    pub signals: Signals,
    /// The newest position of the room that is known here. Stored (Release) under the ring's write lock.
    head: AtomicU64,
    /// Whether the log was asked for the head. Stored (Release) after the head.
    head_known: AtomicBool,
    /// How often content was taken out of the ring. Stored under the ring's write lock.
    withheld: AtomicU64,
    /// Written by the committer, held for memory work only.
    ring: RwLock<Ring>,
    /// The frames last joined, by kind: most readers are at the same place. Held to look or to store.
    joined: [Mutex<Option<Joined>>; FRAME_KINDS_MAX],
    /// When it was last entered or left.
    used: Mutex<Instant>,
}

/// Frames of several events in one buffer, to be shared by the readers at the same place.
struct Joined {
    /// The `prev` of the first event.
    from: Position,
    first: Position,
    last: Position,
    /// There was more than one pull takes.
    full: bool,
    withheld: u64,
    frames: Frames,
}

impl Room {
    pub fn new(name: RoomName, number: u64) -> Self {
        Self {
            name,
            number,
            signals: Signals::default(),
            head: AtomicU64::new(0),
            head_known: AtomicBool::new(false),
            withheld: AtomicU64::new(0),
            ring: RwLock::default(),
            joined: Default::default(),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Takes a committed event. Called by the committer, in the order of the log.
    pub fn publish(&self, event: &Arc<Event>) {
        if let (Body::Message { .. }, Some(author)) = (&event.body, &event.author) {
            self.signals.stop_typing(author);
        }
        let mut ring = self.ring.write();
        match event.body {
            Body::Delete { target } => ring.withhold(target),
            Body::Empty => ring.withhold_all(),
            _ => {}
        }
        if matches!(event.body, Body::Delete { .. } | Body::Empty) {
            self.withheld.fetch_add(1, Ordering::Release);
        }
        ring.push(event.clone());
        self.head.fetch_max(event.position, Ordering::Release);
    }

    /// The room's newest position, once the log was asked for it.
    pub fn head(&self) -> Option<Position> {
        self.head_known.load(Ordering::Acquire).then(|| self.head.load(Ordering::Acquire))
    }

    /// The newest position that is known here. Events above it are published after this call: it waits for one that
    /// is being published.
    pub fn head_now(&self) -> Position {
        let _ring = self.ring.read();
        self.head.load(Ordering::Acquire)
    }

    /// Takes what the log said: the head, and the newest events up to it, if `withheld` is still what it was
    /// before they were read.
    pub fn learn(&self, head: Position, newest: &[Arc<Event>], withheld: u64) {
        let mut ring = self.ring.write();
        self.head.fetch_max(head, Ordering::Release);
        if self.withheld.load(Ordering::Acquire) == withheld {
            ring.seed(newest, self.head.load(Ordering::Acquire));
        }
        self.head_known.store(true, Ordering::Release);
    }

    /// How often content was taken out: see [`Room::learn`].
    pub fn withheld(&self) -> u64 {
        self.withheld.load(Ordering::Acquire)
    }

    /// The place from which the newest `count` events follow, if the ring can say.
    pub fn place_before_last(&self, count: usize) -> Option<Position> {
        let head = self.head()?;
        if count == 0 || head == 0 {
            return Some(head);
        }
        self.ring.read().place_before_last(count)
    }

    /// Whether a reader can go on from this place without the log: nothing is missing after it, for certain.
    pub fn serves(&self, place: Position, floor: Position) -> bool {
        match self.head() {
            // Nothing is known of the room: it may have been forgotten.
            Some(0) => place + 1 >= floor,
            Some(head) if head <= place => true,
            _ => self.ring.read().reaches(place, floor),
        }
    }

    /// Returns the next frames after a place, and the position of their last event.
    pub fn pull_frames(
        &self,
        place: Position,
        kind: FrameKind,
        encoders: &Encoders,
    ) -> Pull<(Frames, Position)> {
        let head = self.head.load(Ordering::Acquire);
        if head <= place {
            return Pull::CaughtUp;
        }
        if let Some(joined) = &*self.joined[kind.index()].lock() {
            let here = joined.from <= place && place < joined.first;
            let newest = joined.full || joined.last == head;
            if here && newest && joined.withheld == self.withheld.load(Ordering::Acquire) {
                return Pull::Ready((joined.frames.clone(), joined.last));
            }
        }
        let (piece, withheld) = {
            let ring = self.ring.read();
            (ring.after(place, PULL_EVENTS_MAX, PULL_BYTES_MAX), self.withheld.load(Ordering::Acquire))
        };
        let Piece::Entries(entries) = piece else { return Pull::Behind };
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Pull::Behind };
        let frames = join_frames(&entries, kind, encoders);
        let last = last.event.position;
        *self.joined[kind.index()].lock() = Some(Joined {
            from: first.event.prev,
            first: first.event.position,
            last,
            full: last < head,
            withheld,
            frames: frames.clone(),
        });
        Pull::Ready((frames, last))
    }

    /// The next events after a place.
    pub fn pull_events(&self, place: Position) -> Pull<Vec<Arc<Event>>> {
        if self.head.load(Ordering::Acquire) <= place {
            return Pull::CaughtUp;
        }
        let piece = self.ring.read().after(place, PULL_EVENTS_MAX, PULL_BYTES_MAX);
        match piece {
            Piece::Entries(entries) => {
                Pull::Ready(entries.into_iter().map(|entry| entry.event.clone()).collect())
            }
            Piece::Nothing | Piece::Behind => Pull::Behind,
        }
    }

    pub fn ring_bytes(&self) -> usize {
        self.ring.read().bytes()
    }

    pub fn touch(&self) {
        *self.used.lock() = Instant::now();
    }

    pub fn used(&self) -> Instant {
        *self.used.lock()
    }
}

/// Puts the frames of events into one buffer; of one event, they are its own.
fn join_frames(entries: &[Arc<Entry>], kind: FrameKind, encoders: &Encoders) -> Frames {
    if let [one] = entries {
        let bytes = one.frame(kind, encoders);
        return Frames { events: u32::from(!bytes.is_empty()), bytes };
    }
    let (mut bytes, mut events) = (Vec::new(), 0);
    for entry in entries {
        let frame = entry.frame(kind, encoders);
        events += u32::from(!frame.is_empty());
        bytes.extend_from_slice(&frame);
    }
    Frames { bytes: bytes.into(), events }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Epoch, Timestamp};
    use crate::room::encoder::Item;

    #[test]
    fn frames_joined_before_a_delete_or_an_empty_are_not_served_after_it() {
        for taken_away in [Body::Delete { target: 7 }, Body::Empty] {
            frames_joined_before_are_not_served_after(taken_away);
        }
    }

    fn frames_joined_before_are_not_served_after(taken_away: Body) {
        let room = Room::new(RoomName::new("r").unwrap(), 0);
        let encode = |_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
            if let Item::Event(Event { body: Body::Message { content: Some(text), .. }, .. }) = item {
                out.extend_from_slice(text.as_bytes());
            }
        };
        let (encoders, kind) = (Encoders::new(Epoch(0), vec![Box::new(encode)]), FrameKind(0));
        let publish = |position, body| {
            let (room_name, author, created_at) = (room.name.clone(), None, Timestamp(0));
            let event = Event { position, prev: position - 1, room: room_name, author, created_at, body };
            room.publish(&Arc::new(event));
        };
        // More than one pull takes, so that what is joined does not reach the head.
        for position in 1..=PULL_EVENTS_MAX as u64 + 50 {
            let text = if position == 7 { "secret" } else { "." };
            publish(position, Body::Message { content: Some(text.into()), reply_to: None });
        }
        let pull = || match room.pull_frames(0, kind, &encoders) {
            Pull::Ready((frames, _)) => String::from_utf8(frames.bytes.to_vec()).unwrap(),
            _ => panic!("the ring has it"),
        };
        assert!(pull().contains("secret"));
        publish(PULL_EVENTS_MAX as u64 + 51, taken_away);
        assert!(!pull().contains("secret"));
    }
}
