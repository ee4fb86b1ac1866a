//! The entries of the journal whose text is gone from the logs, and is to go from the journal too.
//!
//! A node that has not read such an entry has to, and so has one whose disk had not got it before a crash: so it is
//! erased when all nodes have applied it for a while. A node that stays away is waited for up to [`KEPT_MIN`]; then it
//! takes a copy of another node's log.
//!
//! All nodes remember what is to be erased, each from what it has read and applied itself. An entry of the present term
//! is left to the leader, which has read it in this run. One of an earlier term every node erases that knows it: the
//! leader may have started again since, and know nothing of it. To erase an entry twice is harmless.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::cluster::chain::Mark;
use crate::cluster::entry::{Seq, Writer};
use crate::cluster::tidy::KEPT_MIN;
use crate::event::Position;

/// Most entries of which a node remembers the positions: an hour with 290 of them in each second.
const HELD_MAX: usize = 1 << 20;
/// Most entries that wait: more than can be erased while the journal keeps them. The oldest of more leave it with
/// their age.
const PENDING_MAX: usize = 16_384;
/// A node erases at most one entry in this time …
const ERASE_EVERY: Duration = Duration::from_millis(50);
/// … and waits this long after the journal has refused.
const ERASE_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A node that has applied an entry has it on its disk after this time: longer than a log puts it off.
const ON_DISK_AFTER: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(crate) struct Erasing {
    /// The entries with records that this run has read and the journal may still have, with the position of their
    /// first record. Without a gap: what is not in the next one is in this one. At most [`HELD_MAX`].
    held: VecDeque<(Position, Seq)>,
    /// The entries to erase, and since when. At most [`PENDING_MAX`].
    pending: BTreeMap<Seq, Duration>,
    /// The newest entry that this node has applied.
    applied: Seq,
    leader: Writer,
    /// The entry with which the present term began, or the first of this run.
    term_began: Seq,
    under_way: Option<Seq>,
    not_before: Duration,
    /// When it was last noted what all nodes have applied, and what.
    applied_by_all: (Duration, Seq),
    /// The newest entry that all of them have on their disks.
    on_all_disks: Seq,
}

impl Erasing {
    /// Nothing is to be erased, as far as a node knows at its start.
    pub fn new(mark: &Mark) -> Self {
        Self {
            held: VecDeque::new(),
            pending: BTreeMap::new(),
            applied: mark.seq,
            leader: mark.leader,
            term_began: mark.seq + 1,
            under_way: None,
            not_before: Duration::ZERO,
            applied_by_all: (Duration::ZERO, 0),
            on_all_disks: 0,
        }
    }

    /// This node has read an entry that counts, with so many records from a position on. `mark` is the place behind
    /// it.
    pub fn read(&mut self, mark: &Mark, first: Position, records: usize) {
        if mark.leader != self.leader {
            (self.leader, self.term_began) = (mark.leader, mark.seq);
        }
        if records > 0 {
            self.held.push_back((first, mark.seq));
        }
        if self.held.len() > HELD_MAX {
            self.held.pop_front();
        }
    }

    /// This node has read an entry that is void: its text is in no log.
    pub fn read_void(&mut self, now: Duration, seq: Seq) {
        self.add(now, seq);
    }

    /// This node has applied the entries up to this one.
    pub fn applied(&mut self, seq: Seq) {
        self.applied = self.applied.max(seq);
    }

    /// The log of this node has taken the texts out of these records.
    pub fn redacted(&mut self, now: Duration, positions: &[Position]) {
        for position in positions {
            let after = self.held.partition_point(|(first, _)| first <= position);
            if let Some((_, seq)) = after.checked_sub(1).and_then(|nth| self.held.get(nth)) {
                self.add(now, *seq);
            }
        }
    }

    /// The oldest entry of the journal is this one.
    pub fn begins_at(&mut self, oldest: Seq) {
        let gone = self.held.partition_point(|(_, seq)| *seq < oldest);
        self.held.drain(..gone);
        self.pending = self.pending.split_off(&oldest);
    }

