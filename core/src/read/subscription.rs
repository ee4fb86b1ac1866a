//! The two kinds of subscription: events as values, for programs, and encoded frames, for sockets.
//!
//! Both are one state machine, [`Cursor`]. A subscription ends when its chat is closed; else it never ends by
//! itself. An error means that the log cannot be read now, or that this is one node of many which does not know all
//! that the others have stored: subscribe again, there or at another node, from the position that was reached.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::ReadError;
use crate::event::{Author, Epoch, Position, RoomName};
use crate::read::cursor::{Cursor, Delivery};
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
