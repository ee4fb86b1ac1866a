//! The two forms in which a reader takes a room's events: encoded frames, or values.
//!
//! Reading is one state machine, [`crate::read::cursor::Cursor`]. A form adds how a batch of events is pulled
//! from the ring, how it is made of what was read from the log, and how it is delivered item by item. A
//! cursor has one form for its whole life, so a position can never be moved past events in one form that were
//! meant for the other.

use std::sync::Arc;

use crate::event::{Event, Position};
use crate::room::encoder::{Encoders, FrameKind, Frames, Item, Signal};
use crate::room::live::{PULL_BYTES_MAX, Pull, Room};
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
    /// Events that were pulled or read together.
    type Batch: Send + 'static;
    /// A part of a batch that is delivered at once.
    type Item;

    /// Returns the events in the room's ring that follow `position`.
    fn pull(&self, room: &Room, position: Position, encoders: &Encoders) -> Pull<Self::Batch>;

    /// Makes a batch of events that follow each other: of all, or of as many of the first as one pull
    /// returns.
    fn batch(&self, events: Vec<Arc<Event>>, encoders: &Encoders) -> Self::Batch;

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
    type Batch = Option<(Frames, Position)>;
    type Item = Frames;

    fn pull(&self, room: &Room, position: Position, encoders: &Encoders) -> Pull<Self::Batch> {
        match room.pull_frames(position, self.0, encoders) {
            Pull::Ready((frames, last)) => Pull::Ready(Some((frames, last))),
            Pull::CaughtUp => Pull::CaughtUp,
            Pull::Behind => Pull::Behind,
        }
    }

    fn batch(&self, events: Vec<Arc<Event>>, encoders: &Encoders) -> Self::Batch {
        let (mut bytes, mut count, mut last) = (Vec::new(), 0, None);
        for event in &events {
            let before = bytes.len();
            encoders.append(self.0, Item::Event(event), &mut bytes);
            count += u32::from(bytes.len() > before);
            last = Some(event.position);
            if bytes.len() >= PULL_BYTES_MAX {
                // A frame may be many times its event: what waits for a slow reader is bounded here.
                break;
            }
        }
        bytes.shrink_to_fit();
        last.map(|last| (Frames { bytes: bytes.into(), events: count }, last))
    }

    fn take(batch: &mut Self::Batch) -> Option<(Option<Frames>, Position)> {
        let (frames, last) = batch.take()?;
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
    /// The newest first, so that the next is popped.
    type Batch = Vec<Arc<Event>>;
    type Item = Received;

    fn pull(&self, room: &Room, position: Position, encoders: &Encoders) -> Pull<Self::Batch> {
        match room.pull_events(position) {
            Pull::Ready(events) => Pull::Ready(self.batch(events, encoders)),
            Pull::CaughtUp => Pull::CaughtUp,
            Pull::Behind => Pull::Behind,
        }
    }

    fn batch(&self, mut events: Vec<Arc<Event>>, _: &Encoders) -> Self::Batch {
        events.reverse();
        events
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