    /// Returns the entry that this node is to erase now; call [`Erasing::erased`] then. `slowest`: the newest entry
    /// that all other nodes have applied, if all of them have told.
    pub fn next(&mut self, now: Duration, slowest: Option<Seq>, is_leader: bool) -> Option<Seq> {
        let (noted_at, before) = self.applied_by_all;
        if now >= noted_at + ON_DISK_AFTER {
            let by_all = self.applied.min(slowest.unwrap_or(0));
            // One that has started again since may have lost some.
            self.on_all_disks = before.min(by_all);
            self.applied_by_all = (now, by_all);
        }
        if self.under_way.is_some() || now < self.not_before {
            return None;
        }
        let (here, stored) = (self.applied, self.on_all_disks);
        let is_due = |seq: Seq, since: Duration| seq <= stored || (seq <= here && now >= since + KEPT_MIN);
        let mut mine = self.mine(is_leader);
        let due = mine.find(|(seq, since)| is_due(**seq, **since)).map(|(seq, _)| *seq);
        drop(mine);
        self.under_way = due;
        due
    }

    /// The erasing of the entry that was to be erased has ended.
    pub fn erased(&mut self, now: Duration, is_done: bool) {
        let Some(seq) = self.under_way.take() else { return };
        if is_done {
            self.pending.remove(&seq);
        }
        self.not_before = now + if is_done { ERASE_EVERY } else { ERASE_AGAIN_AFTER };
    }

    /// Counts the entries that this node is to erase.
    pub fn count(&self, is_leader: bool) -> usize {
        if is_leader { self.pending.len() } else { self.mine(false).count() }
    }

    fn mine(&self, is_leader: bool) -> impl Iterator<Item = (&Seq, &Duration)> {
        let before = if is_leader { Seq::MAX } else { self.term_began };
        self.pending.range(..before)
    }

