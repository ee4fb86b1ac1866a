//! Retention: how far back the log is kept.
//!
//! The floor is raised in steps that go along with commits, so that a trim costs senders no fsync of its own.
//! When nobody sends, the writer trims by itself. Under load a step frees twice the bytes that the commit
//! brings, and when the log is far over its bytes, as much goes before the commit.

use std::time::Duration;

use crate::event::{Position, Timestamp};
use crate::log::{Log, LogError};

/// Least number of events that a step takes: a log that is behind catches up also under light load, and a
/// sender during a step hardly feels it.
pub const TRIM_EVENTS_MIN: usize = 128;
/// Most events that one step takes.
pub const TRIM_EVENTS_MAX: usize = 8_192;
/// The head of a room without records is kept this long beyond them when records are kept for ever.
pub const HEADS_AGE_MAX: Duration = Duration::from_hours(24 * 30);

/// The policy of retention. The default keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionPolicy {
    /// Events of this age and older go.
    pub age: Option<Duration>,
    /// The oldest events go while the records take more bytes than this.
    pub bytes: Option<u64>,
}

impl RetentionPolicy {
    /// Rooms that lost their last record are known for this long after it was made.
    pub(crate) fn heads_age(self) -> Duration {
        self.age.map_or(HEADS_AGE_MAX, |age| age.saturating_mul(2))
    }
}

/// Decides where the floor goes.
pub(crate) struct Retention {
    policy: RetentionPolicy,
    /// The floor, and the time of the record there, so that not every commit reads it.
    oldest: Option<(Position, Timestamp)>,
}

impl Retention {
    pub fn new(policy: RetentionPolicy) -> Self {
        Self { policy, oldest: None }
    }

    pub fn policy(&self) -> RetentionPolicy {
        self.policy
    }

    /// Returns true if the log holds so much more than the policy's bytes that trimming goes first.
    pub fn is_behind(&self, log: &dyn Log) -> bool {
        self.policy.bytes.is_some_and(|bytes| log.live_bytes() > bytes.saturating_add(bytes / 4))
    }

    /// The floor after the next step; the present one when nothing is to go. A step takes [`TRIM_EVENTS_MIN`]
    /// events, or as many as free `bytes` bytes, and [`TRIM_EVENTS_MAX`] at most.
    pub fn next_floor(&mut self, log: &dyn Log, now: Timestamp, bytes: u64) -> Result<Position, LogError> {
        let mut floor = log.floor();
        let oldest_ms = self.policy.age.map_or(0, |age| now.0.saturating_sub(age.as_millis() as u64));
        let mut over = self.policy.bytes.map_or(0, |bytes| log.live_bytes().saturating_sub(bytes));
        let known_young = self.oldest.is_some_and(|(at, time)| at == floor && time.0 > oldest_ms);
        if over == 0 && (known_young || self.policy.age.is_none()) {
            return Ok(floor);
        }
        let (least, end) = (floor + TRIM_EVENTS_MIN as u64, floor + TRIM_EVENTS_MAX as u64);
        let mut freed = 0;
        'steps: loop {
            let records = match log.scan(floor) {
                // A damaged record goes like any other, or nothing would ever go again.
                Err(LogError::Damaged { position, .. }) if position == floor && floor < end => {
                    floor += 1;
                    continue;
                }
                Err(LogError::Damaged { position, .. }) if (floor..end).contains(&position) => {
                    let before = (floor..position).filter_map(|position| log.record(position).transpose());
                    before.collect::<Result<Vec<_>, _>>()?
                }
                records => records?,
            };
            if records.is_empty() {
                break;
            }
            for record in records {
                let enough = floor >= end || (floor >= least && freed >= bytes);
                if enough || (over == 0 && record.created_at.0 > oldest_ms) {
                    self.oldest = Some((record.position, record.created_at));
                    // Earlier trims left no holes, but the floor must be where a record is.
                    floor = record.position;
                    break 'steps;
                }
                freed += record.bytes;
                over = over.saturating_sub(record.bytes);
                floor = record.position + 1;
            }
        }
        Ok(floor)
    }
}
