//! The streams of readers: each event is checked against the one before, and summed up.

use std::sync::Arc;

use millchat::{Opening, Position, RoomName};
use parking_lot::Mutex;

use crate::observed::{Observed, content_digest};
use crate::violation::{Rule, Violation};

/// Most events that one piece of a reader's stream sums up: bounds what one mismatch leaves in the dark, and
/// what a moving floor takes out of the comparison.
const PIECE_EVENTS_MAX: u64 = 1024;
/// Most violations that one reader keeps; a broken stream breaks again and again, and the first ones tell
/// why.
const READER_VIOLATIONS_MAX: usize = 16;

/// A contiguous run of a reader's events, in sums: the events of the room after `from`, up to `to`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    pub from: Position,
    pub to: Position,
    pub count: u64,
    /// [`Observed::shape_digest`] of each, added up.
    pub shapes: u64,
    /// [`content_digest`] of each that came with its text, added up.
    pub contents: u64,
    /// Those that came without a text: few, because a delete is rare.
    pub textless: Vec<Position>,
}

impl Piece {
    fn starting_after(from: Position) -> Self {
        Self { from, to: from, ..Self::default() }
    }

    fn add(&mut self, observed: &Observed) {
        self.to = observed.position;
        self.count += 1;
        self.shapes = self.shapes.wrapping_add(observed.shape_digest());
        match observed.event.content {
            Some(content) => {
                self.contents = self.contents.wrapping_add(content_digest(observed.position, content));
            }
            None => self.textless.push(observed.position),
        }
    }
}

#[derive(Debug)]
pub(crate) struct ReaderRecord {
    pub room: RoomName,
    pub name: String,
    pub pieces: Vec<Piece>,
    pub current: Piece,
    pub opened: bool,
    /// True when `current` begins at a place that need not be an event of this room.
    pub first: bool,
    /// The furthest position that the stream said retention had taken.
    pub gap_to: Position,
    pub complete: bool,
    pub violations: Vec<Violation>,
}

impl ReaderRecord {
    pub fn new(room: RoomName, name: String) -> Self {
        Self {
            room,
            name,
            pieces: Vec::new(),
            current: Piece::default(),
            opened: false,
            first: true,
            gap_to: 0,
            complete: false,
            violations: Vec::new(),
        }
    }

    fn violation(&mut self, positions: Vec<Position>, what: String) {
        if self.violations.len() < READER_VIOLATIONS_MAX {
            let (room, who) = (self.room.clone(), format!("reader {}", self.name));
            self.violations.push(Violation { rule: Rule::Stream, room, who, positions, what });
        }
    }

    /// The next event need not link to the last one, only pass over nothing.
    fn go_on_after(&mut self, position: Position) {
        let done = std::mem::replace(&mut self.current, Piece::starting_after(position));
        if done.count > 0 {
            self.pieces.push(done);
        }
        self.first = true;
    }
}

/// The deliveries of one reader's stream, over all its reconnects. Clones share them.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Mutex<ReaderRecord>>);

impl Reader {
    pub(crate) fn new(record: Arc<Mutex<ReaderRecord>>) -> Self {
        Self(record)
    }

    /// A stream opened: `asked` is the place that the reader sent (`None` on a first join), `position` the
    /// place that the opening carries as its id.
    pub fn opened(&self, asked: Option<Position>, opening: Opening, position: Position) {
        let mut reader = self.0.lock();
        let last = reader.current.to;
        match (opening, asked) {
            (Opening::Start, Some(asked)) if asked != position => {
                reader.violation(vec![asked, position], format!("asked for {asked}, started at {position}"));
            }
            (Opening::Gap { from, to }, asked) => {
                if asked != Some(from) || to != position || to <= from {
                    let what = format!("asked for {asked:?}, was told of a gap {from} to {to} at {position}");
                    reader.violation(vec![from, to, position], what);
                }
                reader.gap_to = reader.gap_to.max(to);
            }
            (Opening::Reset(reason), Some(asked)) => {
                let what = format!("asked for {asked}, a place of this log, was reset: {}", reason.as_str());
                reader.violation(vec![asked, position], what);
            }
            (Opening::Start | Opening::Reset(_), _) => {}
        }
        // A resume that starts where the reader was goes on with the piece, and so is checked for a whole
        // link.
        if !(reader.opened && opening == Opening::Start && position == last) {
            reader.go_on_after(position);
        }
        reader.opened = true;
    }

    /// An event arrived.
    pub fn event(&self, observed: Observed) {
        let mut reader = self.0.lock();
        let (last, Observed { position, prev, .. }) = (reader.current.to, observed);
        if !reader.opened {
            reader.violation(vec![position], format!("event {position} came before the stream opened"));
            reader.opened = true;
            reader.go_on_after(prev);
        } else if position <= last {
            // Not added to the piece: what was received before stays comparable.
            return reader.violation(vec![last, position], format!("event {position} came after {last}"));
        } else if if reader.first { prev > last } else { prev != last } {
            let what = format!("event {position} follows {prev}, the reader was at {last}");
            reader.violation(vec![last, prev, position], what);
            reader.go_on_after(prev);
        } else if reader.current.count >= PIECE_EVENTS_MAX {
            reader.go_on_after(last);
        }
        reader.first = false;
        reader.current.add(&observed);
    }

    /// The stream said that retention overtook it.
    pub fn gap(&self, from: Position, to: Position) {
        let mut reader = self.0.lock();
        let last = reader.current.to;
        if from != last || to <= from {
            let what = format!("was told of a gap {from} to {to}, the reader was at {last}");
            reader.violation(vec![last, from, to], what);
        }
        reader.gap_to = reader.gap_to.max(to);
        reader.go_on_after(to);
    }

    /// The position of the last event: what the reader would resume by.
    pub fn position(&self) -> Position {
        self.0.lock().current.to
    }

    /// The reader stayed until the end: it must have reached the room's head.
    pub fn complete(&self) {
        self.0.lock().complete = true;
    }
}
