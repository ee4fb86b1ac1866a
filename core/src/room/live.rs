//! A room in memory: what its readers share.
//!
//! A room holds no truth. Its ring and its head say what the log said, and a reader that finds nothing here
//! reads the log; so a room can be forgotten and made again at any moment without a reader missing anything.
//!
//! The head only grows. It is raised under the ring's write lock, so a thread that sees a head and then locks
//! the ring finds there the event of that head, unless it was never in the ring.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::event::{Body, Event, Position, RoomName};
use crate::limits::{FRAME_KINDS_MAX, RING_BYTES_MAX, RING_EVENTS_MAX};
use crate::room::batch::{FramesBatch, Texts};
use crate::room::elsewhere::RoomSignals;
use crate::room::encoder::{Encoders, FrameKind, Frames};
use crate::room::held::{Counted, Held};
use crate::room::redactions::Redactions;
use crate::room::ring::{Entry, Piece, Ring};
use crate::room::shared_reads::SharedReads;
use crate::room::signals::Signals;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};

/// Most events one pull returns.
pub const PULL_EVENTS_MAX: usize = 256;
/// One pull stops after the frame, or else the event, that takes it past this many bytes.
pub const PULL_BYTES_MAX: usize = 64 * 1024;

/// The result of a pull for a reader.
pub(crate) enum Pull<T> {
    /// Nothing newer than the reader's position.
    CaughtUp,
    /// The next events.
    Ready(T),
    /// The ring does not reach back to the reader's position: read the log.
    Behind,
}

pub(crate) struct Room {
    pub name: RoomName,
    /// Tells rooms in memory apart: a room that was forgotten and made again has another.
    pub number: u64,
    pub signals: Signals,
    /// The newest position of the room that is known here. Stored (Release) under the ring's write lock.
    head: AtomicU64,
    /// Set once the log was asked for the head. Stored (Release) after the head.
    head_known: AtomicBool,
    /// The position after which the room has had no event but those published here; [`Position::MAX`] when
    /// that is not known. Stored (Release) before `head_known`.
    complete_from: AtomicU64,
    /// Written under the ring's write lock, whenever content is taken out of the ring.
    pub redactions: Redactions,
    /// Written by the writer, held for memory work only.
    ring: RwLock<Ring>,
    /// The things that the readers of one kind of frames share; made when there is something to share.
    frames: [OnceLock<Box<SharedFrames>>; FRAME_KINDS_MAX],
    /// The reads of the readers of values who are behind the ring; made when the first one is.
    value_reads: OnceLock<Arc<SharedReads<Vec<Arc<Event>>>>>,
    /// The bytes of what is shared beside the ring.
    held: Arc<Held>,
    /// When it was last entered or left.
    used: Mutex<Instant>,
}

/// The things that the readers of one kind of frames share.
struct SharedFrames {
    /// The frames last made for several events: most readers are at the same position. Held to look or to store.
    batch: Mutex<Option<SharedBatch>>,
    /// The reads of those who are behind the ring.
    reads: Arc<SharedReads<Option<FramesBatch>>>,
}

/// Frames of several events in one buffer, to be shared by the readers at the same position.
struct SharedBatch {
    /// The `prev` of the first event.
    from: Position,
    first: Position,
    last: Position,
    /// There was more than one pull takes.
    full: bool,
    redaction_generation: u64,
    frames: Frames,
    _counted: Counted,
}

