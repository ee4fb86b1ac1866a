//! A cursor on a room's chain: the one state machine by which all readers read.
//!
//! A cursor holds a position and moves it forward. What follows the position comes from the room's ring when
//! the ring reaches back so far, else from the log, in batches, until the ring is reached again. Nothing is
//! queued for a reader: a slow one costs its cursor and what it holds unread, and slows nobody.
//!
//! Joining is setting the cursor. There is no snapshot that could miss what happens beside it.
//!
//! A batch is delivered only if none of its texts was taken out of the room since it was made: a deleted text
//! must not be delivered after its delete. Else it is pulled or read again. For the same reason nothing at all is
//! delivered while the chat is one node of many that does not know what the others have stored.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::ReadError;
use crate::event::{Author, Epoch, Position, RoomName};
use crate::read::fair_queue::UNNAMED_CLIENT;
use crate::read::form::Form;
use crate::read::log_batches;
use crate::read::opening::{self, GapReason, Opened, gap};
use crate::read::start::StartFrom;
use crate::room::fanout::{Slot, WaitList};
use crate::room::live::{Pull, Room};
use crate::room::shared_reads::Ticket;
use crate::shared::Shared;

/// One thing that a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery<T> {
    /// First, once.
    Opening(Opened),
    /// An event or a signal of the room, or frames of several.
    Item(T),
    /// Retention overtook this reader, or records are damaged: what was between is gone.
    Gap {
        /// The reader's position before.
        from: Position,
        /// Its position now.
        to: Position,
        /// The cause, by the floor at which it was found.
        reason: GapReason,
        /// The room is closed to writing now: the event that closed it may be in the gap.
        is_closed: bool,
    },
}

/// The end of a delivery: `None` when the chat is closed.
pub(crate) type Delivered<T> = Option<Result<Delivery<T>, ReadError>>;

/// A reader of a room. Dropping it frees everything it holds.
///
/// Small on purpose: ten thousand of them are visited for each event, and what does not fit into the
/// processor's caches costs more than the work itself. What is rarely there is boxed.
pub(crate) struct Cursor<F: Form> {
    form: F,
    shared: Arc<Shared>,
    room: Arc<Room>,
    slot: Slot,
    /// The client for whom the log is read.
    client: u64,
    reader: Option<Box<Author>>,
    /// It is a subscriber, and in the room's presence.
    is_counted: bool,
    /// The position of the last event delivered, or the one at which it opened.
    position: Position,
    /// The number of the last signal delivered.
    signal: u64,
    opened: Option<Box<Opened>>,
    /// A read of the log that is under way, shared by the readers at this place.
    pending: Option<Box<Ticket<F::Batch>>>,
    /// Events taken and not yet delivered.
    buffered: Option<Box<Buffered<F::Batch>>>,
}

/// The place of a cursor that has delivered all up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CursorPlace {
    /// The position of the last event.
    pub position: Position,
    /// The number of the last signal.
    pub signal: u64,
}

/// The rest of a batch.
struct Buffered<B> {
    batch: B,
    /// The room's redaction generation when the batch was made.
    generation: u64,
}

impl<F: Form> Cursor<F> {
    pub async fn open(
        form: F,
        shared: Arc<Shared>,
        wait_list: &Arc<WaitList>,
        name: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
        client: u64,
    ) -> Result<Self, ReadError> {
        // From here on the room is held, and so stays the one room of its name.
        let room = shared.rooms.enter(name);
        let slot = wait_list.slot(&room);
        let opened = opening::open(&shared, &room, from, client).await?;
        // A banned author reads on, and presence does not name them.
        let reader = reader.filter(|reader| !shared.log.moderation().is_banned(&reader.id));
        if let Some(neighbours) = &shared.neighbours {
            neighbours.brief(&room);
        }
        room.signals.enter(reader.as_ref());
        room.touch();
        shared.counters.subscribed();
        let cursor = Self {
            form,
            position: opened.id.position,
            signal: 0,
            opened: Some(Box::new(opened)),
            pending: None,
            buffered: None,
            shared,
            room,
            slot,
            client,
            reader: reader.map(Box::new),
            is_counted: true,
        };
        cursor.shared.mark(&cursor.room);
        Ok(cursor)
    }

