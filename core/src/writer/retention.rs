//! Retention: how far back the log is kept.
//!
//! The floor is raised in steps that go along with commits, so that a trim costs senders no fsync of its own.
//! When nobody sends, the writer trims by itself. Under load a step frees twice the bytes that the commit
//! brings, and when the log is far over its bytes, as much goes before the commit.
//!
//! Age is measured by the wall clock, and a clock can be wrong. While the writer runs, records go when they
//! become due, so none is due for long. If the oldest record has been due for long, the server was stopped,
//! the policy is new, or the clock is ahead, and nothing tells which. So nothing goes by its age until the
//! clock has run evenly for [`CLOCK_CONFIRM_MIN`].

use std::time::{Duration, Instant};

use crate::event::{Position, Timestamp};
use crate::log::{Log, LogError, RecordAge};

/// Least number of events that a step takes: a log that is behind catches up also under light load, and a
/// sender during a step hardly feels it.
pub const TRIM_EVENTS_MIN: usize = 128;
/// Most events that one step takes.
pub const TRIM_EVENTS_MAX: usize = 8_192;
/// A step on a log that holds more than the policy's bytes takes its events until the log holds this part of them
/// less, at most: so a sender who is alone pays for a trim with every hundredth message, and not with each.
const SPARE_PART: u64 = 64;
/// The head of a room without records is kept this long beyond them when records are kept for ever.
pub const HEADS_AGE_MAX: Duration = Duration::from_hours(24 * 30);

/// Records that have been due by their age for longer than this go only once the clock is confirmed. It is
/// also the most that the wall clock may differ from the steady one while it is being confirmed.
pub const OVERDUE_MAX: Duration = Duration::from_mins(1);
/// The time for which the wall clock must run evenly to be confirmed.
pub const CLOCK_CONFIRM_MIN: Duration = Duration::from_hours(1);

/// The policy of retention. The default keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionPolicy {
    /// Events of this age and older go.
    pub age: Option<Duration>,
    /// The oldest events go when the records take more bytes than this: some hundred at a time, until the rest takes
    /// a 64th less, at most.
    pub bytes: Option<u64>,
}

impl RetentionPolicy {
    /// Rooms that lost their last record are known for this long after it was made.
    pub(crate) fn heads_age(self) -> Duration {
        self.age.map_or(HEADS_AGE_MAX, |age| age.saturating_mul(2))
    }
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The time of day, which somebody may set.
    pub wall: Timestamp,
    /// The clock that only counts on.
    pub steady: Instant,
}

impl Moment {
    pub fn now() -> Self {
        Self { wall: Timestamp::now(), steady: Instant::now() }
    }
}

/// The doubt about the wall clock.
#[derive(Default)]
pub(super) struct ClockDoubt {
    /// The moment since which the clock has been in doubt and has run evenly.
    since: Option<Moment>,
}

impl ClockDoubt {
    /// Returns true if records may go by their age, of which the oldest has been due for `overdue`.
    pub fn allows(&mut self, now: Moment, overdue: Duration) -> bool {
        if overdue <= OVERDUE_MAX {
            self.since = None;
            return true;
        }
        let since = *self.since.get_or_insert(now);
        let steady = now.steady.saturating_duration_since(since.steady);
        let expected_ms = since.wall.0.saturating_add(steady.as_millis() as u64);
        if u128::from(now.wall.0.abs_diff(expected_ms)) > OVERDUE_MAX.as_millis() {
            self.since = Some(now);
            return false;
        }
        steady >= CLOCK_CONFIRM_MIN
    }
}

/// Decides where the floor goes.
pub(crate) struct Retention {
    policy: RetentionPolicy,
    clock: ClockDoubt,
    /// The floor, and the time of the record there, so that not every commit reads it.
    oldest: Option<(Position, Timestamp)>,
}

impl Retention {
    pub fn new(policy: RetentionPolicy) -> Self {
        Self { policy, clock: ClockDoubt::default(), oldest: None }
    }

    pub fn policy(&self) -> RetentionPolicy {
        self.policy
    }

    /// Returns true if the wall clock is in doubt: nothing goes by its age.
    pub fn is_clock_in_doubt(&self) -> bool {
        self.clock.since.is_some_and(|since| since.steady.elapsed() < CLOCK_CONFIRM_MIN)
    }

