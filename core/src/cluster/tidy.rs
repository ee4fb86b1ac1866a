//! The entries that the leader lets the journal forget: those that nobody has to read any more.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cluster::entry::Seq;

/// Entries that every node has read are kept for this time: a node that starts again reads what it had not stored …
pub(super) const KEPT_MIN: Duration = Duration::from_mins(10);
/// … and those that a node has not read for this time: then it takes a copy of another node's log.
const KEPT_MAX: Duration = Duration::from_hours(1);
/// Beyond so many bytes, those go that every node has read, however young they are: the journal has an end …
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// … and beyond so many, those go too that a node has not read.
const BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The newest entry is noted this often …
const NOTED_EVERY: Duration = Duration::from_secs(10);
/// … and after so many bytes.
const NOTED_BYTES: u64 = 8 * 1024 * 1024;
/// The journal is told this often what it may forget …
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// … and at most so often when it fills up.
const TOLD_EVERY_FULL: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tidy {
    /// The newest entries of each time, oldest first: when, which, and the bytes of all up to it. One in
    /// [`NOTED_EVERY`] for [`KEPT_MAX`], and one in [`NOTED_BYTES`] for [`BYTES_MAX`].
    noted: VecDeque<(Duration, Seq, u64)>,
    told_at: Option<Duration>,
    told: Seq,
}

impl Tidy {
    /// Notes the newest entry that this node has read, and the bytes of all that it has. Returns the number before which the journal is to forget all
    /// entries, when it is time to tell it. `slowest`: the newest entry that all other nodes have read, if all of
    /// them have told.
    pub fn pass(
        &mut self,
        now: Duration,
        (newest, bytes): (Seq, u64),
        slowest: Option<Seq>,
        is_leader: bool,
    ) -> Option<Seq> {
        let is_next =
            |(at, _, up_to): &(Duration, Seq, u64)| now >= *at + NOTED_EVERY || bytes >= *up_to + NOTED_BYTES;
        if self.noted.back().is_none_or(is_next) {
            self.noted.push_back((now, newest, bytes));
        }
        // One that is as old as can be stays, to stand for all before it.
        let is_old =
            |(at, _, up_to): &(Duration, Seq, u64)| now >= *at + KEPT_MAX || bytes >= *up_to + BYTES_MAX;
        while self.noted.get(1).is_some_and(is_old) {
            self.noted.pop_front();
        }
        let newest_of = |age: Duration, more: u64| {
            let is_old =
                |noted: &&(Duration, Seq, u64)| now >= noted.0.saturating_add(age) || bytes >= noted.2 + more;
            self.noted.iter().rev().find(is_old).map_or(0, |(_, seq, _)| *seq)
        };
        let is_full = newest_of(Duration::MAX, READ_BYTES_MAX) >= self.told.max(1);
        let pause = if is_full { TOLD_EVERY_FULL } else { TOLD_EVERY };
        if !is_leader || self.told_at.is_some_and(|at| now < at + pause) {
            return None;
        }
        let read_by_all = newest_of(KEPT_MIN, READ_BYTES_MAX).min(slowest.unwrap_or(0));
        let before = newest_of(KEPT_MAX, BYTES_MAX).max(read_by_all) + 1;
        if before <= self.told.max(1) {
            return None;
        }
        (self.told_at, self.told) = (Some(now), before);
        Some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets an hour and more pass, an entry a second; returns what the journal was told, and when.
    fn told(slowest: impl Fn(Seq) -> Option<Seq>, is_leader: bool) -> Vec<(Duration, Seq)> {
        let mut tidy = Tidy::default();
        let seconds = KEPT_MAX.as_secs() + KEPT_MIN.as_secs();
        let passed = (1..=seconds).filter_map(|second| {
            let now = Duration::from_secs(second);
            let before = tidy.pass(now, (second, second), slowest(second), is_leader)?;
            assert!(tidy.noted.len() as u64 <= 2 + KEPT_MAX.as_secs() / NOTED_EVERY.as_secs());
            Some((now, before))
        });
        passed.collect()
    }

    #[test]
    fn entries_that_all_have_read_are_forgotten_after_ten_minutes() {
        let told = told(Some, true);
        for (now, before) in &told {
            let age = now.as_secs() + 1 - before;
            assert!(age >= KEPT_MIN.as_secs(), "an entry of {age} s is forgotten");
            assert!(age <= KEPT_MIN.as_secs() + NOTED_EVERY.as_secs(), "one of {age} s is not");
        }
        let each = told.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0));
        assert!(each.min().unwrap() >= TOLD_EVERY && told.len() > 50, "once a minute: {told:?}");
    }

    #[test]
    fn entries_that_a_node_has_not_read_are_kept_for_an_hour() {
        for slowest in [|_: Seq| Some(30), |_| None] {
            let told = told(slowest, true);
            let (_, first) = told[0];
            assert!(first <= 31, "what the slow node has read: {told:?}");
            for (now, before) in told.iter().filter(|(_, before)| *before > 31) {
                assert!(now.as_secs() + 1 - before >= KEPT_MAX.as_secs(), "{told:?}");
            }
            assert!(told.len() > 5);
        }
    }

    #[test]
    fn a_journal_that_fills_up_forgets_at_once_what_all_have_read_and_later_what_they_have_not() {
        const MIB: u64 = 1024 * 1024;
        let entries = |slowest: fn(Seq) -> Option<Seq>| {
            let (mut tidy, mut kept_max, mut from) = (Tidy::default(), 0, 1);
            // 20 MiB a second for two minutes, in entries of half a MiB.
            for seq in 1..=40 * 120 {
                let now = Duration::from_millis(25 * seq);
                if let Some(before) = tidy.pass(now, (seq, seq * MIB / 2), slowest(seq), true) {
                    from = before;
                }
                kept_max = kept_max.max((seq + 1 - from) / 2);
                assert!(tidy.noted.len() as u64 <= 3 + BYTES_MAX / NOTED_BYTES);
            }
            kept_max
        };
        let room_mib = (NOTED_BYTES + 21 * MIB) / MIB;
        assert!(entries(Some) <= READ_BYTES_MAX / MIB + room_mib, "{}", entries(Some));
        let most = entries(|_| Some(7));
        assert!(most > READ_BYTES_MAX / MIB + room_mib && most <= BYTES_MAX / MIB + room_mib, "{most}");
    }

    #[test]
    fn only_the_leader_tells_the_journal_to_forget() {
        assert_eq!(told(Some, false), []);
    }
}
