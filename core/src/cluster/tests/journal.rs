//! A journal in memory that does what engines do, and, if it is told to, what they must not do.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::cluster::entry::Seq;

/// The entries are numbered from 1; those before `oldest` are forgotten.
pub struct MemoryJournal {
    /// Each with the time at which it was made.
    entries: Vec<(u64, Bytes)>,
    oldest: Seq,
    rng: StdRng,
}

/// The answer to a node that reads on.
pub enum Read {
    Entry(Seq, u64, Bytes),
    Missing,
    End,
}

/// A breach of what an engine promises.
#[derive(Debug, Clone, Copy)]
pub enum Lie {
    /// The newest entries are gone, and others get their numbers.
    GoBack,
    /// An entry is not there any more, and all after it moved.
    Lose,
    /// Two neighbours changed places.
    Exchange,
    /// A bit of an entry is another one.
    Flip,
    /// An entry is there a second time, in the place of the next.
    Overwrite,
}

impl MemoryJournal {
    pub fn new(seed: u64) -> Self {
        Self { entries: Vec::new(), oldest: 1, rng: StdRng::seed_from_u64(seed) }
    }

    pub fn newest(&self) -> Seq {
        self.entries.len() as Seq
    }

    /// Stores an entry behind `after`, or at the end whatever is there: the safety of the protocol does not
    /// rest on the comparison.
    pub fn append(&mut self, now_ms: u64, after: Seq, bytes: Bytes, compares: bool) -> bool {
        let is_stored = !compares || after == self.newest();
        if is_stored {
            self.entries.push((now_ms, bytes));
        }
        is_stored
    }

    pub fn read(&self, after: Seq) -> Read {
        if after >= self.newest() {
            Read::End
        } else if after + 1 < self.oldest {
            Read::Missing
        } else {
            let (made_ms, bytes) = self.entries[after as usize].clone();
            Read::Entry(after + 1, made_ms, bytes)
        }
    }

    pub fn forget(&mut self, before: Seq) {
        self.oldest = self.oldest.max(before);
    }

    pub fn lie(&mut self, lie: Lie) {
        let recent = self.entries.len().saturating_sub(8);
        if self.entries.len() < recent + 2 {
            return;
        }
        let at = self.rng.random_range(recent..self.entries.len() - 1);
        match lie {
            Lie::GoBack => self.entries.truncate(at + 1),
            Lie::Lose => drop(self.entries.remove(at)),
            Lie::Exchange => self.entries.swap(at, at + 1),
            Lie::Overwrite => self.entries[at + 1] = self.entries[at].clone(),
            Lie::Flip => {
                let mut bytes = self.entries[at].1.to_vec();
                let bit = self.rng.random_range(0..bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                self.entries[at].1 = bytes.into();
            }
        }
    }
}
