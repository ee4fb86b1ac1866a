//! The checker for chats whose events have no positions of ours: it goes by the stamps in what was said.
//!
//! Per lane a reader keeps the next number that it expects and the ones it has not seen before that. So it
//! tells what came twice, what came after its successor and, held against the [`crate::check::sent_log`] at the end,
//! what never came although the server had taken it. A chat that shows its history anew on each connection,
//! and takes no last id, is not blamed for it; one that was given a last id is.

use std::ops::Range;

use crate::check::sent_log::{Ending, Lane};
use crate::check::stamp::Stamp;

/// Highest number of a lane that is believed.
const LANES_MAX: usize = 65_536;
/// Stretches of missing messages that are kept apart in one lane; past that, they are lost.
const MISSING_MAX: usize = 1024;
/// Violations that one reader keeps; the first ones tell why.
const VIOLATIONS_MAX: usize = 8;

/// What is missing, doubled or out of order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// Taken by the server and never seen.
    pub lost: u64,
    /// Seen twice.
    pub doubled: u64,
    /// Seen after a later one of its lane.
    pub disordered: u64,
}

/// What one reader has seen.
#[derive(Debug)]
pub struct Witness {
    /// It may come in the middle: what a lane said before the first message that is seen is not missed.
    late: bool,
    lanes: Vec<View>,
    /// Different messages that it saw.
    seen: u64,
    faults: Faults,
    violations: Vec<String>,
}

/// A lane as a reader sees it.
#[derive(Debug, Default, Clone)]
struct View {
    /// The first number that can be missed; `None` until there is one.
    start: Option<u64>,
    next: u64,
    /// Below this, a message that was seen already may be shown again.
    replay: u64,
    missing: Vec<Range<u64>>,
}

impl View {
    fn has(&self, number: u64) -> bool {
        self.start.is_some_and(|start| number >= start)
            && number < self.next
            && !self.missing.iter().any(|range| range.contains(&number))
    }

    /// Takes a number off the missing ones; says whether it was one.
    fn found(&mut self, number: u64) -> bool {
        let Some(index) = self.missing.iter().position(|range| range.contains(&number)) else { return false };
        let range = self.missing.swap_remove(index);
        for rest in [range.start..number, number + 1..range.end] {
            if !rest.is_empty() {
                self.missing.push(rest);
            }
        }
        true
    }
}

impl Witness {
    /// A reader that has seen nothing. `late`: it may join after the first message.
    pub fn new(late: bool) -> Self {
        Self { late, lanes: Vec::new(), seen: 0, faults: Faults::default(), violations: Vec::new() }
    }

    /// A connection begins that was given no last id: what was seen before may be shown again.
    pub fn begins_without_id(&mut self) {
        for view in &mut self.lanes {
            view.replay = view.next;
        }
    }

    /// A message was seen; says whether it had not been seen before.
    pub fn saw(&mut self, stamp: &Stamp) -> bool {
        let (number, index) = (stamp.number, stamp.lane as usize);
        if index >= LANES_MAX {
            return false;
        }
        if self.lanes.len() <= index {
            self.lanes.resize(index + 1, View::default());
        }
        let view = &mut self.lanes[index];
        let late = self.late;
        let start = *view.start.get_or_insert_with(|| {
            view.next = if late { number } else { 0 };
            view.next
        });
        let fault = if number >= view.next {
            if number > view.next && view.missing.len() < MISSING_MAX {
                view.missing.push(view.next..number);
            }
            view.next = number + 1;
            None
        } else if number < start || view.found(number) {
            (number >= view.replay).then_some("came after a later one")
        } else if number >= view.replay {
            self.faults.doubled += 1;
            self.violation(stamp, "came twice");
            return false;
        } else {
            return false;
        };
        self.seen += 1;
        if let Some(what) = fault {
            self.faults.disordered += 1;
            self.violation(stamp, what);
        }
        true
    }

