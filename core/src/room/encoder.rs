//! The encoding of events and signals for one kind of reader.
//!
//! The core knows no JSON and no HTML. The embedder registers an [`Encoder`] per kind of reader with
//! [`crate::Builder::encoder`]; an event is then encoded at most once per kind while it is in a room's
//! ring, and the bytes are shared by every reader of that kind.

use bytes::Bytes;

use crate::answer::UnfinishedAnswer;
use crate::event::{Author, Epoch, Event};

/// The encoder that makes a reader's frames, as [`crate::Builder::encoder`] returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameKind(pub(crate) u8);

impl FrameKind {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Something that is shown but not logged; it carries no position, so a reader's position does not move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// The readers of the room; sent at most once a second and room.
    Presence(Presence),
    /// The authors who are typing now; empty when nobody is any more.
    Typing(Vec<Author>),
    /// The answers that are being written now, at most [`crate::ANSWERS_PER_ROOM_MAX`]; empty when none is any more.
    /// Sent at most twice a second and room.
    Answers(Vec<UnfinishedAnswer>),
}

/// The readers of a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// All readers, named or not.
    pub count: usize,
    /// Those who are known by name, at most [`crate::PRESENCE_NAMES_MAX`], each once.
    pub authors: Vec<Author>,
}

/// Encoded events, or an encoded signal, for one kind of reader: ready to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frames {
    /// The frames, one after the other. Shared by all readers at the same position.
    pub bytes: Bytes,
    /// Events that have a frame among them; 0 for a signal.
    pub events: u32,
}

/// The input of an encoder.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A logged event.
    Event(&'a Event),
    /// A signal.
    Signal(&'a Signal),
}

/// Makes the frame of an item for one kind of reader.
///
/// It is called on whichever thread first needs the frame, must not block, and must give the same bytes
/// for the same item: one frame serves every reader of its kind.
pub trait Encoder: Send + Sync + 'static {
    /// Appends the frame to `out`. Appending nothing is allowed: readers of this kind pass over the item.
    fn encode(&self, epoch: Epoch, item: Item<'_>, out: &mut Vec<u8>);
}

impl<F: Fn(Epoch, Item<'_>, &mut Vec<u8>) + Send + Sync + 'static> Encoder for F {
    fn encode(&self, epoch: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
        self(epoch, item, out);
    }
}

/// The registered encoders, by kind.
pub(crate) struct Encoders {
    epoch: Epoch,
    list: Vec<Box<dyn Encoder>>,
}

impl Encoders {
    pub fn new(epoch: Epoch, list: Vec<Box<dyn Encoder>>) -> Self {
        Self { epoch, list }
    }

    pub fn encode(&self, kind: FrameKind, item: Item<'_>) -> Bytes {
        let mut out = Vec::new();
        self.append(kind, item, &mut out);
        Bytes::from(out)
    }

    pub fn append(&self, kind: FrameKind, item: Item<'_>, out: &mut Vec<u8>) {
        // A kind comes only from the builder that made this list.
        if let Some(encoder) = self.list.get(kind.index()) {
            encoder.encode(self.epoch, item, out);
        }
    }
}