    /// Returns true if the oldest record, made at this time, may go by its age.
    fn is_due(&mut self, now: Moment, oldest: Timestamp) -> bool {
        let Some(age) = self.policy.age else { return false };
        let due_ms = oldest.0.saturating_add(age.as_millis() as u64);
        if let Some(overdue_ms) = now.wall.0.checked_sub(due_ms) {
            self.clock.allows(now, Duration::from_millis(overdue_ms))
        } else {
            self.clock = ClockDoubt::default();
            false
        }
    }

    /// Returns true if the log holds so much more than the policy's bytes that trimming goes first.
    pub fn is_behind(&self, log: &dyn Log) -> bool {
        self.policy.bytes.is_some_and(|bytes| log.live_bytes() > bytes.saturating_add(bytes / 4))
    }

    /// The floor after the next step; the present one when nothing is to go. A step takes [`TRIM_EVENTS_MIN`]
    /// events, or as many as free `bytes` bytes, and [`TRIM_EVENTS_MAX`] at most.
    pub fn next_floor(&mut self, log: &dyn Log, now: Moment, bytes: u64) -> Result<Position, LogError> {
        let mut floor = log.floor();
        let mut over = self.policy.bytes.map_or(0, |bytes| match log.live_bytes().saturating_sub(bytes) {
            0 => 0,
            over => over.saturating_add(bytes / SPARE_PART),
        });
        let known = self.oldest.filter(|(at, _)| *at == floor);
        let mut is_due = known.map(|(_, time)| self.is_due(now, time));
        if over == 0 && (is_due == Some(false) || self.policy.age.is_none()) {
            return Ok(floor);
        }
        let oldest_ms = self.policy.age.map_or(0, |age| now.wall.0.saturating_sub(age.as_millis() as u64));
        let (least, end) = (floor + TRIM_EVENTS_MIN as u64, floor + TRIM_EVENTS_MAX as u64);
        let mut freed = 0;
        'steps: loop {
            let ages = log.ages(floor)?;
            if ages.is_empty() {
                break;
            }
            for RecordAge { position, created_at, bytes: its_bytes } in ages {
                // A damaged record goes like any other, or nothing would ever go again.
                if let Some(at) = created_at {
                    let is_old = at.0 <= oldest_ms && *is_due.get_or_insert_with(|| self.is_due(now, at));
                    let enough = floor >= least && freed >= bytes;
                    if enough || (over == 0 && !is_old) {
                        self.oldest = Some((position, at));
                        // Earlier trims left no holes, but the floor must be where a record is.
                        floor = position;
                        break 'steps;
                    }
                }
                if floor >= end {
                    break 'steps;
                }
                freed += its_bytes;
                over = over.saturating_sub(its_bytes);
                floor = position + 1;
            }
        }
        Ok(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, RoomName};
    use crate::log::NewRecord;
    use crate::log::redb::RedbLog;

    const DAY: Duration = Duration::from_hours(24);
    /// The wall clock's right time when a test begins.
    const START_MS: u64 = 1_700_000_000_000;

    /// A log whose records were made at these distances, in seconds, from the beginning of the test.
    fn log(made_s: &[i64]) -> RedbLog {
        let log = RedbLog::in_memory().unwrap();
        let record = |at: &i64| {
            let body = Body::Message { content: Some("x".into()), reply_to: None };
            let at = Timestamp(START_MS.checked_add_signed(at * 1_000).unwrap());
            NewRecord::event(RoomName::new("r").unwrap(), None, at, body)
        };
        log.commit(&made_s.iter().map(record).collect::<Vec<_>>(), 0).unwrap();
        log
    }

    /// Retention for 30 days, a log, and two clocks.
    struct Trial {
        retention: Retention,
        log: RedbLog,
        begun: Instant,
        passed: Duration,
        ahead_s: i64,
    }

    impl Trial {
        fn new(made_s: &[i64]) -> Self {
            let retention = Retention::new(RetentionPolicy { age: Some(30 * DAY), bytes: None });
            let begun = Instant::now();
            Self { retention, log: log(made_s), begun, passed: Duration::ZERO, ahead_s: 0 }
        }

