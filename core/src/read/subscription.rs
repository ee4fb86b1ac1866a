//! The two kinds of subscription: events as values, for programs, and encoded frames, for sockets; and a reader
//! for a group of the latter.
//!
//! All are one state machine, [`Cursor`]. A subscription ends when its chat is closed; else it never ends by
//! itself. An error means that the log cannot be read now, or that this is one node of many which does not know all
//! that the others have stored: subscribe again, there or at another node, from the position that was reached.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::ReadError;
use crate::event::{Author, Epoch, Position, RoomName};
use crate::read::cursor::{Cursor, CursorPlace, Delivery};
use crate::read::form::{Encoded, Received, Values};
use crate::read::start::StartFrom;
use crate::room::encoder::{FrameKind, Frames};
use crate::room::fanout::WaitList;
use crate::shared::Shared;

/// A reader of a room that takes events and signals as values: a [`Stream`] of [`Received`].
///
/// Dropping it frees everything it holds.
pub struct Subscription(Cursor<Values>);

/// A reader of a room that takes encoded frames of one kind: a [`Stream`] of [`Frames`].
///
/// The frames are shared by all readers at the same position. Dropping it frees everything it holds.
pub struct FrameSubscription(Cursor<Encoded>);

/// A reader of a room for a group of subscriptions that are at one place, on behalf of all: a [`Stream`] of
/// [`Frames`] like theirs, which is not counted as a reader.
///
/// Each delivery belongs to all of the group, and then the place of each is the group's: whoever leaves the
/// group takes it by [`FrameSubscription::move_to`]. So one wake-up and one look at the room serve thousands. What
/// it says besides frames, a gap or an error, is not for the group: its subscriptions hear the same, each from
/// the place before.
pub struct FrameGroup {
    cursor: Cursor<Encoded>,
    /// The generation of the room's redactions before the last delivery was taken.
    generation: u64,
    /// The position of the cursor then.
    after: Position,
}

/// A room as it is in memory, and a kind of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameSource {
    room: u64,
    kind: FrameKind,
}

/// A place up to which frames were delivered. Two are equal if the same follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramePlace {
    source: FrameSource,
    at: CursorPlace,
}

impl Subscription {
    pub(crate) async fn open(
        shared: Arc<Shared>,
        wait_list: &Arc<WaitList>,
        room: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
        client: u64,
    ) -> Result<Self, ReadError> {
        Ok(Self(Cursor::open(Values, shared, wait_list, room, from, reader, client).await?))
    }

    /// Returns the epoch of the log.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch()
    }

    /// Returns the position of the last event delivered, or the one it opened at.
    pub fn position(&self) -> Position {
        self.0.position()
    }
}

impl FrameSubscription {
    pub(crate) async fn open(
        kind: FrameKind,
        shared: Arc<Shared>,
        wait_list: &Arc<WaitList>,
        room: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
        client: u64,
    ) -> Result<Self, ReadError> {
        Ok(Self(Cursor::open(Encoded(kind), shared, wait_list, room, from, reader, client).await?))
    }

    /// Returns the epoch of the log.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch()
    }

    /// Returns the position of the last event delivered, or the one it opened at.
    pub fn position(&self) -> Position {
        self.0.position()
    }

    /// Returns what is read here: subscriptions of which it is the same get the same frames.
    pub fn source(&self) -> FrameSource {
        source(&self.0)
    }

    /// Returns the place up to which everything was delivered; `None` while something is left to deliver, or the
    /// log is read.
    pub fn place(&self) -> Option<FramePlace> {
        Some(FramePlace { source: self.source(), at: self.0.place()? })
    }

    /// Takes a place up to which a group has delivered for this subscription. Poll it again to be woken.
    ///
    /// # Panics
    ///
    /// When the place is of another source, or behind this subscription's, or when [`FrameSubscription::place`]
    /// is `None`.
    pub fn move_to(&mut self, place: FramePlace) {
        assert_eq!(place.source, self.source(), "a place of another room, or of other frames");
        self.0.move_to(place.at);
    }

    /// Returns a group that reads on from the place of this subscription; `None` where that has none.
    pub fn group(&self) -> Option<FrameGroup> {
        Some(FrameGroup { cursor: self.0.leader()?, generation: 0, after: 0 })
    }

    /// Returns true if this dispatcher has other readers in the room.
    pub fn has_company(&self) -> bool {
        self.0.has_company()
    }

    /// Has the task that polled last woken no more, until it polls again: a group reads for it.
    pub fn rest(&self) {
        self.0.rest();
    }
}

fn source(cursor: &Cursor<Encoded>) -> FrameSource {
    let (room, form) = cursor.of();
    FrameSource { room: room.number, kind: form.0 }
}

impl FrameGroup {
    /// Returns what is read here.
    pub fn source(&self) -> FrameSource {
        source(&self.cursor)
    }

    /// Returns the place up to which everything was delivered, as [`FrameSubscription::place`] does.
    pub fn place(&self) -> Option<FramePlace> {
        Some(FramePlace { source: self.source(), at: self.cursor.place()? })
    }

    /// Returns true if the frames that were delivered last may still be handed on. Ask before each time that they
    /// are: a text in them may have been deleted meanwhile, or the node may be current no more. It may say no to
    /// good frames if the room is busy.
    pub fn may_still_deliver(&mut self) -> bool {
        let as_of = self.cursor.validate(self.generation, self.after);
        self.generation = as_of.unwrap_or(self.generation);
        as_of.is_some()
    }
}

impl Stream for FrameGroup {
    type Item = Result<Delivery<Frames>, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Before the frames are taken.
        self.generation = self.cursor.generation();
        self.after = self.cursor.position();
        self.cursor.poll_next(cx)
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery<Received>, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx)
    }
}

impl Stream for FrameSubscription {
    type Item = Result<Delivery<Frames>, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx)
    }
}
