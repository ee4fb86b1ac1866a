//! Compares this machine's clock with that of the journal's engine, by which all nodes measure the age of entries.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cluster::journal::CLOCKS_APART_MAX;

/// Comparisons count for this time …
const COUNTED_FOR: Duration = Duration::from_secs(10);
/// … and decide together, from this number on: one alone may have waited for the machine.
const DECISIVE: usize = 3;
/// Most of them that are kept.
const KEPT_MAX: usize = 64;

/// The last comparisons: each is of an entry that was read as soon as it was there.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// When it was read, and by how many milliseconds this clock was ahead of the entry.
    ahead: VecDeque<(Duration, i64)>,
}

impl Clock {
    /// Compares the clocks at an entry.
    pub fn compare(&mut self, now: Duration, ahead_ms: i64) {
        if self.ahead.len() == KEPT_MAX {
            self.ahead.pop_front();
        }
        self.ahead.push_back((now, ahead_ms));
    }

    /// Returns the difference in milliseconds if it is too large. What an entry waited on its way only adds to it,
    /// so the smallest counts.
    pub fn difference_ms(&mut self, now: Duration) -> Option<i64> {
        while self.ahead.front().is_some_and(|(at, _)| now > *at + COUNTED_FOR) {
            self.ahead.pop_front();
        }
        if self.ahead.len() < DECISIVE {
            return None;
        }
        let smallest = self.ahead.iter().map(|(_, ahead)| *ahead).min()?;
        (smallest.unsigned_abs() > CLOCKS_APART_MAX.as_millis() as u64).then_some(smallest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(ahead: &[i64]) -> Option<i64> {
        let (mut clock, mut now) = (Clock::default(), Duration::ZERO);
        for ahead in ahead {
            now += Duration::from_secs(1);
            clock.compare(now, *ahead);
        }
        clock.difference_ms(now)
    }

    #[test]
    fn a_clock_that_is_off_is_seen_in_both_directions() {
        assert_eq!(difference(&[3_600_000, 3_600_020, 3_600_007]), Some(3_600_000));
        assert_eq!(difference(&[-3_000, -2_900, -2_990]), Some(-3_000));
        assert_eq!(difference(&[2_000, 2_000, 2_000]), None);
    }

    #[test]
    fn entries_that_came_late_say_nothing_while_one_came_in_time() {
        assert_eq!(difference(&[9_000, 20, 9_000, 9_000]), None);
        assert_eq!(difference(&[9_000, 9_000]), None, "too few");
    }

    #[test]
    fn a_clock_that_is_set_right_counts_as_right_soon() {
        let mut clock = Clock::default();
        for second in 0..30 {
            clock.compare(Duration::from_secs(second), if second < 15 { -60_000 } else { 5 });
        }
        assert_eq!(clock.difference_ms(Duration::from_secs(30)), None);
        assert_eq!(clock.difference_ms(Duration::from_mins(9)), None, "nothing was compared for long");
    }
}