        /// Lets time pass, and looks every half minute.
        fn pass(&mut self, time: Duration) -> Position {
            let end = self.passed + time;
            loop {
                let wall_ms = START_MS + self.passed.as_millis() as u64;
                let wall = Timestamp(wall_ms.checked_add_signed(self.ahead_s * 1_000).unwrap());
                let now = Moment { wall, steady: self.begun + self.passed };
                let floor = self.retention.next_floor(&self.log, now, 0).unwrap();
                if floor > self.log.floor() {
                    self.log.commit(&[], floor).unwrap();
                }
                if self.passed >= end {
                    return floor;
                }
                self.passed = end.min(self.passed + OVERDUE_MAX / 2);
            }
        }

        fn restart(&mut self) {
            self.retention = Retention::new(self.retention.policy());
        }
    }

    const HOUR_S: i64 = 60 * 60;
    const DAY_S: i64 = 24 * HOUR_S;

    #[test]
    fn what_becomes_due_goes_at_once_also_years_after() {
        let mut trial = Trial::new(&[-30 * DAY_S + 60, -30 * DAY_S + 900, -10]);
        assert_eq!(trial.pass(Duration::ZERO), 1);
        assert_eq!(trial.pass(Duration::from_mins(1)), 2);
        assert_eq!(trial.pass(Duration::from_mins(14)), 3);
        assert_eq!(trial.pass(29 * DAY), 3);
        assert_eq!(trial.pass(DAY), 4);
    }

    #[test]
    fn a_clock_that_is_ahead_takes_nothing_before_its_time_also_over_a_restart() {
        for ahead_s in [3 * HOUR_S, 40 * DAY_S, 4_000 * DAY_S] {
            // The oldest is due in two hours, and the newest was made while the clock was ahead.
            let mut trial = Trial::new(&[-30 * DAY_S + 2 * HOUR_S, -10, ahead_s]);
            trial.pass(Duration::ZERO);
            trial.ahead_s = ahead_s;
            assert_eq!(trial.pass(Duration::from_mins(50)), 1, "{ahead_s}");
            trial.restart();
            assert_eq!(trial.pass(Duration::from_mins(50)), 1, "{ahead_s}");
            trial.ahead_s = 0;
            assert_eq!(trial.pass(Duration::from_mins(19)), 1, "{ahead_s}");
            assert_eq!(trial.pass(Duration::from_mins(1)), 2, "by the right clock it goes, {ahead_s}");
        }
    }

    #[test]
    fn a_clock_that_leaps_again_and_again_confirms_nothing() {
        let mut trial = Trial::new(&[-HOUR_S, -10]);
        for leap in 1..=20 {
            trial.ahead_s = 40 * DAY_S + leap * 10 * 60;
            assert_eq!(trial.pass(Duration::from_mins(50)), 1);
            assert!(trial.retention.clock.since.is_some());
        }
    }

    #[test]
    fn what_was_due_for_long_goes_once_the_clock_has_run_evenly_for_an_hour() {
        // The server was stopped for a weekend, or an old log was imported.
        let mut trial = Trial::new(&[-32 * DAY_S, -31 * DAY_S, -10 * DAY_S]);
        assert_eq!(trial.pass(Duration::from_mins(50)), 1);
        assert_eq!(trial.pass(Duration::from_mins(10)), 3);
    }

    #[test]
    fn a_clock_in_doubt_stops_no_retention_by_bytes() {
        let mut trial = Trial::new(&[-40 * DAY_S; 300]);
        trial.retention.policy.bytes = Some(trial.log.live_bytes() / 2);
        // Two steps: the first takes the least number of events.
        assert!((152..=155).contains(&trial.pass(Duration::from_mins(1))));
    }

    #[test]
    fn a_trim_by_bytes_leaves_space_for_the_next_events() {
        let log = log(&[-10; 1_280]);
        let bytes = Some(log.live_bytes());
        let mut retention = Retention::new(RetentionPolicy { age: None, bytes });
        let mut say = || {
            let body = Body::Message { content: Some("x".into()), reply_to: None };
            let record = NewRecord::event(RoomName::new("r").unwrap(), None, Timestamp(START_MS), body);
            let floor = retention.next_floor(&log, Moment::now(), 0).unwrap();
            log.commit(&[record], floor).unwrap();
            log.floor()
        };
        assert_eq!(say(), 1);
        let floor = say();
        assert!((20..=23).contains(&floor), "a 64th of them: {floor}");
        let floors: Vec<_> = (0..15).map(|_| say()).collect();
        assert_eq!(floors, [floor; 15]);
    }
}
