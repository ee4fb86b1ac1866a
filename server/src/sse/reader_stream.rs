//! The stream of a reader: of one room, or of several.

use std::slice;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use millchat::FramePlace;
use tokio::time::Instant;

use super::multi_room::MultiRoomStream;
use super::stream::Stream;
use crate::http::{Body, Chunks as _};

/// A reader's stream.
pub enum ReaderStream {
    /// Of one room.
    One(Box<Stream>),
    /// Of several.
    Several(Box<MultiRoomStream>),
}

impl ReaderStream {
    /// Takes the stream out of a body that is one, and leaves the body empty.
    pub fn take(body: &mut Body) -> Option<Self> {
        let one = body.take_events().map(Self::One);
        one.or_else(|| body.take_events().map(Self::Several))
    }

    /// Begins with these bytes.
    pub fn begin_with(&mut self, head: Bytes) {
        match self {
            Self::One(stream) => stream.begin_with(head),
            Self::Several(streams) => streams.begin_with(head),
        }
    }

    /// The next bytes; `None` when the stream ends.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self {
            Self::One(stream) => stream.poll_bytes(cx),
            Self::Several(streams) => streams.poll_bytes(cx),
        }
    }

    /// Returns true if the task that polled last, and got bytes, need not poll again before it is woken. It has to if
    /// a list may serve it.
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::One(stream) => stream.is_waiting() && !stream.has_company(),
            Self::Several(_) => false,
        }
    }

    /// Returns true if it is of several rooms.
    pub fn is_several(&self) -> bool {
        matches!(self, Self::Several(_))
    }

    /// Returns true if nothing waits to go out but what the rooms' own streams have.
    pub fn is_between_chunks(&self) -> bool {
        if let Self::Several(streams) = self { streams.is_between_chunks() } else { true }
    }

    /// Returns the bytes that name a room, by its number, before what is of it; none if there is but one room.
    pub fn mark(&self, nth: usize) -> Bytes {
        if let Self::Several(streams) = self { streams.mark_of(nth) } else { Bytes::new() }
    }

    /// Returns the streams of the rooms.
    pub fn streams(&self) -> &[Stream] {
        match self {
            Self::One(stream) => slice::from_ref(stream),
            Self::Several(streams) => streams.streams(),
        }
    }

    fn streams_mut(&mut self) -> &mut [Stream] {
        match self {
            Self::One(stream) => slice::from_mut(stream),
            Self::Several(streams) => streams.streams_mut(),
        }
    }

    /// Has this task woken when rights change, and when the process is to end.
    pub fn watch(&self, task: &Waker) {
        self.streams().iter().for_each(|stream| stream.watch(task));
    }

    /// Has the task that polls be woken by the timers, as by the next event.
    pub fn wait(&mut self, cx: &mut Context<'_>) {
        self.streams_mut().iter_mut().for_each(|stream| stream.wait(cx));
    }

    /// Lists serve the reader from now on: what comes does not wake its task.
    pub fn rest(&mut self) {
        self.streams_mut().iter_mut().for_each(Stream::rest);
    }

    /// Ready when the reader has to leave the lists that serve it.
    pub fn poll_served(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut polled = Poll::Pending;
        for stream in self.streams_mut() {
            if stream.poll_served(cx).is_ready() {
                polled = Poll::Ready(());
            }
        }
        polled
    }

    /// Goes on alone in a room, by its number, after a list has served the reader up to this place.
    pub fn go_on(&mut self, nth: usize, place: FramePlace, sent_at: Instant) {
        self.streams_mut()[nth].go_on(place, sent_at);
        if let Self::Several(streams) = self {
            streams.go_on();
        }
    }
}
