//! A reader: a cursor on a room's chain.
//!
//! A subscription holds a place and moves it forward. What follows the place comes from the room's ring when
//! the ring reaches back so far, else from the log, in pieces, until the ring is reached again. Nothing is
//! queued for a reader: a slow one costs its cursor and what it holds unread, and slows nobody.
//!
//! Joining is setting the cursor. There is no snapshot that could miss what happens beside it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::oneshot;

use crate::error::ReadError;
use crate::event::{Author, Epoch, Event, Place, Position, RoomName};
use crate::limits::{HISTORY_DEFAULT, HISTORY_MAX};
use crate::log::{Log, LogError};
use crate::room::encoder::{FrameKind, Item, Signal};
use crate::room::fanout::{Slot, Waiting};
use crate::room::live::{PULL_BYTES_MAX, Pull, Room};
use crate::shared::Shared;

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The newest N events of the room (at most [`HISTORY_MAX`]), then what comes.
    Last(usize),
    /// The events of the room after this place, also where its position belongs to another room.
    After(Place),
    /// What was given as a place is none: the reader is told so and joins anew.
    Malformed,
}

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
    /// The position just before what follows: the reader's place.
    pub position: Position,
    /// The room's newest position.
    pub head: Position,
    /// The log's floor.
    pub floor: Position,
}

/// One thing a subscription delivers as frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// First, once.
    Opening(Opened),
    /// Frames of one or more events, or of a signal, ready to be written.
    Frames(Bytes),
    /// Retention overtook this reader: what was between is gone.
    Gap {
        /// The reader's place before.
        from: Position,
        /// Its place now.
        to: Position,
    },
}

/// One thing a subscription delivers as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// First, once.
    Opening(Opened),
    /// An event of the room.
    Event(Arc<Event>),
    /// A signal.
    Signal(Arc<Signal>),
    /// Retention overtook this reader: what was between is gone.
    Gap {
        /// The reader's place before.
        from: Position,
        /// Its place now.
        to: Position,
    },
}

/// A reader of a room. Dropping it frees everything it holds.
///
/// It delivers frames by [`Subscription::poll_frames`], or values as a [`Stream`]; use one of the two. It
/// never ends by itself. An error means that the log cannot be read now; a reader comes back with its place.
pub struct Subscription {
    shared: Arc<Shared>,
    room: Arc<Room>,
    slot: Slot,
    reader: Option<Author>,
    /// The position of the last event delivered, or what stands for it.
    position: Position,
    /// The number of the last signal delivered.
    signal: u64,
    opened: Option<Opened>,
    /// A read of the log that is under way.
    reading: Option<Reading>,
    /// Events taken and not yet delivered as values, newest first.
    taken: Vec<Arc<Event>>,
    /// How often content was taken out of the room when they were taken.
    taken_withheld: u64,
}

type Reading = oneshot::Receiver<Result<Cold, LogError>>;

/// A piece read from the log.
struct Cold {
    /// Frames, when they were asked for.
    frames: Bytes,
    /// Events, when they were asked for, newest first.
    events: Vec<Arc<Event>>,
    /// `prev` of the first event and position of the last, if there is any event.
    span: Option<(Position, Position)>,
    /// How often content was taken out of the room when it was read.
    withheld: u64,
    head: Position,
    floor: Position,
}

impl Subscription {
    pub(crate) async fn open(
        shared: Arc<Shared>,
        waiting: &Arc<Waiting>,
        name: &RoomName,
        from: From,
        reader: Option<Author>,
    ) -> Result<Self, ReadError> {
        // From here on the room is held, and so stays the one room of its name.
        let room = shared.rooms.enter(name);
        let slot = waiting.slot(&room);
        let opened = match open_in_memory(&shared, &room, from) {
            Some(opened) => opened,
            None => open_from_log(&shared, &room, from).await?,
        };
        // Whoever is banned reads on, and is not heard by name either.
        let reader = reader.filter(|reader| !shared.log.standing().is_banned(&reader.id));
        room.signals.enter(reader.as_ref());
        room.touch();
        shared.counters.subscribed();
        let subscription = Self {
            position: opened.position,
            signal: 0,
            opened: Some(opened),
            reading: None,
            taken: Vec::new(),
            taken_withheld: 0,
            shared,
            room,
            slot,
            reader,
        };
        subscription.shared.mark(&subscription.room);
        Ok(subscription)
    }

