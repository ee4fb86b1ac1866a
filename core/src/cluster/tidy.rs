//! The entries that the leader lets the journal forget: those that nobody has to read any more.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cluster::entry::Seq;

/// Entries that every node has read are kept for this time: a node that starts again reads what it had not stored …
pub(super) const KEPT_MIN: Duration = Duration::from_mins(10);
/// … and those that a node has not read for this time: then it takes a copy of another node's log.
const KEPT_MAX: Duration = Duration::from_hours(1);
/// The newest entry is noted this often …
const NOTED_EVERY: Duration = Duration::from_secs(10);
/// … and the journal is told this often what it may forget.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tidy {
    /// The newest entries of each time, oldest first: one in [`NOTED_EVERY`], for [`KEPT_MAX`].
    noted: VecDeque<(Duration, Seq)>,
    told_at: Option<Duration>,
    told: Seq,
}

impl Tidy {
    /// Notes the newest entry that this node has read. Returns the number before which the journal is to forget all
    /// entries, when it is time to tell it. `slowest`: the newest entry that all other nodes have read, if all of
    /// them have told.
    pub fn pass(&mut self, now: Duration, newest: Seq, slowest: Option<Seq>, is_leader: bool) -> Option<Seq> {
        if self.noted.back().is_none_or(|(at, _)| now >= *at + NOTED_EVERY) {
            self.noted.push_back((now, newest));
        }
        // One that is as old as can be stays, to stand for all before it.
        while self.noted.get(1).is_some_and(|(at, _)| now >= *at + KEPT_MAX) {
            self.noted.pop_front();
        }
        if !is_leader || self.told_at.is_some_and(|at| now < at + TOLD_EVERY) {
            return None;
        }
        let newest_of = |age: Duration| {
            let old = self.noted.iter().rev().find(|(at, _)| now >= *at + age);
            old.map_or(0, |(_, seq)| *seq)
        };
        let read_by_all = newest_of(KEPT_MIN).min(slowest.unwrap_or(0));
        let before = newest_of(KEPT_MAX).max(read_by_all) + 1;
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
            let before = tidy.pass(now, second, slowest(second), is_leader)?;
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
    fn only_the_leader_tells_the_journal_to_forget() {
        assert_eq!(told(Some, false), []);
    }
}
