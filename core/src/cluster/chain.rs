//! The chain of the entries that count.

use std::collections::{HashSet, VecDeque};

use crate::cluster::entry::{Entry, EntryId, Seq, Term, Writer};
use crate::event::Position;

/// The newest entries of which a node knows the id: those to which an entry that comes late, and another node,
/// can be compared.
pub const MARKS_MAX: usize = 65_536;

/// A place in the journal, and the state of the cluster there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The newest entry that was read, whether or not it counts.
    pub seq: Seq,
    /// The newest entry that counts.
    pub last: EntryId,
    /// The present term; 0 before the first.
    pub term: Term,
    /// The leader.
    pub leader: Writer,
    /// The newest position of the log.
    pub head: Position,
    /// The floor of the log.
    pub floor: Position,
}

impl Mark {
    /// Returns the same, or the beginning of a journal if none of it was read: the log of a single node is the
    /// beginning of the cluster's.
    pub(crate) fn or_beginning(self, head: Position, floor: Position) -> Self {
        if self.seq == 0 { Self { head, floor, ..self } } else { self }
    }
}

/// An entry that was read, as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Its id.
    pub id: EntryId,
    /// True if it counts.
    pub counts: bool,
    /// The hash of all ids up to this one. Two nodes with the same trail have read the same.
    pub trail: EntryId,
}

/// A thing that cannot be if the journal keeps its promise. The node that sees it stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry was skipped.
    #[error("the journal went from entry {after} to {got}")]
    Skipped {
        /// The entry before.
        after: Seq,
        /// The one that came.
        got: Seq,
    },
    /// An entry is not the one that was there before.
    #[error("entry {seq} of the journal is not the one that was there before")]
    Changed {
        /// The entry.
        seq: Seq,
    },
    /// An entry continues one that this node never had.
    #[error("entry {seq} of the journal continues an entry that this node never had")]
    UnknownPrev {
        /// The entry.
        seq: Seq,
    },
    /// An entry fits, but its records do not.
    #[error("entry {seq} of the journal begins at position {first}, and the log ends at {head}")]
    WrongFirst {
        /// The entry.
        seq: Seq,
        /// The position at which it begins.
        first: Position,
        /// The newest position of the log.
        head: Position,
    },
    /// An entry of another cluster.
    #[error("entry {seq} of the journal is of another cluster")]
    OtherCluster {
        /// The entry.
        seq: Seq,
    },
    /// An entry that cannot be read.
    #[error("entry {seq} of the journal cannot be read: {why}")]
    Unreadable {
        /// The entry.
        seq: Seq,
        /// The reason.
        why: super::UnreadableEntry,
    },
}

/// The standing of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was read already.
    Known,
    /// It counts.
    Counts,
    /// It is void for all nodes.
    Void,
}

/// The chain as far as a node has read the journal.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    mark: Mark,
    /// The newest entries, those that count and those that do not; the last is that of `mark.seq`. At most
    /// [`MARKS_MAX`].
    passed: VecDeque<Passed>,
    /// The ids of those among them that count: no entry continues another.
    known: HashSet<EntryId>,
}