    /// The next thing, as frames of a kind.
    pub fn poll_frames(
        &mut self,
        cx: &mut Context<'_>,
        kind: FrameKind,
    ) -> Poll<Result<Delivery, ReadError>> {
        let mut waits = false;
        loop {
            if let Some(opened) = self.opened.take() {
                return Poll::Ready(Ok(Delivery::Opening(opened)));
            }
            if let Some(reading) = &mut self.reading {
                let Poll::Ready(cold) = Pin::new(reading).poll(cx) else { return Poll::Pending };
                self.reading = None;
                let cold = cold.map_err(|_| ReadError::Failed)??;
                if let Some((from, to)) = self.gap_before(&cold) {
                    // What was read is read again: this is rare.
                    self.position = to;
                    return Poll::Ready(Ok(Delivery::Gap { from, to }));
                }
                if cold.withheld != self.room.withheld() {
                    // A delete came while it waited to be delivered: read again.
                    continue;
                }
                if let Some((_, last)) = cold.span {
                    self.position = last;
                    if !cold.frames.is_empty() {
                        return Poll::Ready(Ok(Delivery::Frames(cold.frames)));
                    }
                }
                continue;
            }
            match self.room.pull_frames(self.position, kind, &self.shared.encoders) {
                Pull::Ready(frames, position) => {
                    self.position = position;
                    if !frames.is_empty() {
                        return Poll::Ready(Ok(Delivery::Frames(frames)));
                    }
                }
                Pull::Behind => self.reading = Some(self.read_log(Some(kind))?),
                Pull::CaughtUp => {
                    if let Some(entry) = self.room.signals.after(self.signal) {
                        self.signal = entry.number;
                        let frame = entry.frame(kind, &self.shared.encoders);
                        if !frame.is_empty() {
                            return Poll::Ready(Ok(Delivery::Frames(frame)));
                        }
                    } else if waits {
                        return Poll::Pending;
                    } else {
                        // And look again: news may have come before the waker was there.
                        self.slot.wait(cx.waker());
                        waits = true;
                    }
                }
            }
        }
    }

