//! A cache of a room's newest events: all readers of a room receive the same bytes, so the first one reads a
//! block and the others compare it, which costs a tenth.

use std::collections::{HashMap, VecDeque};

use millchat::Position;

use crate::check::event::Event;
use crate::check::page::PageRow;
use crate::check::stamp::Stamp;

/// Events of a room that are kept to compare with: a reader further behind than this reads each block.
const FRAMES_KEPT_MAX: usize = 4096;

/// A block that was parsed, and its content.
#[derive(Debug)]
pub struct CachedBlock {
    /// The block as it was sent.
    raw: Box<[u8]>,
    /// The parsed content.
    pub content: BlockContent,
}

/// The content of a block.
#[derive(Debug)]
pub enum BlockContent {
    /// An event of our own server's log.
    Event(Event),
    /// A message of this run on our own page.
    Row(PageRow),
    /// Messages of this run, in a chat of another kind.
    Stamped(StampedBlock),
}

impl BlockContent {
    /// Returns the position of the block, if it has one.
    fn position(&self) -> Option<Position> {
        match self {
            Self::Event(event) => Some(event.observed.position),
            Self::Row(row) => Some(row.position),
            Self::Stamped(_) => None,
        }
    }
}

/// The messages of this run in one block.
#[derive(Debug, Clone)]
pub struct StampedBlock {
    /// The messages, each once. Never empty.
    pub stamps: Vec<Stamp>,
    /// The last id after them, by which a reader would resume.
    pub place: Option<Box<str>>,
}

/// The newest events of a room, numbered in the order in which they were first received here.
#[derive(Debug, Default)]
pub struct BlockCache {
    /// The number of the oldest that is kept.
    base: u64,
    kept: VecDeque<CachedBlock>,
    /// By the sequence of its first message, the number of a stamped block.
    stamped: HashMap<u64, u64>,
}

impl BlockCache {
    /// Returns the event with this number, if it has exactly these bytes.
    pub fn matching(&self, number: u64, block: &[u8]) -> Option<&BlockContent> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.kept.get(index).filter(|cached| *cached.raw == *block).map(|cached| &cached.content)
    }

    /// Inserts a block with a position if it is newer than all that are kept.
    pub fn insert_positioned(&mut self, block: &[u8], content: BlockContent) {
        if self.kept.back().is_none_or(|newest| newest.content.position() < content.position()) {
            self.push(block, content);
        }
    }

    /// Inserts a block of messages, unless one that begins with the same message is kept; returns its number.
    pub fn insert_stamped(&mut self, block: &[u8], stamped: StampedBlock) -> u64 {
        let Some(sequence) = stamped.stamps.first().map(|stamp| stamp.sequence) else { return self.base };
        if let Some(&number) = self.stamped.get(&sequence) {
            return number;
        }
        let number = self.push(block, BlockContent::Stamped(stamped));
        self.stamped.insert(sequence, number);
        number
    }

    fn push(&mut self, block: &[u8], content: BlockContent) -> u64 {
        if self.kept.len() == FRAMES_KEPT_MAX {
            if let Some(CachedBlock { content: BlockContent::Stamped(oldest), .. }) = self.kept.pop_front() {
                self.stamped.remove(&oldest.stamps[0].sequence);
            }
            self.base += 1;
        }
        self.kept.push_back(CachedBlock { raw: block.into(), content });
        self.base + self.kept.len() as u64 - 1
    }

    /// Returns the number of the first event after this position.
    pub fn number_after(&self, position: Position) -> u64 {
        let before = |block: &CachedBlock| block.content.position().is_none_or(|at| at <= position);
        self.base + self.kept.partition_point(before) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millchat::{Epoch, EventId};
    use millchat_oracle::{EventDigest, EventKind, Observed};
    use std::time::Duration;

    fn event(position: Position, prev: Position) -> (Vec<u8>, Event) {
        let epoch: Epoch = "5f3c9a2e".parse().unwrap();
        let event = EventDigest { author: 0, kind: EventKind::Message, content: None };
        let event = Event {
            place: EventId { epoch, position },
            observed: Observed { position, prev, event },
            due: None,
        };
        (format!("{position} after {prev}").into_bytes(), event)
    }

    #[test]
    fn the_cache_knows_an_event_only_by_its_very_bytes() {
        let mut cache = BlockCache::default();
        for (block, event) in [event(1, 0), event(5, 1), event(5, 1)] {
            cache.insert_positioned(&block, BlockContent::Event(event));
        }
        assert_eq!(cache.number_after(0), 0);
        assert_eq!(cache.number_after(1), 1);
        assert_eq!(cache.number_after(9), 2);
        assert!(cache.matching(1, &event(5, 1).0).is_some());
        assert!(cache.matching(1, &event(5, 2).0).is_none());
        assert!(cache.matching(2, &event(9, 5).0).is_none());
    }

    #[test]
    fn a_stamped_block_has_one_number_however_often_it_is_kept_and_the_cache_stays_bounded() {
        let stamped = |sequence| {
            let stamp = Stamp { run: 1, sequence, due: Duration::ZERO, stream: 0, number: sequence };
            StampedBlock { stamps: vec![stamp], place: None }
        };
        let mut cache = BlockCache::default();
        assert_eq!(cache.insert_stamped(b"a", stamped(3)), 0);
        assert_eq!(cache.insert_stamped(b"b", stamped(1)), 1);
        assert_eq!(cache.insert_stamped(b"a again", stamped(3)), 0);
        assert!(cache.matching(1, b"b").is_some());
        for sequence in 10..10_000 {
            cache.insert_stamped(b"c", stamped(sequence));
        }
        assert_eq!((cache.kept.len(), cache.stamped.len()), (FRAMES_KEPT_MAX, FRAMES_KEPT_MAX));
    }
}