impl Chain {
    /// The chain at a place, with the entries up to it, oldest first.
    pub fn at(mark: Mark, passed: impl IntoIterator<Item = Passed>) -> Self {
        let passed: VecDeque<_> = passed.into_iter().collect();
        let known = passed.iter().filter(|passed| passed.counts).map(|passed| passed.id).collect();
        Self { mark, passed, known }
    }

    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Returns the newest entries, oldest first.
    pub fn passed(&self) -> impl Iterator<Item = Passed> + '_ {
        self.passed.iter().copied()
    }

    /// Returns an entry, if it is one of the newest.
    pub fn at_seq(&self, seq: Seq) -> Option<&Passed> {
        let back = usize::try_from(self.mark.seq.checked_sub(seq)?).ok()?;
        self.passed.get(self.passed.len().checked_sub(back + 1)?)
    }

    /// Returns the hash of all ids up to an entry, if it is one of the newest.
    pub fn trail(&self, seq: Seq) -> Option<EntryId> {
        self.at_seq(seq).map(|passed| passed.trail)
    }

    /// Takes the next entry of the journal.
    pub fn take(
        &mut self,
        cluster: &[u8; 16],
        seq: Seq,
        (entry, id): (&Entry, EntryId),
    ) -> Result<Standing, Broken> {
        if seq <= self.mark.seq {
            let is_same = self.at_seq(seq).is_none_or(|known| known.id == id);
            return if is_same { Ok(Standing::Known) } else { Err(Broken::Changed { seq }) };
        }
        if seq != self.mark.seq + 1 {
            return Err(Broken::Skipped { after: self.mark.seq, got: seq });
        }
        if entry.cluster != *cluster {
            return Err(Broken::OtherCluster { seq });
        }
        let fits = entry.prev == self.mark.last;
        // The beginning of the journal is known to all. One of an earlier term may be very late.
        let is_known = self.known.contains(&entry.prev) || entry.prev == EntryId::default();
        if !fits && !is_known && entry.term >= self.mark.term {
            return Err(Broken::UnknownPrev { seq });
        }
        let is_of_term = entry.term == self.mark.term && entry.writer == self.mark.leader;
        let is_next_term = entry.term == self.mark.term + 1;
        let counts = fits && (is_of_term || is_next_term);
        if counts && entry.first != self.mark.head + 1 {
            return Err(Broken::WrongFirst { seq, first: entry.first, head: self.mark.head });
        }
        let trail = id.after(self.trail(self.mark.seq).unwrap_or_default());
        self.mark.seq = seq;
        self.passed.push_back(Passed { id, counts, trail });
        if counts {
            self.known.insert(id);
        }
        if self.passed.len() > MARKS_MAX
            && let Some(oldest) = self.passed.pop_front()
            && oldest.counts
        {
            self.known.remove(&oldest.id);
        }
        if !counts {
            return Ok(Standing::Void);
        }
        let floor = self.mark.floor.max(entry.floor);
        let (term, leader, head) = (entry.term, entry.writer, entry.end() - 1);
        self.mark = Mark { seq, last: id, term, leader, head, floor };
        Ok(Standing::Counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: [u8; 16] = [7; 16];
    const ADA: Writer = Writer { node: 1, run: 1 };
    const BOB: Writer = Writer { node: 2, run: 1 };

    fn entry(writer: Writer, term: Term, prev: EntryId, first: Position) -> (Entry, EntryId) {
        let records = vec!["one".into(), "two".into()];
        let entry =
            Entry { cluster: CLUSTER, term, writer, prev, first, floor: 1, answers: Vec::new(), records };
        let (_, id) = entry.encode();
        (entry, id)
    }

    /// A chain of one entry, by Ada in term 1, and its id.
    fn chain() -> (Chain, EntryId) {
        let mut chain = Chain::at(Mark::default(), []);
        let (first, id) = entry(ADA, 1, EntryId::default(), 1);
        assert_eq!(chain.take(&CLUSTER, 1, (&first, id)), Ok(Standing::Counts));
        (chain, id)
    }

    #[test]
    fn an_entry_counts_that_continues_the_last_one_in_its_term_or_the_next() {
        for (writer, term, standing) in [
            (ADA, 1, Standing::Counts),
            (BOB, 2, Standing::Counts),
            (ADA, 2, Standing::Counts),
            (BOB, 1, Standing::Void),
            (Writer { run: 2, ..ADA }, 1, Standing::Void),
            (BOB, 3, Standing::Void),
            (ADA, 0, Standing::Void),
        ] {
            let (mut chain, id) = chain();
            let (next, next_id) = entry(writer, term, id, 3);
            assert_eq!(
                chain.take(&CLUSTER, 2, (&next, next_id)).as_ref(),
                Ok(&standing),
                "{writer:?} {term}"
            );
            let head = if standing == Standing::Counts { 4 } else { 2 };
            assert_eq!((chain.mark().seq, chain.mark().head), (2, head));
        }
    }

    #[test]
    fn an_entry_that_comes_late_or_twice_is_void() {
        let (mut chain, id) = chain();
        let (next, next_id) = entry(BOB, 2, id, 3);
        assert_eq!(chain.take(&CLUSTER, 2, (&next, next_id)), Ok(Standing::Counts));
        assert_eq!(chain.take(&CLUSTER, 3, (&next, next_id)), Ok(Standing::Void));
        let (late, late_id) = entry(ADA, 1, id, 3);
        assert_eq!(chain.take(&CLUSTER, 4, (&late, late_id)), Ok(Standing::Void));
        let (late, late_id) = entry(ADA, 1, EntryId::default(), 1);
        assert_eq!(chain.take(&CLUSTER, 5, (&late, late_id)), Ok(Standing::Void));
        assert_eq!((chain.mark().term, chain.mark().leader, chain.mark().head), (2, BOB, 4));
        assert_eq!(chain.take(&CLUSTER, 2, (&next, next_id)), Ok(Standing::Known));
    }

    #[test]
    fn a_journal_that_lies_breaks_the_chain() {
        let (mut chain, id) = chain();
        let (next, next_id) = entry(ADA, 1, id, 3);
        let taken = chain.take(&CLUSTER, 3, (&next, next_id));
        assert_eq!(taken, Err(Broken::Skipped { after: 1, got: 3 }));
        let (wrong, wrong_id) = entry(ADA, 1, id, 4);
        let taken = chain.take(&CLUSTER, 2, (&wrong, wrong_id));
        assert_eq!(taken, Err(Broken::WrongFirst { seq: 2, first: 4, head: 2 }));
        let (unknown, unknown_id) = entry(ADA, 1, EntryId([9; 16]), 3);
        assert_eq!(chain.take(&CLUSTER, 2, (&unknown, unknown_id)), Err(Broken::UnknownPrev { seq: 2 }));
        assert_eq!(chain.take(&CLUSTER, 1, (&next, next_id)), Err(Broken::Changed { seq: 1 }));
        assert_eq!(chain.take(&[8; 16], 2, (&next, next_id)), Err(Broken::OtherCluster { seq: 2 }));
        assert_eq!(chain.take(&CLUSTER, 2, (&next, next_id)), Ok(Standing::Counts), "nothing had changed");
    }

    #[test]
    fn of_the_ids_the_newest_are_known() {
        let (mut chain, id) = chain();
        let (void, void_id) = entry(BOB, 1, id, 3);
        for seq in 2..=MARKS_MAX as Seq + 1 {
            assert_eq!(chain.take(&CLUSTER, seq, (&void, void_id)), Ok(Standing::Void));
        }
        let known = |seq| chain.at_seq(seq).map(|passed| passed.id);
        assert_eq!((known(1), known(2), chain.passed().count()), (None, Some(void_id), MARKS_MAX));
        let (next, next_id) = entry(ADA, 1, id, 3);
        let newest = MARKS_MAX as Seq + 2;
        assert_eq!(chain.take(&CLUSTER, newest, (&next, next_id)), Ok(Standing::Counts), "however old it is");
        let known = |seq| chain.at_seq(seq).map(|passed| passed.id);
        assert_eq!((known(newest), known(newest + 1)), (Some(next_id), None));
    }

    #[test]
    fn no_entry_continues_one_that_is_void() {
        let (mut chain, id) = chain();
        let (void, void_id) = entry(BOB, 1, id, 3);
        assert_eq!(chain.take(&CLUSTER, 2, (&void, void_id)), Ok(Standing::Void));
        // For another node it counted.
        let (next, next_id) = entry(BOB, 2, void_id, 5);
        assert_eq!(chain.take(&CLUSTER, 3, (&next, next_id)), Err(Broken::UnknownPrev { seq: 3 }));
        let mut again = Chain::at(*chain.mark(), chain.passed());
        assert_eq!(again.take(&CLUSTER, 3, (&next, next_id)), Err(Broken::UnknownPrev { seq: 3 }));
    }

    #[test]
    fn an_entry_of_an_earlier_term_may_be_so_late_that_nobody_knows_what_it_continues() {
        let (mut chain, id) = chain();
        let (next, next_id) = entry(BOB, 2, id, 3);
        assert_eq!(chain.take(&CLUSTER, 2, (&next, next_id)), Ok(Standing::Counts));
        let (late, late_id) = entry(ADA, 1, EntryId([9; 16]), 3);
        assert_eq!(chain.take(&CLUSTER, 3, (&late, late_id)), Ok(Standing::Void));
    }

    #[test]
    fn nodes_that_once_read_another_entry_have_another_trail_for_ever() {
        let (mut one, id) = chain();
        let (mut other, _) = chain();
        let (void, void_id) = entry(BOB, 1, id, 3);
        let (other_void, other_void_id) = entry(BOB, 1, id, 1);
        assert_eq!(one.take(&CLUSTER, 2, (&void, void_id)), Ok(Standing::Void));
        assert_eq!(other.take(&CLUSTER, 2, (&other_void, other_void_id)), Ok(Standing::Void));
        let (next, next_id) = entry(BOB, 2, id, 3);
        for chain in [&mut one, &mut other] {
            assert_eq!(chain.take(&CLUSTER, 3, (&next, next_id)), Ok(Standing::Counts));
        }
        assert_eq!(one.mark(), other.mark());
        assert_ne!(one.trail(3), other.trail(3));
    }
}
