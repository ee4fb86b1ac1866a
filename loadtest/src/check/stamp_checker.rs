//! The checker for chats whose events have no positions of ours: it compares the stamps in the messages.
//!
//! For each ordered stream, a reader keeps the next number that it expects, and the numbers that are missing
//! before it. So the checker finds what came twice and what came after its successor. At the end it compares
//! with the [`crate::check::sent_log`], and finds what never came although the server had acknowledged it. A
//! chat that shows its history again on each connection, and takes no last id, is not charged for it; one
//! that was given a last id is.

use std::ops::Range;

use crate::check::sent_log::{OrderedStream, SendStatus};
use crate::check::stamp::Stamp;

/// Highest number of an ordered stream that is accepted.
const STREAMS_MAX: usize = 65_536;
/// Ranges of missing messages that are kept apart in one ordered stream; beyond that, they are lost.
const MISSING_MAX: usize = 1024;
/// Violations that one reader keeps; the first ones tell why.
const VIOLATIONS_MAX: usize = 8;

/// The numbers of lost, duplicated and reordered messages.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// Acknowledged by the server and never received.
    pub lost: u64,
    /// Received twice.
    pub doubled: u64,
    /// Received after a later message of the same ordered stream.
    pub disordered: u64,
}

/// The messages that one reader has received, by ordered stream.
#[derive(Debug)]
pub struct StampChecker {
    /// Set when it may join after the first message: messages before the first that it receives are not
    /// missing.
    late: bool,
    streams: Vec<StreamView>,
    /// The number of different messages that it received.
    seen: u64,
    faults: Faults,
    violations: Vec<String>,
}

/// An ordered stream as one reader received it.
#[derive(Debug, Default, Clone)]
struct StreamView {
    /// The first number that can be missed; `None` until there is one.
    start: Option<u64>,
    next: u64,
    /// Below this number, a message may be shown again.
    replay: u64,
    missing: Vec<Range<u64>>,
}

impl StreamView {
    fn has(&self, number: u64) -> bool {
        self.start.is_some_and(|start| number >= start)
            && number < self.next
            && !self.missing.iter().any(|range| range.contains(&number))
    }

    /// Removes a number from the missing ones; returns true if it was one.
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

impl StampChecker {
    /// Creates a checker that has received nothing. `late` means that the reader may join after the first
    /// message.
    pub fn new(late: bool) -> Self {
        Self { late, streams: Vec::new(), seen: 0, faults: Faults::default(), violations: Vec::new() }
    }

    /// Begins a connection without a last id: what was received before may be shown again.
    pub fn expect_replay(&mut self) {
        for view in &mut self.streams {
            view.replay = view.next;
        }
    }

    /// Records a message; returns true if it is new.
    pub fn observe(&mut self, stamp: &Stamp) -> bool {
        let (number, index) = (stamp.number, stamp.stream as usize);
        if index >= STREAMS_MAX {
            return false;
        }
        if self.streams.len() <= index {
            self.streams.resize(index + 1, StreamView::default());
        }
        let view = &mut self.streams[index];
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
            self.add_stamp_violation(stamp, "came twice");
            return false;
        } else {
            return false;
        };
        self.seen += 1;
        if let Some(what) = fault {
            self.faults.disordered += 1;
            self.add_stamp_violation(stamp, what);
        }
        true
    }