impl Room {
    /// Makes a room; `held` is the bytes that all rooms hold.
    pub fn new(name: RoomName, number: u64, held: &Arc<AtomicUsize>) -> Self {
        Self {
            name,
            number,
            signals: Signals::default(),
            head: AtomicU64::new(0),
            head_known: AtomicBool::new(false),
            complete_from: AtomicU64::new(Position::MAX),
            redactions: Redactions::default(),
            ring: RwLock::new(Ring::new(Held::new(held))),
            frames: Default::default(),
            value_reads: OnceLock::new(),
            held: Held::new(held),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Takes a committed event, the first or another one that a commit brings. Called by the writer, in the
    /// order of the log.
    pub fn publish(&self, event: &Arc<Event>, begins_commit: bool) {
        if let (Body::Message { .. }, Some(author)) = (&event.body, &event.author) {
            self.signals.stop_typing(author);
        }
        self.signals.pass(event);
        let mut ring = self.ring.write();
        match event.body {
            Body::Delete { target } => ring.redact(target),
            Body::Purge => ring.redact_all(),
            _ => {}
        }
        self.redactions.record(&event.body);
        ring.push(event.clone(), begins_commit);
        self.head.fetch_max(event.position, Ordering::Release);
    }

    /// Takes what the other nodes tell of the room's people and unfinished answers, each with the position of the log
    /// up to which it knew what was posted. What has ended since is left out; if that is not known, only the readers
    /// count, and the next time brings the rest.
    pub fn hear(&self, told: impl IntoIterator<Item = (Position, RoomSignals)>) {
        let mut joined = RoomSignals::default();
        for (position, mut signals) in told {
            if signals.passes() && self.head.load(Ordering::Acquire) > position {
                let piece = self.ring.read().after(position, RING_EVENTS_MAX, RING_BYTES_MAX);
                match piece {
                    Piece::Entries(entries) => entries.iter().for_each(|entry| signals.pass(&entry.event)),
                    Piece::Nothing | Piece::Behind => {
                        signals.typing.clear();
                        signals.answers.clear();
                    }
                }
            }
            joined.add(&signals);
        }
        self.signals.hear(joined);
    }

    /// The room's newest position, once the log was asked for it.
    pub fn head(&self) -> Option<Position> {
        self.head_known.load(Ordering::Acquire).then(|| self.head.load(Ordering::Acquire))
    }

    /// The newest position that is known here. Events above it are published after this call: it waits for
    /// one that is being published.
    pub fn head_now(&self) -> Position {
        let _ring = self.ring.read();
        self.head.load(Ordering::Acquire)
    }

    /// Takes what the log said: the head, and the newest events up to it, if `redaction_generation` is still
    /// what it was before they were read. `forgotten` is the log's, as of after that.
    pub fn learn(
        &self,
        head: Position,
        newest: &[Arc<Event>],
        redaction_generation: u64,
        forgotten: Position,
    ) {
        let mut ring = self.ring.write();
        self.head.fetch_max(head, Ordering::Release);
        if self.redactions.generation() == redaction_generation {
            ring.seed(newest, self.head.load(Ordering::Acquire));
        }
        if head == 0 {
            self.complete_from.fetch_min(forgotten, Ordering::Release);
        }
        self.head_known.store(true, Ordering::Release);
    }

    /// Returns the position after which a room that seems to have had no event has had none: `forgotten`, the
    /// log's, or an earlier one that is known here.
    pub fn complete_from(&self, forgotten: Position) -> Position {
        self.complete_from.load(Ordering::Acquire).min(forgotten)
    }

    /// Returns the position from which the newest `count` events follow, if the ring can say. `forgotten` is
    /// the log's.
    pub fn position_before_last(&self, count: usize, forgotten: Position) -> Option<Position> {
        let head = self.head()?;
        if head == 0 {
            return Some(self.complete_from(forgotten));
        }
        if count == 0 {
            return Some(head);
        }
        self.ring.read().position_before_last(count, self.complete_from(forgotten))
    }

    /// Returns true if a reader can go on from this position without the log: certainly nothing is missing
    /// after it. `forgotten` is the log's.
    pub fn serves(&self, position: Position, forgotten: Position) -> bool {
        let complete_from = self.complete_from(forgotten);
        match self.head() {
            // Nothing is known of the room: it may have been forgotten.
            Some(0) => position >= complete_from,
            Some(head) if head <= position => true,
            _ => self.ring.read().reaches(position, complete_from),
        }
    }

    /// Returns the next frames after a position.
    pub fn pull_frames(&self, position: Position, kind: FrameKind, encoders: &Encoders) -> Pull<FramesBatch> {
        let head = self.head.load(Ordering::Acquire);
        if head <= position {
            return Pull::CaughtUp;
        }
        let shared_frames = self.shared_frames(kind);
        if let Some(shared) = &*shared_frames.batch.lock() {
            let here = shared.from <= position && position < shared.first;
            let newest = shared.full || shared.last == head;
            let generation = self.redactions.generation();
            if here && newest && shared.redaction_generation == generation {
                let (frames, last) = (shared.frames.clone(), shared.last);
                return Pull::Ready(FramesBatch { frames, last, texts: None });
            }
        }
        let (piece, redaction_generation) = {
            let ring = self.ring.read();
            (ring.after(position, PULL_EVENTS_MAX, PULL_BYTES_MAX), self.redactions.generation())
        };
        let Piece::Entries(entries) = piece else { return Pull::Behind };
        let Some(first) = entries.first() else { return Pull::Behind };
        let (frames, last) = join_frames(&entries, kind, encoders);
        // The frame of one event is its own, and counted there.
        let bytes = if frames.events == 1 { 0 } else { frames.bytes.len() };
        *shared_frames.batch.lock() = Some(SharedBatch {
            from: first.event.prev,
            first: first.event.position,
            last,
            full: last < head,
            redaction_generation,
            frames: frames.clone(),
            _counted: Counted::new(&self.held, bytes),
        });
        Pull::Ready(FramesBatch { frames, last, texts: None })
    }

    /// Returns the messages whose texts are in the events behind one position and up to another, if the ring still
    /// has these.
    pub fn texts_between(&self, after: Position, last: Position) -> Option<Texts> {
        if last <= after {
            return Some(Texts::of(&[]));
        }
        let Piece::Entries(entries) = self.ring.read().after(after, PULL_EVENTS_MAX, usize::MAX) else {
            return None;
        };
        let events: Vec<Arc<Event>> = entries.iter().map(|entry| entry.event.clone()).collect();
        let behind = events.partition_point(|event| event.position <= last);
        (behind > 0 && events[behind - 1].position == last).then(|| Texts::of(&events[..behind]))
    }

    /// The next events after a position.
    pub fn pull_events(&self, position: Position) -> Pull<Vec<Arc<Event>>> {
        if self.head.load(Ordering::Acquire) <= position {
            return Pull::CaughtUp;
        }
        let piece = self.ring.read().after(position, PULL_EVENTS_MAX, PULL_BYTES_MAX);
        match piece {
            Piece::Entries(entries) => {
                Pull::Ready(entries.into_iter().map(|entry| entry.event.clone()).collect())
            }
            Piece::Nothing | Piece::Behind => Pull::Behind,
        }
    }

    /// The reads of the log that readers of these frames share.
    pub fn frame_reads(&self, kind: FrameKind) -> &Arc<SharedReads<Option<FramesBatch>>> {
        &self.shared_frames(kind).reads
    }

    fn shared_frames(&self, kind: FrameKind) -> &SharedFrames {
        self.frames[kind.index()].get_or_init(|| {
            Box::new(SharedFrames { batch: Mutex::default(), reads: SharedReads::new(&self.held) })
        })
    }

    /// The reads of the log that readers of values share.
    pub fn value_reads(&self) -> &Arc<SharedReads<Vec<Arc<Event>>>> {
        self.value_reads.get_or_init(|| SharedReads::new(&self.held))
    }

    /// Gives memory back that nobody needs any more. Called from time to time.
    pub fn settle(&self, now: Instant) {
        self.ring.write().settle();
        self.frames.iter().filter_map(OnceLock::get).for_each(|frames| frames.reads.expire(now));
        if let Some(reads) = self.value_reads.get() {
            reads.expire(now);
        }
    }

    /// Gives all memory back but the newest events, within this many bytes.
    pub fn shrink(&self, bytes_max: usize) {
        self.ring.write().shrink(bytes_max);
        for frames in self.frames.iter().filter_map(OnceLock::get) {
            *frames.batch.lock() = None;
            frames.reads.clear();
        }
        if let Some(reads) = self.value_reads.get() {
            reads.clear();
        }
    }

    pub fn touch(&self) {
        *self.used.lock() = Instant::now();
    }

    pub fn used(&self) -> Instant {
        *self.used.lock()
    }
}

/// Puts the frames of the first events into one buffer, as many as one pull returns; of one event, they are
/// its own. Also returns the position of their last event.
fn join_frames(entries: &[Arc<Entry>], kind: FrameKind, encoders: &Encoders) -> (Frames, Position) {
    let (mut frames, mut bytes, mut last) = (Vec::new(), 0, 0);
    for entry in entries {
        let frame = entry.frame(kind, encoders);
        last = entry.event.position;
        bytes += frame.len();
        if !frame.is_empty() {
            frames.push(frame);
        }
        if bytes >= PULL_BYTES_MAX {
            // A frame may be many times its event.
            break;
        }
    }
    let events = frames.len() as u32;
    let bytes = match &frames[..] {
        [one] => one.clone(),
        frames => frames.concat().into(),
    };
    (Frames { bytes, events }, last)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::answer::{AnswerState, UnfinishedAnswer};
    use crate::event::{Author, AuthorKind, Epoch, Timestamp};
    use crate::room::encoder::{Item, Presence, Signal};

    #[test]
    fn frames_shared_before_a_delete_or_a_purge_are_not_served_after_it() {
        for taken_away in [Body::Delete { target: 7 }, Body::Purge] {
            frames_shared_before_are_not_served_after(taken_away);
        }
    }

    fn frames_shared_before_are_not_served_after(taken_away: Body) {
        let room = Room::new(RoomName::new("r").unwrap(), 0, &Arc::default());
        let encode = |_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
            if let Item::Event(Event { body: Body::Message { content: Some(text), .. }, .. }) = item {
                out.extend_from_slice(text.as_bytes());
            }
        };
        let (encoders, kind) = (Encoders::new(Epoch(0), vec![Box::new(encode)]), FrameKind(0));
        let publish = |position, body| {
            let (room_name, author, created_at) = (room.name.clone(), None, Timestamp(0));
            let event = Event { position, prev: position - 1, room: room_name, author, created_at, body };
            room.publish(&Arc::new(event), true);
        };
        // More than one pull takes, so that what is shared does not reach the head.
        for position in 1..=PULL_EVENTS_MAX as u64 + 50 {
            let text = if position == 7 { "secret" } else { "." };
            publish(position, Body::Message { content: Some(text.into()), reply_to: None });
        }
        let pull = || match room.pull_frames(0, kind, &encoders) {
            Pull::Ready(batch) => String::from_utf8(batch.frames.bytes.to_vec()).unwrap(),
            _ => panic!("the ring has it"),
        };
        assert!(pull().contains("secret"));
        publish(PULL_EVENTS_MAX as u64 + 51, taken_away);
        assert!(!pull().contains("secret"));
    }

    #[test]
    fn what_another_node_tells_late_is_shown_without_what_has_ended_since() {
        let author = |id: &str| Author { id: id.into(), name: id.into(), kind: AuthorKind::Bot };
        let told = RoomSignals {
            presence: Presence { count: 2, authors: Vec::new() },
            typing: vec![author("a"), author("b")],
            answers: vec![
                UnfinishedAnswer::new(author("a"), 1, AnswerState::Writing),
                UnfinishedAnswer::new(author("b"), 1, AnswerState::Writing),
            ],
        };
        let room = Room::new(RoomName::new("r").unwrap(), 0, &Arc::default());
        let publish = |position, by: &str| {
            let body = Body::Message { content: Some(".".into()), reply_to: Some(1) };
            let (name, created_at) = (room.name.clone(), Timestamp(0));
            let event = Event {
                position,
                prev: position - 1,
                room: name,
                author: Some(author(by)),
                created_at,
                body,
            };
            room.publish(&Arc::new(event), true);
        };
        let mut at = Instant::now();
        let mut shown = || {
            at += Duration::from_secs(2);
            room.signals.look(at, || 0);
            let (mut counts, mut seen) = ((0, 0, 0), 0);
            while let Some(entry) = room.signals.after(seen) {
                seen = entry.number;
                match &*entry.signal {
                    Signal::Presence(presence) => counts.0 = presence.count,
                    Signal::Typing(typing) => counts.1 = typing.len(),
                    Signal::Answers(answers) => counts.2 = answers.len(),
                }
            }
            counts
        };
        publish(2, "c");
        room.hear([(2, told.clone())]);
        assert_eq!(shown(), (2, 2, 2));
        publish(3, "a");
        assert_eq!(shown(), (2, 1, 1), "the event ends them");
        room.hear([(2, told.clone())]);
        assert_eq!(shown(), (2, 1, 1), "it was said before the event");
        room.hear([(0, told.clone())]);
        assert_eq!(shown(), (2, 0, 0), "it is not known what has ended since");
        room.hear([(3, told)]);
        assert_eq!(shown(), (2, 2, 2));
    }

    #[test]
    fn a_pull_ends_with_the_frame_that_takes_it_past_its_bytes() {
        const FRAME_BYTES: usize = 10_000;
        let room = Room::new(RoomName::new("r").unwrap(), 0, &Arc::default());
        // A frame is much larger than its event.
        let encode = |_: Epoch, _: Item<'_>, out: &mut Vec<u8>| out.resize(out.len() + FRAME_BYTES, b'.');
        let (encoders, kind) = (Encoders::new(Epoch(0), vec![Box::new(encode)]), FrameKind(0));
        for position in 1..=20 {
            let (name, author, created_at) = (room.name.clone(), None, Timestamp(0));
            let body = Body::Message { content: Some(".".into()), reply_to: None };
            let event = Event { position, prev: position - 1, room: name, author, created_at, body };
            room.publish(&Arc::new(event), true);
        }
        let mut at = 0;
        // The second time from what is shared.
        for _ in 0..2 {
            at = 0;
            while let Pull::Ready(FramesBatch { frames, last, .. }) = room.pull_frames(at, kind, &encoders) {
                assert_eq!(frames.bytes.len(), (last - at) as usize * FRAME_BYTES);
                assert!(frames.bytes.len() < PULL_BYTES_MAX + FRAME_BYTES);
                at = last;
            }
        }
        assert_eq!(at, 20);
    }
}
