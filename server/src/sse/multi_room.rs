//! The streams of several rooms as one body: a browser has six connections to a host, and a tab for each
//! room.
//!
//! Each room is a [`Stream`] of its own, with its own place and all that it promises. An event that names a
//! room, made by [`RoomMarker`], comes before each event whose room is another than that of the event before,
//! and before the first; it may come more often. Nothing is put into the middle of a room's event. When one of
//! the streams ends, all do: the reader comes back with all of its places. A stream whose reader may no longer
//! read ends alone.

use std::cell::Cell;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use millchat::RoomName;

use super::stream::{SLICE_BYTES_MAX, Stream};
use crate::http::{Chunks, EventStream};
use crate::limit::ConnectionPermit;

/// Number of rooms of one body: it costs as much as that number of readers.
pub const ROOMS_MAX: usize = 32;

/// Writes the event that names the room of the following ones.
pub type RoomMarker = fn(&RoomName, &mut Vec<u8>);

/// The streams, and the one whose bytes went out last.
pub struct MultiRoomStream {
    rooms: Vec<RoomName>,
    /// That of each room.
    streams: Vec<Stream>,
    /// The head of the answer, which goes before all else.
    head: Bytes,
    /// Frames that say first which rooms may not be read.
    notices: Vec<(RoomName, Bytes)>,
    mark: RoomMarker,
    /// Index of the stream whose bytes went out last, if its room is the one that was marked last.
    last: Option<usize>,
    /// Many bytes of a room whose marker has gone out: they are shared with other readers and not copied behind it.
    marked: Bytes,
    /// The connection's question, which goes to the first stream that there is.
    asked: Option<Rc<Cell<bool>>>,
    /// The reader's share of the connections of its address.
    permit: Option<ConnectionPermit>,
}

impl MultiRoomStream {
    /// One body of these, the first one's events first. `notices` are of rooms that may not be read.
    pub fn new(streams: Vec<(RoomName, Stream)>, notices: Vec<(RoomName, Bytes)>, mark: RoomMarker) -> Self {
        let count = streams.len() + notices.len();
        assert!((1..=ROOMS_MAX).contains(&count), "whoever asks for rooms is held to the limit");
        // The page takes the first events for those of the room that it asked for first.
        let last = (!streams.is_empty() && notices.is_empty()).then_some(0);
        let (rooms, streams) = streams.into_iter().unzip();
        let (head, marked) = (Bytes::new(), Bytes::new());
        Self { rooms, streams, head, notices, mark, last, marked, asked: None, permit: None }
    }

    /// Begins with these bytes.
    pub fn begin_with(&mut self, head: Bytes) {
        self.head = head;
    }

    /// Returns true if nothing waits to go out but what the rooms' own streams have.
    pub fn is_between_chunks(&self) -> bool {
        self.head.is_empty() && self.marked.is_empty() && self.notices.is_empty()
    }

    /// Returns the streams of the rooms.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Returns them as well. None may be taken out.
    pub fn streams_mut(&mut self) -> &mut [Stream] {
        &mut self.streams
    }

    /// Others have given something of these rooms meanwhile: a room is named before what comes next.
    pub fn go_on(&mut self) {
        self.last = None;
    }

    /// Returns the bytes that name a room.
    pub fn mark_of(&self, nth: usize) -> Bytes {
        self.mark_of_room(&self.rooms[nth])
    }

    /// Returns what names a room together with what is of it, if that is not much; else keeps the latter for the next
    /// poll.
    fn together(&mut self, mark: Bytes, bytes: Bytes) -> Bytes {
        if mark.len() + bytes.len() <= SLICE_BYTES_MAX {
            return [mark, bytes].concat().into();
        }
        self.marked = bytes;
        mark
    }

    fn mark_of_room(&self, room: &RoomName) -> Bytes {
        let mut mark = Vec::new();
        (self.mark)(room, &mut mark);
        mark.into()
    }

    /// Takes out a stream whose reader may no longer read: the others go on.
    fn remove(&mut self, index: usize) {
        self.rooms.remove(index);
        self.streams.remove(index);
        self.last = None;
        if let (Some(first), Some(asked)) = (self.streams.first_mut(), &self.asked) {
            first.obey(Rc::clone(asked));
        }
    }
}

impl EventStream for MultiRoomStream {
    fn keep(&mut self, permit: ConnectionPermit) {
        self.permit = Some(permit);
    }

    fn obey(&mut self, asked: Rc<Cell<bool>>) {
        if let Some(first) = self.streams.first_mut() {
            first.obey(Rc::clone(&asked));
        }
        self.asked = Some(asked);
    }
}

impl Chunks for MultiRoomStream {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.head.is_empty() {
            return Poll::Ready(Some(mem::take(&mut self.head)));
        }
        if !self.marked.is_empty() {
            return Poll::Ready(Some(mem::take(&mut self.marked)));
        }
        if let Some((room, notice)) = self.notices.pop() {
            let mark = self.mark_of_room(&room);
            return Poll::Ready(Some(self.together(mark, notice)));
        }
        if let Some(last) = self.last
            && let stream = &mut self.streams[last]
            && !stream.is_between_events()
        {
            return stream.poll_bytes(cx);
        }
        // From the one after the last on, so that a busy room does not keep the others waiting.
        let mut turn = self.last.map_or(0, |last| last + 1);
        for _ in 0..self.streams.len() {
            if turn >= self.streams.len() {
                turn = 0;
            }
            let Some(stream) = self.streams.get_mut(turn) else { break };
            match stream.poll_bytes(cx) {
                Poll::Pending => turn += 1,
                Poll::Ready(Some(bytes)) if self.last == Some(turn) => return Poll::Ready(Some(bytes)),
                Poll::Ready(Some(bytes)) => {
                    self.last = Some(turn);
                    let mark = self.mark_of(turn);
                    return Poll::Ready(Some(self.together(mark, bytes)));
                }
                Poll::Ready(None) if stream.is_denied() => self.remove(turn),
                Poll::Ready(None) => return Poll::Ready(None),
            }
        }
        if self.streams.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}