    /// The next thing, as a value.
    fn poll_received(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, ReadError>> {
        let mut waits = false;
        loop {
            if let Some(opened) = self.opened.take() {
                return Poll::Ready(Ok(Received::Opening(opened)));
            }
            if !self.taken.is_empty() && self.taken_withheld != self.room.withheld() {
                // A delete came since: what it took away must not be delivered.
                self.taken.clear();
            }
            if let Some(event) = self.taken.pop() {
                self.position = event.position;
                return Poll::Ready(Ok(Received::Event(event)));
            }
            if let Some(reading) = &mut self.reading {
                let Poll::Ready(cold) = Pin::new(reading).poll(cx) else { return Poll::Pending };
                self.reading = None;
                let cold = cold.map_err(|_| ReadError::Failed)??;
                if let Some((from, to)) = self.gap_before(&cold) {
                    self.position = to;
                    return Poll::Ready(Ok(Received::Gap { from, to }));
                }
                (self.taken, self.taken_withheld) = (cold.events, cold.withheld);
                continue;
            }
            let withheld = self.room.withheld();
            match self.room.pull_events(self.position) {
                Pull::Ready(mut events, _) => {
                    events.reverse();
                    (self.taken, self.taken_withheld) = (events, withheld);
                }
                Pull::Behind => self.reading = Some(self.read_log(None)?),
                Pull::CaughtUp => {
                    if let Some(entry) = self.room.signals.after(self.signal) {
                        self.signal = entry.number;
                        return Poll::Ready(Ok(Received::Signal(entry.signal.clone())));
                    } else if waits {
                        return Poll::Pending;
                    }
                    self.slot.wait(cx.waker());
                    waits = true;
                }
            }
        }
    }

    /// The epoch of the log.
    pub fn epoch(&self) -> Epoch {
        self.shared.log.epoch()
    }

    /// The position of the last event delivered, or the one it opened at.
    pub fn position(&self) -> Position {
        self.position
    }

    fn read_log(&self, frames: Option<FrameKind>) -> Result<Reading, ReadError> {
        let (shared, room, after) = (self.shared.clone(), self.room.clone(), self.position);
        self.shared.reads.start_read(move |log| {
            let withheld = room.withheld();
            let chain = log.read_after(&room.name, after)?;
            if chain.events.is_empty() && chain.head > after && chain.floor <= chain.head {
                return Err(LogError::Damaged {
                    position: chain.head,
                    what: "its room's chain ends before it",
                });
            }
            let mut cold = Cold {
                frames: Bytes::new(),
                events: Vec::new(),
                span: chain.events.first().zip(chain.events.last()).map(|(a, b)| (a.prev, b.position)),
                withheld,
                head: chain.head,
                floor: chain.floor,
            };
            match frames {
                Some(kind) => {
                    let mut all = Vec::new();
                    for event in &chain.events {
                        shared.encoders.append(kind, Item::Event(event), &mut all);
                        cold.span = cold.span.map(|(prev, _)| (prev, event.position));
                        if all.len() >= PULL_BYTES_MAX {
                            // A frame may be many times its event: what waits for a slow reader is bounded here.
                            break;
                        }
                    }
                    all.shrink_to_fit();
                    cold.frames = all.into();
                }
                None => cold.events = chain.events.into_iter().rev().collect(),
            }
            Ok(cold)
        })
    }

    /// Whether retention took something between the reader's place and what was read.
    fn gap_before(&self, cold: &Cold) -> Option<(Position, Position)> {
        gap(self.position, cold.span.map(|(prev, _)| prev), cold.head, cold.floor)
    }
}

impl Stream for Subscription {
    type Item = Result<Received, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_received(cx).map(Some)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.room.signals.leave(self.reader.as_ref());
        self.room.touch();
        self.shared.mark(&self.room);
        self.shared.counters.unsubscribed();
    }
}

/// What is missing after `place`, if anything is, and the place after what is missing. `prev` is that of the
/// first event that is still there after `place`.
fn gap(
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
fn open_in_memory(shared: &Shared, room: &Room, from: From) -> Option<Opened> {
    let (opening, position) = match from {
        From::Last(count) => (Opening::Start, room.place_before_last(count.min(HISTORY_MAX))?),
        From::After(place) => match not_of_this_log(shared, place) {
            None if room.serves(place.position, shared.log.floor()) => (Opening::Start, place.position),
            None => return None,
            Some(reason) => (Opening::Reset(reason), room.place_before_last(HISTORY_DEFAULT)?),
        },
        From::Malformed => (Opening::Reset(ResetReason::Malformed), room.place_before_last(HISTORY_DEFAULT)?),
    };
    Some(Opened { opening, position, head: room.head()?, floor: shared.log.floor() })
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

async fn open_from_log(shared: &Arc<Shared>, room: &Arc<Room>, from: From) -> Result<Opened, ReadError> {
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
            Ok(Opened { opening, position, head, floor })
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

fn resume(log: &dyn Log, room: &Room, place: Position) -> Result<Opened, LogError> {
    let withheld = room.withheld();
    let chain = log.read_after(&room.name, place)?;
    room.learn(chain.head, &chain.events, withheld);
    let gap = gap(place, chain.events.first().map(|event| event.prev), chain.head, chain.floor);
    let (opening, position) = match gap {
        Some((from, to)) => (Opening::Gap { from, to }, to),
        None => (Opening::Start, place),
    };
    Ok(Opened { opening, position, head: chain.head, floor: chain.floor })
}