    /// Returns the next delivery; `Ready(None)` once the chat is closed and all that memory holds was
    /// delivered.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Delivered<F::Item>> {
        let mut has_waker = false;
        loop {
            if let Err(error) = self.shared.check_current() {
                return Poll::Ready(self.end(error));
            }
            if self.opened.is_some()
                && let Some(opened) = self.opened.take()
            {
                let is_closed = self.is_room_closed();
                return Poll::Ready(Some(Ok(Delivery::Opening(Opened { is_closed, ..*opened }))));
            }
            if self.buffered.is_some()
                && let Some(Buffered { batch, generation }) = self.buffered.take().map(|buffered| *buffered)
                && let Some(item) = self.deliver(batch, generation)
            {
                return Poll::Ready(Some(Ok(Delivery::Item(item))));
            }
            if let Some(pending) = &self.pending {
                let Poll::Ready(read) = pending.poll(cx) else { return Poll::Pending };
                self.pending = None;
                let read = match read {
                    Ok(read) => read,
                    Err(error) => return Poll::Ready(self.end(error)),
                };
                let complete_from = self.room.complete_from(self.shared.log.forgotten());
                let bounds = (read.head, read.floor);
                if let Some((from, to)) = gap(self.position, read.prev, bounds, complete_from) {
                    // What was read is read again: this is rare.
                    self.position = to;
                    let is_closed = self.is_room_closed();
                    let reason = GapReason::of(from, read.floor);
                    return Poll::Ready(Some(Ok(Delivery::Gap { from, to, reason, is_closed })));
                }
                if let Some(item) = self.deliver(read.batch.clone(), read.generation) {
                    return Poll::Ready(Some(Ok(Delivery::Item(item))));
                }
                continue;
            }
            // Before the pull: all that is published before the chat closes is found by it.
            let has_ended = self.shared.is_closed();
            let generation = self.room.redactions.generation();
            match self.form.pull(&self.room, self.position, &self.shared.encoders) {
                Pull::Ready(batch) => {
                    if let Some(item) = self.deliver(batch, generation) {
                        return Poll::Ready(Some(Ok(Delivery::Item(item))));
                    }
                }
                Pull::Behind => {
                    let read =
                        log_batches::start(&self.form, &self.shared, &self.room, self.position, self.client);
                    self.pending = Some(Box::new(read));
                }
                Pull::CaughtUp => {
                    if let Some(entry) = self.room.signals.after(self.signal) {
                        self.signal = entry.number;
                        if let Some(item) = self.form.signal(&entry, &self.shared.encoders) {
                            return Poll::Ready(Some(Ok(Delivery::Item(item))));
                        }
                    } else if has_ended {
                        return Poll::Ready(None);
                    } else if has_waker {
                        return Poll::Pending;
                    } else {
                        // And look again: an event, or the end, may have come before the waker was there.
                        self.slot.wait(cx.waker());
                        has_waker = true;
                    }
                }
            }
        }
    }

    /// Returns another cursor at the same place, which counts neither as a subscriber nor in the room's presence;
    /// `None` while this one has something to deliver or reads the log.
    pub fn leader(&self) -> Option<Self> {
        let CursorPlace { position, signal } = self.place()?;
        Some(Self {
            form: self.form.clone(),
            shared: self.shared.clone(),
            room: self.room.clone(),
            slot: self.slot.another(),
            client: UNNAMED_CLIENT,
            reader: None,
            is_counted: false,
            position,
            signal,
            opened: None,
            pending: None,
            buffered: None,
        })
    }

    /// Returns the place; `None` while there is something to deliver or the log is read.
    pub fn place(&self) -> Option<CursorPlace> {
        let is_between = self.opened.is_none() && self.pending.is_none() && self.buffered.is_none();
        is_between.then_some(CursorPlace { position: self.position, signal: self.signal })
    }

    /// Takes a place at which another cursor of this room and form delivered for it.
    pub fn move_to(&mut self, place: CursorPlace) {
        assert!(
            self.place().is_some_and(|own| own.position <= place.position && own.signal <= place.signal),
            "nobody is led back, and nobody who has something left to deliver"
        );
        (self.position, self.signal) = (place.position, place.signal);
    }

    /// Returns the room and the form.
    pub fn of(&self) -> (&Room, &F) {
        (&self.room, &self.form)
    }

    /// Is woken no more by what comes, until it is polled again.
    pub fn rest(&self) {
        self.slot.rest();
    }

    /// Returns true if others wait for the room in the same wait list.
    pub fn has_company(&self) -> bool {
        self.slot.neighbours() > 1
    }

    /// Returns the generation of the room's redactions, by which [`Cursor::validate`] decides.
    pub fn generation(&self) -> u64 {
        self.room.redactions.generation()
    }

    /// Returns the generation as of which what was delivered last may still be handed on, if it was taken at the
    /// generation `made`, behind the position `after`: none of its texts was taken out of the room since, and the chat
    /// knows all that was acknowledged anywhere.
    pub fn validate(&self, made: u64, after: Position) -> Option<u64> {
        self.shared.check_current().ok()?;
        if self.generation() == made {
            return Some(made);
        }
        let texts = self.room.texts_between(after, self.position)?;
        self.room.redactions.validate(made, |message| texts.may_have(message))
    }

    pub fn epoch(&self) -> Epoch {
        self.shared.log.epoch()
    }

    pub fn position(&self) -> Position {
        self.position
    }

    /// Takes the next item out of a batch, moves the position, and keeps the rest. Returns `None` when a text
    /// of the batch was taken out of the room since it was made, or when nothing of it is delivered in this
    /// form.
    fn deliver(&mut self, mut batch: F::Batch, generation: u64) -> Option<F::Item> {
        let concerns = |target| F::may_have(&batch, target);
        let generation = self.room.redactions.validate(generation, concerns)?;
        while let Some((item, position)) = F::take(&mut batch) {
            self.position = position;
            if item.is_some() {
                if !F::is_empty(&batch) {
                    self.buffered = Some(Box::new(Buffered { batch, generation }));
                }
                return item;
            }
        }
        None
    }

    fn is_room_closed(&self) -> bool {
        self.shared.log.moderation().is_closed(&self.room.name)
    }

    /// Returns what a read that failed comes to: the end, when it failed because the chat is closed.
    fn end(&self, error: ReadError) -> Delivered<F::Item> {
        (!self.shared.is_closed()).then_some(Err(error))
    }
}

impl<F: Form> Drop for Cursor<F> {
    fn drop(&mut self) {
        if !self.is_counted {
            return;
        }
        self.room.signals.leave(self.reader.as_deref());
        self.room.touch();
        self.shared.mark(&self.room);
        self.shared.counters.unsubscribed();
    }
}