    /// Something else is wrong with what it was sent.
    pub fn objects(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    fn violation(&mut self, stamp: &Stamp, what: &str) {
        let Stamp { sequence, lane, number, .. } = stamp;
        self.objects(format!("message {sequence} (number {number} of lane {lane}) {what}"));
    }

    /// Whether it has seen all that the server took, so that nothing is to be waited for.
    pub fn has_all(&self, lanes: &[std::sync::Arc<Lane>]) -> bool {
        lanes.iter().all(|lane| self.lost(lane).is_empty())
    }

    /// The messages of a lane that the server took and that were not seen.
    fn lost(&self, lane: &Lane) -> Vec<u64> {
        let unseen = View::default();
        let view = self.lanes.get(lane.number as usize).unwrap_or(&unseen);
        if view.start.is_none() && self.late {
            return Vec::new();
        }
        lane.endings(|endings| {
            let tail = view.next..endings.len() as u64;
            let taken = |&number: &u64| {
                usize::try_from(number).ok().and_then(|index| endings.get(index))
                    == Some(&Ending::Acknowledged)
            };
            view.missing.iter().cloned().chain([tail]).flatten().filter(taken).collect()
        })
    }

    /// All is over: what is wrong, in numbers and in words.
    pub fn judge(&self, lanes: &[std::sync::Arc<Lane>]) -> (Faults, Vec<String>) {
        let (mut faults, mut violations) = (self.faults, self.violations.clone());
        for lane in lanes {
            let lost = self.lost(lane);
            faults.lost += lost.len() as u64;
            if let (Some(first), Some(last)) = (lost.iter().min(), lost.iter().max()) {
                let (name, count) = (&lane.name, lost.len());
                violations.push(format!(
                    "{count} acknowledged never came: numbers {first} to {last} of lane {name}"
                ));
            }
            let view = self.lanes.get(lane.number as usize);
            let refused = |&(number, ending): &(u64, &Ending)| {
                *ending == Ending::Rejected && view.is_some_and(|view| view.has(number))
            };
            lane.endings(|endings| {
                for (number, _) in (0..).zip(endings).filter(refused) {
                    violations.push(format!("number {number} of lane {} was refused, and came", lane.name));
                }
            });
        }
        violations.truncate(VIOLATIONS_MAX);
        (faults, violations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sent_log::Ledger;
    use std::time::Duration;

    fn stamp(number: u64) -> Stamp {
        Stamp { run: 1, sequence: number, due: Duration::ZERO, lane: 0, number }
    }

    /// What a reader that saw these numbers is found to have, of five that were taken.
    fn judged(comes_late: bool, numbers: &[u64]) -> Faults {
        let ledger = Ledger::new(1);
        let lane = ledger.lane(0, "1.1");
        for _ in 0..5 {
            lane.begin();
            lane.end(Ending::Acknowledged);
        }
        let mut witness = Witness::new(comes_late);
        for &number in numbers {
            witness.saw(&stamp(number));
        }
        let (faults, violations) = witness.judge(&ledger.lanes(0));
        assert_eq!(violations.is_empty(), faults == Faults::default(), "{violations:?}");
        assert_eq!(witness.has_all(&ledger.lanes(0)), faults.lost == 0);
        faults
    }

    #[test]
    fn loss_doubles_and_order_are_told_apart() {
        let none = Faults::default();
        assert_eq!(judged(false, &[0, 1, 2, 3, 4]), none);
        assert_eq!(judged(false, &[0, 1, 3, 4]), Faults { lost: 1, ..none });
        assert_eq!(judged(false, &[0, 1, 2, 3]), Faults { lost: 1, ..none });
        assert_eq!(judged(false, &[]), Faults { lost: 5, ..none });
        assert_eq!(judged(false, &[0, 1, 1, 2, 3, 4]), Faults { doubled: 1, ..none });
        assert_eq!(judged(false, &[0, 2, 1, 3, 4]), Faults { disordered: 1, ..none });
    }

    #[test]
    fn who_comes_late_misses_nothing_before_its_first_message_and_everything_after() {
        assert_eq!(judged(true, &[3, 4]), Faults::default());
        assert_eq!(judged(true, &[2, 4]).lost, 1);
        assert_eq!(judged(true, &[]), Faults::default());
    }

    #[test]
    fn a_history_that_is_shown_anew_is_no_double_unless_a_last_id_was_given() {
        for (replayed, doubled) in [(true, 0), (false, 2)] {
            let mut witness = Witness::new(false);
            assert!(witness.saw(&stamp(0)) && witness.saw(&stamp(1)));
            if replayed {
                witness.begins_without_id();
            }
            assert!(!witness.saw(&stamp(0)) && !witness.saw(&stamp(1)));
            assert!(witness.saw(&stamp(2)));
            assert_eq!(witness.judge(&[]).0.doubled, doubled);
        }
    }

    #[test]
    fn a_message_that_was_refused_must_not_come() {
        let ledger = Ledger::new(1);
        let lane = ledger.lane(0, "1.1");
        lane.begin();
        lane.end(Ending::Rejected);
        let mut witness = Witness::new(false);
        assert!(witness.judge(&ledger.lanes(0)).1.is_empty());
        witness.saw(&stamp(0));
        assert_eq!(witness.judge(&ledger.lanes(0)).1.len(), 1);
    }
}
