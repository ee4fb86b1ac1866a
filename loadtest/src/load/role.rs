//! How a reader behaves: it follows, it comes and goes, or it falls behind.

use std::time::Duration;

use rand::RngExt;

/// How many events a visitor wants of what was said before it came.
const VISITOR_HISTORY: u32 = 100;
/// How long a visitor stays, in milliseconds.
const STAY_MS: std::ops::Range<u64> = 500..2_500;
/// How long it is away before it comes back.
const AWAY_MS: std::ops::Range<u64> = 200..1_500;
/// How often a laggard reads.
const SIP_EVERY: Duration = Duration::from_millis(100);
/// Bytes that it reads then: 20 KiB a second.
pub const SIP_BYTES: usize = 2 * 1024;
/// The receive buffer of a laggard, in bytes: what does not fit is the server's to keep.
pub const LAGGARD_BUFFER_BYTES: usize = 8 * 1024;

/// How a reader behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Joins before the first message and follows to the last.
    Reader,
    /// Joins, reads what was said, leaves, and comes back with its last id.
    Visitor,
    /// Reads little at a time until the last message was sent, then all.
    Slow,
    /// Reads nothing until the last message was sent, then all.
    Stopped,
}

impl Role {
    /// How many earlier events it wants when it joins.
    pub fn history(self) -> u32 {
        if self == Self::Visitor { VISITOR_HISTORY } else { 0 }
    }

    /// Whether it reads late of its own accord, so that its deliveries tell nothing about the server's speed.
    pub fn lags(self) -> bool {
        matches!(self, Self::Slow | Self::Stopped)
    }

    /// How long until a slow one reads again; `None` for the others.
    pub fn sips_after(self) -> Option<Duration> {
        (self == Self::Slow).then_some(SIP_EVERY)
    }

    /// How long a visitor stays; `None` for the others.
    pub fn stays(self) -> Option<Duration> {
        (self == Self::Visitor).then(|| Duration::from_millis(rand::rng().random_range(STAY_MS)))
    }

    /// How long a visitor that left is away.
    pub fn is_away() -> Duration {
        Duration::from_millis(rand::rng().random_range(AWAY_MS))
    }
}
