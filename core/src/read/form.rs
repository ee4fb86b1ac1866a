//! The two forms in which a reader takes a room's events: encoded frames, or values.
//!
//! Reading is one state machine, [`crate::read::cursor::Cursor`]. A form adds how a batch of events is pulled
//! from the ring, how it is made of what was read from the log, and how it is delivered item by item. A
//! cursor has one form for its whole life, so a position can never be moved past events in one form that were
//! meant for the other.

use std::sync::Arc;

use crate::event::{Event, Position};
use crate::room::batch::{FramesBatch, Texts};
use crate::room::encoder::{Encoders, FrameKind, Frames, Item, Signal};
use crate::room::live::{PULL_BYTES_MAX, Pull, Room};
use crate::room::shared_reads::SharedReads;
use crate::room::signals::SignalEntry;

/// An event or a signal of a room, as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// An event of the room.
    Event(Arc<Event>),
    /// A signal.
    Signal(Arc<Signal>),
}

/// A form of delivery.
pub(crate) trait Form: Clone + Send + 'static {
    /// Most batches that are made of one read of the log.
    const BATCHES_PER_READ_MAX: usize;

    /// Events that were pulled or read together.
    type Batch: Clone + Send + Sync + 'static;
    /// A part of a batch that is delivered at once.
    type Item;

    /// Returns the events in the room's ring that follow `position`.
    fn pull(&self, room: &Room, position: Position, encoders: &Encoders) -> Pull<Self::Batch>;

    /// Returns the reads of the log that the room's readers of this form share.
    fn log_reads<'a>(&self, room: &'a Room) -> &'a Arc<SharedReads<Self::Batch>>;

    /// Makes a batch of the first of these events, which follow each other: of as many as one pull returns.
    /// Also returns its bytes, and the number of events in it.
    fn batch(&self, events: &[Arc<Event>], encoders: &Encoders) -> (Self::Batch, usize, usize);

    /// Returns true if the text of this message, or of an edit of it, may be in the batch.
    fn may_have(batch: &Self::Batch, message: Position) -> bool;

    /// Takes the next events out of a batch: what is delivered of them, if anything is in this form, and the
    /// position after them. `None` when the batch is empty.
    fn take(batch: &mut Self::Batch) -> Option<(Option<Self::Item>, Position)>;

    /// Returns if [`Form::take`] would return `None`.
    fn is_empty(batch: &Self::Batch) -> bool;

    /// Makes an item of a signal, if there is one in this form.
    fn signal(&self, signal: &SignalEntry, encoders: &Encoders) -> Option<Self::Item>;
}

/// Frames of one kind, delivered a batch at a time.
#[derive(Clone, Copy)]
pub(crate) struct Encoded(pub FrameKind);

impl Form for Encoded {
    const BATCHES_PER_READ_MAX: usize = 4;

    type Batch = Option<FramesBatch>;
    type Item = Frames;

    fn pull(&self, room: &Room, position: Position, encoders: &Encoders) -> Pull<Self::Batch> {
        match room.pull_frames(position, self.0, encoders) {
            Pull::Ready(batch) => Pull::Ready(Some(batch)),
            Pull::CaughtUp => Pull::CaughtUp,
            Pull::Behind => Pull::Behind,
        }
    }

    fn log_reads<'a>(&self, room: &'a Room) -> &'a Arc<SharedReads<Self::Batch>> {
        room.frame_reads(self.0)
    }

    fn batch(&self, events: &[Arc<Event>], encoders: &Encoders) -> (Self::Batch, usize, usize) {
        let (mut bytes, mut count, mut taken) = (Vec::new(), 0, 0);
        for event in events {
            let before = bytes.len();
            encoders.append(self.0, Item::Event(event), &mut bytes);
            count += u32::from(bytes.len() > before);
            taken += 1;
            if bytes.len() >= PULL_BYTES_MAX {
                // A frame may be many times its event: what waits for a slow reader is bounded here.
                break;
            }
        }
        bytes.shrink_to_fit();
        let events = &events[..taken];
        let frames = Frames { bytes: bytes.into(), events: count };
        let held = frames.bytes.len();
        let batch = events.last().map(|last| {
            let texts = Some(Arc::new(Texts::of(events)));
            FramesBatch { frames, last: last.position, texts }
        });
        (batch, held, taken)
    }

    fn may_have(batch: &Self::Batch, message: Position) -> bool {
        // Of what the ring gave, nothing is known: it gives it again.
        batch.as_ref().is_some_and(|batch| batch.texts.as_ref().is_none_or(|texts| texts.may_have(message)))
    }

    fn take(batch: &mut Self::Batch) -> Option<(Option<Frames>, Position)> {
        let FramesBatch { frames, last, .. } = batch.take()?;
        Some(((!frames.bytes.is_empty()).then_some(frames), last))
    }

    fn is_empty(batch: &Self::Batch) -> bool {
        batch.is_none()
    }

    fn signal(&self, signal: &SignalEntry, encoders: &Encoders) -> Option<Frames> {
        let bytes = signal.frame(self.0, encoders);
        (!bytes.is_empty()).then_some(Frames { bytes, events: 0 })
    }
}

/// Values, delivered one by one.
#[derive(Clone, Copy)]
pub(crate) struct Values;

impl Form for Values {
    const BATCHES_PER_READ_MAX: usize = 1;

    /// The newest first, so that the next is popped.
    type Batch = Vec<Arc<Event>>;
    type Item = Received;

    fn pull(&self, room: &Room, position: Position, _: &Encoders) -> Pull<Self::Batch> {
        match room.pull_events(position) {
            Pull::Ready(mut events) => {
                events.reverse();
                Pull::Ready(events)
            }
            Pull::CaughtUp => Pull::CaughtUp,
            Pull::Behind => Pull::Behind,
        }
    }

    fn log_reads<'a>(&self, room: &'a Room) -> &'a Arc<SharedReads<Self::Batch>> {
        room.value_reads()
    }

    fn batch(&self, events: &[Arc<Event>], _: &Encoders) -> (Self::Batch, usize, usize) {
        let bytes = events.iter().map(|event| event.cost_bytes()).sum();
        (events.iter().rev().cloned().collect(), bytes, events.len())
    }

    fn may_have(batch: &Self::Batch, message: Position) -> bool {
        batch.iter().any(|event| event.is_text_of(message))
    }

    fn take(batch: &mut Self::Batch) -> Option<(Option<Received>, Position)> {
        let event = batch.pop()?;
        let position = event.position;
        Some((Some(Received::Event(event)), position))
    }

    fn is_empty(batch: &Self::Batch) -> bool {
        batch.is_empty()
    }

    fn signal(&self, signal: &SignalEntry, _: &Encoders) -> Option<Received> {
        Some(Received::Signal(signal.signal.clone()))
    }
}