    /// Adds another violation.
    pub fn add_violation(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    fn add_stamp_violation(&mut self, stamp: &Stamp, what: &str) {
        let Stamp { sequence, stream, number, .. } = stamp;
        self.add_violation(format!("message {sequence} (number {number} of stream {stream}) {what}"));
    }

    /// Returns true if the reader has everything that the server acknowledged.
    pub fn has_all(&self, streams: &[std::sync::Arc<OrderedStream>]) -> bool {
        streams.iter().all(|stream| self.lost(stream).is_empty())
    }

    /// Returns the messages of an ordered stream that the server acknowledged and that were not received.
    fn lost(&self, stream: &OrderedStream) -> Vec<u64> {
        let unseen = StreamView::default();
        let view = self.streams.get(stream.number as usize).unwrap_or(&unseen);
        if view.start.is_none() && self.late {
            return Vec::new();
        }
        stream.statuses(|statuses| {
            let tail = view.next..statuses.len() as u64;
            let taken = |&number: &u64| {
                usize::try_from(number).ok().and_then(|index| statuses.get(index))
                    == Some(&SendStatus::Acknowledged)
            };
            view.missing.iter().cloned().chain([tail]).flatten().filter(taken).collect()
        })
    }

    /// Evaluates the reader at the end of the run: its faults, and the violations in words.
    pub fn check(&self, streams: &[std::sync::Arc<OrderedStream>]) -> (Faults, Vec<String>) {
        let (mut faults, mut violations) = (self.faults, self.violations.clone());
        for stream in streams {
            let lost = self.lost(stream);
            faults.lost += lost.len() as u64;
            if let (Some(first), Some(last)) = (lost.iter().min(), lost.iter().max()) {
                let (name, count) = (&stream.name, lost.len());
                violations.push(format!(
                    "{count} acknowledged never came: numbers {first} to {last} of stream {name}"
                ));
            }
            let view = self.streams.get(stream.number as usize);
            let refused = |&(number, status): &(u64, &SendStatus)| {
                *status == SendStatus::Rejected && view.is_some_and(|view| view.has(number))
            };
            stream.statuses(|statuses| {
                for (number, _) in (0..).zip(statuses).filter(refused) {
                    violations
                        .push(format!("number {number} of stream {} was refused, and came", stream.name));
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
    use crate::check::sent_log::SentLog;
    use std::time::Duration;

    fn stamp(number: u64) -> Stamp {
        Stamp { run: 1, sequence: number, due: Duration::ZERO, stream: 0, number }
    }

    /// Returns the faults of a reader that received these numbers, of five that were acknowledged.
    fn checked(comes_late: bool, numbers: &[u64]) -> Faults {
        let sent_log = SentLog::new(1);
        let stream = sent_log.add_stream(0, "1.1");
        for _ in 0..5 {
            stream.begin();
            stream.end(SendStatus::Acknowledged);
        }
        let mut checker = StampChecker::new(comes_late);
        for &number in numbers {
            checker.observe(&stamp(number));
        }
        let (faults, violations) = checker.check(&sent_log.streams(0));
        assert_eq!(violations.is_empty(), faults == Faults::default(), "{violations:?}");
        assert_eq!(checker.has_all(&sent_log.streams(0)), faults.lost == 0);
        faults
    }

    #[test]
    fn loss_doubles_and_order_are_told_apart() {
        let none = Faults::default();
        assert_eq!(checked(false, &[0, 1, 2, 3, 4]), none);
        assert_eq!(checked(false, &[0, 1, 3, 4]), Faults { lost: 1, ..none });
        assert_eq!(checked(false, &[0, 1, 2, 3]), Faults { lost: 1, ..none });
        assert_eq!(checked(false, &[]), Faults { lost: 5, ..none });
        assert_eq!(checked(false, &[0, 1, 1, 2, 3, 4]), Faults { doubled: 1, ..none });
        assert_eq!(checked(false, &[0, 2, 1, 3, 4]), Faults { disordered: 1, ..none });
    }

    #[test]
    fn who_comes_late_misses_nothing_before_its_first_message_and_everything_after() {
        assert_eq!(checked(true, &[3, 4]), Faults::default());
        assert_eq!(checked(true, &[2, 4]).lost, 1);
        assert_eq!(checked(true, &[]), Faults::default());
    }

    #[test]
    fn a_history_that_is_shown_again_is_no_double_unless_a_last_id_was_given() {
        for (replayed, doubled) in [(true, 0), (false, 2)] {
            let mut checker = StampChecker::new(false);
            assert!(checker.observe(&stamp(0)) && checker.observe(&stamp(1)));
            if replayed {
                checker.expect_replay();
            }
            assert!(!checker.observe(&stamp(0)) && !checker.observe(&stamp(1)));
            assert!(checker.observe(&stamp(2)));
            assert_eq!(checker.check(&[]).0.doubled, doubled);
        }
    }

    #[test]
    fn a_message_that_was_refused_must_not_come() {
        let sent_log = SentLog::new(1);
        let stream = sent_log.add_stream(0, "1.1");
        stream.begin();
        stream.end(SendStatus::Rejected);
        let mut checker = StampChecker::new(false);
        assert!(checker.check(&sent_log.streams(0)).1.is_empty());
        checker.observe(&stamp(0));
        assert_eq!(checker.check(&sent_log.streams(0)).1.len(), 1);
    }
}
