//! The streams of several rooms as one body: a browser has six connections to a host, and a tab for each
//! room.
//!
//! Each room is a [`Stream`] of its own, with its own place and all that it promises. An event that names a
//! room, made by [`RoomMarker`], comes before each event whose room is another than that of the event before,
//! and before the first. Nothing is put into the middle of a room's event. When one of the streams ends, all
//! do: the reader comes back with all of its places.

use std::cell::Cell;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use millchat::RoomName;

use super::stream::Stream;
use crate::http::{Chunks, EventStream};
use crate::limit::ConnectionPermit;

/// Number of rooms of one body: it costs as much as that number of readers.
pub const ROOMS_MAX: usize = 32;

/// Writes the event that names the room of the following ones.
pub type RoomMarker = fn(&RoomName, &mut Vec<u8>);

/// The streams, and the one whose bytes went out last.
pub struct MultiRoomStream {
    streams: Vec<(RoomName, Stream)>,
    mark: RoomMarker,
    /// Index of the stream whose bytes went out last.
    last: usize,
    /// Bytes of that stream whose marker has gone out: they are shared with other readers and not copied
    /// behind it.
    marked: Bytes,
}

impl MultiRoomStream {
    /// One body of these, the first one's events first.
    pub fn new(streams: Vec<(RoomName, Stream)>, mark: RoomMarker) -> Self {
        assert!((1..=ROOMS_MAX).contains(&streams.len()), "whoever asks for rooms is held to the limit");
        Self { streams, mark, last: 0, marked: Bytes::new() }
    }
}

impl EventStream for MultiRoomStream {
    fn keep(&mut self, permit: ConnectionPermit) {
        self.streams[0].1.keep(permit);
    }

    fn obey(&mut self, asked: Rc<Cell<bool>>) {
        self.streams[0].1.obey(asked);
    }
}

impl Chunks for MultiRoomStream {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.marked.is_empty() {
            return Poll::Ready(Some(mem::take(&mut self.marked)));
        }
        let last = &mut self.streams[self.last].1;
        if !last.is_between_events() {
            return last.poll_bytes(cx);
        }
        // From the one after the last on, so that a busy room does not keep the others waiting.
        let count = self.streams.len();
        for step in 1..=count {
            let turn = (self.last + step) % count;
            let (room, stream) = &mut self.streams[turn];
            match stream.poll_bytes(cx) {
                Poll::Pending => {}
                Poll::Ready(Some(bytes)) if turn == self.last => return Poll::Ready(Some(bytes)),
                Poll::Ready(Some(bytes)) => {
                    self.last = turn;
                    self.marked = bytes;
                    let mut mark = Vec::new();
                    (self.mark)(room, &mut mark);
                    return Poll::Ready(Some(mark.into()));
                }
                Poll::Ready(None) => return Poll::Ready(None),
            }
        }
        Poll::Pending
    }
}