    fn add(&mut self, now: Duration, seq: Seq) {
        self.pending.entry(seq).or_insert(now);
        if self.pending.len() > PENDING_MAX {
            self.pending.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Writer = Writer { node: 1, run: 1 };
    const BOB: Writer = Writer { node: 2, run: 1 };

    /// A node that has applied three entries of a leader, 11 to 13, with two records each from position 101 on.
    fn erasing() -> Erasing {
        let mut erasing = Erasing::new(&Mark { seq: 10, leader: ADA, ..Mark::default() });
        for (seq, first) in [(11, 101), (12, 103), (13, 105)] {
            erasing.read(&Mark { seq, leader: ADA, ..Mark::default() }, first, 2);
        }
        erasing.applied(13);
        erasing
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Lets the others have applied the entries up to this one for a while, at a time.
    fn wait(erasing: &mut Erasing, now: Duration, slowest: Option<Seq>) {
        for ago in [2, 1, 0] {
            erasing.not_before = Duration::MAX;
            erasing.next(now.saturating_sub(ON_DISK_AFTER * ago), slowest, false);
            erasing.not_before = Duration::ZERO;
        }
    }

    /// All that is to be erased within a while from a time on.
    fn all(erasing: &mut Erasing, from: Duration, slowest: Option<Seq>, is_leader: bool) -> Vec<Seq> {
        wait(erasing, from, slowest);
        let mut all = Vec::new();
        for step in 0..20 {
            let now = from + ERASE_EVERY * step;
            all.extend(erasing.next(now, slowest, is_leader));
            erasing.erased(now, true);
        }
        all
    }

    #[test]
    fn the_entry_of_a_position_is_the_one_that_has_its_record() {
        for (position, entry) in [(101, 11), (102, 11), (103, 12), (104, 12), (105, 13), (106, 13)] {
            let mut erasing = erasing();
            erasing.redacted(at(10), &[position]);
            assert_eq!(all(&mut erasing, at(10), Some(13), true), [entry], "{position}");
        }
        let mut erasing = erasing();
        erasing.redacted(at(10), &[100, 103, 104]);
        assert_eq!(all(&mut erasing, at(10), Some(13), true), [12], "once; the other was before this run");
        assert_eq!(erasing.count(true), 0);
    }

    #[test]
    fn an_entry_is_erased_when_all_nodes_have_applied_it_or_after_ten_minutes() {
        let mut erasing = erasing();
        erasing.redacted(at(10), &[104]);
        erasing.read_void(at(10), 14);
        for slowest in [None, Some(11)] {
            assert_eq!(all(&mut erasing, at(605), slowest, true), [], "{slowest:?}");
        }
        assert_eq!(all(&mut erasing, at(611), Some(11), true), [12], "it is waited for no longer");
        assert_eq!(all(&mut erasing, at(611), Some(14), true), [], "this node has not applied it");
        erasing.applied(14);
        assert_eq!(all(&mut erasing, at(611), Some(14), true), [14]);
    }

    #[test]
    fn what_an_earlier_leader_may_have_left_is_erased_by_all_and_the_rest_by_the_leader() {
        let mut erasing = erasing();
        erasing.redacted(at(10), &[104]);
        assert_eq!((all(&mut erasing, at(10), Some(13), false), erasing.count(false)), (vec![], 0));
        erasing.read(&Mark { seq: 14, leader: BOB, ..Mark::default() }, 107, 1);
        erasing.applied(14);
        erasing.redacted(at(20), &[107]);
        assert_eq!(erasing.count(false), 1);
        assert_eq!(all(&mut erasing, at(20), Some(14), false), [12]);
        assert_eq!(all(&mut erasing, at(20), Some(14), true), [14]);
    }

    #[test]
    fn an_entry_that_the_journal_did_not_erase_is_tried_again_after_a_pause() {
        let mut erasing = erasing();
        erasing.redacted(at(10), &[104]);
        wait(&mut erasing, at(10), Some(13));
        assert_eq!(erasing.next(at(10), Some(13), true), Some(12));
        assert_eq!(erasing.next(at(19), Some(13), true), None, "one at a time");
        erasing.erased(at(19), false);
        assert_eq!(erasing.next(at(19) + ERASE_EVERY, Some(13), true), None);
        assert_eq!(erasing.next(at(20), Some(13), true), Some(12));
        erasing.erased(at(20), true);
        assert_eq!(erasing.count(true), 0);
    }

    #[test]
    fn at_most_twenty_entries_are_erased_in_a_second() {
        let mut erasing = erasing();
        (1..=13).for_each(|seq| erasing.read_void(at(10), seq));
        wait(&mut erasing, at(10), Some(13));
        let erased = (0..500).filter(|ms| {
            let next = erasing.next(at(10) + Duration::from_millis(*ms), Some(13), true);
            erasing.erased(at(10) + Duration::from_millis(*ms), true);
            next.is_some()
        });
        assert_eq!(erased.count(), 10);
    }

    #[test]
    fn an_entry_is_not_erased_before_the_disks_of_all_that_have_applied_it_have_it() {
        let mut erasing = erasing();
        erasing.redacted(at(10), &[101, 103]);
        assert_eq!(erasing.next(at(10), Some(11), true), None);
        let almost = Duration::from_millis(11_999);
        assert_eq!(erasing.next(almost, Some(13), true), None, "they may lose it yet");
        assert_eq!(erasing.next(at(10) + ON_DISK_AFTER, Some(13), true), Some(11));
        erasing.erased(at(12), true);
        assert_eq!(erasing.next(at(13), Some(13), true), None, "this one they applied later");
        assert_eq!(erasing.next(at(14), Some(10), true), None, "one of them has lost it");
        assert_eq!(erasing.next(at(16), Some(13), true), None);
        assert_eq!(erasing.next(at(18), Some(13), true), Some(12));
    }

    #[test]
    fn what_the_journal_has_no_more_is_forgotten_and_what_a_node_remembers_is_bounded() {
        let mut erasing = erasing();
        erasing.redacted(at(10), &[101, 106]);
        erasing.begins_at(13);
        assert_eq!((erasing.held.len(), erasing.count(true)), (1, 1));
        for seq in 14..14 + HELD_MAX as Seq {
            erasing.read(&Mark { seq, leader: ADA, ..Mark::default() }, 93 + seq, 1);
            erasing.read_void(at(10), seq);
        }
        assert_eq!((erasing.held.len(), erasing.count(true)), (HELD_MAX, PENDING_MAX));
    }
}
