//! The behaviour of a reader: it follows, it comes and goes, or it falls behind.

use std::time::Duration;

use rand::RngExt;

/// Events of history that a visitor asks for.
const VISITOR_HISTORY: u32 = 100;
/// Time that a visitor stays, in milliseconds.
const STAY_MS: std::ops::Range<u64> = 500..2_500;
/// Time that it is away before it resumes.
const AWAY_MS: std::ops::Range<u64> = 200..1_500;
/// Interval at which a slow reader reads.
const SLOW_READ_EVERY: Duration = Duration::from_millis(100);
/// Bytes that it reads each time: 20 KiB a second.
pub const SLOW_READ_BYTES: usize = 2 * 1024;
/// The receive buffer of a slow reader, in bytes: the server must keep what does not fit.
pub const SLOW_READER_BUFFER_BYTES: usize = 8 * 1024;

/// The behaviour of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Joins before the first message and follows to the last.
    Reader,
    /// Joins, reads the history, leaves, and resumes with its last id.
    Visitor,
    /// Reads little at a time until the last message was sent, then all.
    Slow,
    /// Reads nothing until the last message was sent, then all.
    Stopped,
}

impl Role {
    /// Returns the number of earlier events that it asks for when it joins.
    pub fn history(self) -> u32 {
        if self == Self::Visitor { VISITOR_HISTORY } else { 0 }
    }

    /// Returns true if it reads late by its own choice: its deliveries do not measure the server's speed.
    pub fn reads_late(self) -> bool {
        matches!(self, Self::Slow | Self::Stopped)
    }

    /// Returns the time until a slow reader reads again; `None` for the others.
    pub fn slow_read_interval(self) -> Option<Duration> {
        (self == Self::Slow).then_some(SLOW_READ_EVERY)
    }

    /// Returns the time that a visitor stays; `None` for the others.
    pub fn stay_duration(self) -> Option<Duration> {
        (self == Self::Visitor).then(|| Duration::from_millis(rand::rng().random_range(STAY_MS)))
    }

    /// Returns the time that a visitor is away.
    pub fn away_duration() -> Duration {
        Duration::from_millis(rand::rng().random_range(AWAY_MS))
    }
}
