//! A cache of a room's newest events: all readers of a room receive the same bytes, so the first one reads a
//! block and the others compare it, which costs a tenth.

use std::collections::{HashMap, VecDeque};

use millchat::Position;

use crate::check::event::Event;
use crate::check::page::Row;
use crate::check::stamp::Stamp;

/// Events of a room that are kept to compare with: a reader further behind than this reads each block.
const FRAMES_KEPT_MAX: usize = 4096;

/// A block that was read, and what it says.
#[derive(Debug)]
pub struct Frame {
    /// The block as it was sent.
    raw: Box<[u8]>,
    /// What it says.
    pub says: Says,
}

/// What a block says.
#[derive(Debug)]
pub enum Says {
    /// An event of our own server's log.
    Event(Event),
    /// A message of this run on our own page.
    Row(Row),
    /// Messages of this run, in a chat of another kind.
    Stamped(Stamped),
}

impl Says {
    /// The position that it says, if it says one.
    fn position(&self) -> Option<Position> {
        match self {
            Self::Event(event) => Some(event.seen.position),
            Self::Row(row) => Some(row.position),
            Self::Stamped(_) => None,
        }
    }
}

/// Messages of this run in one block.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// The messages, each once. Never empty.
    pub stamps: Vec<Stamp>,
    /// The place after them, by which a reader would come back.
    pub place: Option<Box<str>>,
}

/// The newest events of a room, numbered in the order in which they were first received here.
#[derive(Debug, Default)]
pub struct Frames {
    /// The number of the oldest that is kept.
    base: u64,
    kept: VecDeque<Frame>,
    /// By the sequence of its first message, the number of a stamped block.
    stamped: HashMap<u64, u64>,
}

impl Frames {
    /// The event with this number, if these are its very bytes.
    pub fn matching(&self, number: u64, block: &[u8]) -> Option<&Says> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.kept.get(index).filter(|frame| *frame.raw == *block).map(|frame| &frame.says)
    }

    /// Keeps what has a position if it is newer than all that are kept.
    pub fn keep_placed(&mut self, block: &[u8], says: Says) {
        if self.kept.back().is_none_or(|newest| newest.says.position() < says.position()) {
            self.push(block, says);
        }
    }

    /// Keeps a block of messages, if none that begins with the same one is kept; says its number.
    pub fn keep_stamped(&mut self, block: &[u8], stamped: Stamped) -> u64 {
        let Some(sequence) = stamped.stamps.first().map(|stamp| stamp.sequence) else { return self.base };
        if let Some(&number) = self.stamped.get(&sequence) {
            return number;
        }
        let number = self.push(block, Says::Stamped(stamped));
        self.stamped.insert(sequence, number);
        number
    }

    fn push(&mut self, block: &[u8], says: Says) -> u64 {
        if self.kept.len() == FRAMES_KEPT_MAX {
            if let Some(Frame { says: Says::Stamped(oldest), .. }) = self.kept.pop_front() {
                self.stamped.remove(&oldest.stamps[0].sequence);
            }
            self.base += 1;
        }
        self.kept.push_back(Frame { raw: block.into(), says });
        self.base + self.kept.len() as u64 - 1
    }

    /// The number of the first event after this position.
    pub fn number_after(&self, position: Position) -> u64 {
        let before = |frame: &Frame| frame.says.position().is_none_or(|at| at <= position);
        self.base + self.kept.partition_point(before) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millchat::oracle::{Act, Said, Seen};
    use millchat::{Epoch, Place};
    use std::time::Duration;

    fn event(position: Position, prev: Position) -> (Vec<u8>, Event) {
        let epoch: Epoch = "5f3c9a2e".parse().unwrap();
        let said = Said { author: 0, act: Act::Message, content: None };
        let event =
            Event { place: Place { epoch, position }, seen: Seen { position, prev, said }, due: None };
        (format!("{position} after {prev}").into_bytes(), event)
    }

    #[test]
    fn the_cache_knows_an_event_only_by_its_very_bytes() {
        let mut frames = Frames::default();
        for (block, event) in [event(1, 0), event(5, 1), event(5, 1)] {
            frames.keep_placed(&block, Says::Event(event));
        }
        assert_eq!(frames.number_after(0), 0);
        assert_eq!(frames.number_after(1), 1);
        assert_eq!(frames.number_after(9), 2);
        assert!(frames.matching(1, &event(5, 1).0).is_some());
        assert!(frames.matching(1, &event(5, 2).0).is_none());
        assert!(frames.matching(2, &event(9, 5).0).is_none());
    }

    #[test]
    fn a_stamped_block_has_one_number_however_often_it_is_kept_and_the_cache_stays_bounded() {
        let stamped = |sequence| {
            let stamp = Stamp { run: 1, sequence, due: Duration::ZERO, lane: 0, number: sequence };
            Stamped { stamps: vec![stamp], place: None }
        };
        let mut frames = Frames::default();
        assert_eq!(frames.keep_stamped(b"a", stamped(3)), 0);
        assert_eq!(frames.keep_stamped(b"b", stamped(1)), 1);
        assert_eq!(frames.keep_stamped(b"a again", stamped(3)), 0);
        assert!(frames.matching(1, b"b").is_some());
        for sequence in 10..10_000 {
            frames.keep_stamped(b"c", stamped(sequence));
        }
        assert_eq!((frames.kept.len(), frames.stamped.len()), (FRAMES_KEPT_MAX, FRAMES_KEPT_MAX));
    }
}
