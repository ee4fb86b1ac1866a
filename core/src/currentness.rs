//! The time until which a chat knows all that was acknowledged anywhere, as its readers ask for it.
//!
//! A single node always does. One node of many does until a moment that its protocol moves on: so a node that was
//! stopped for a while, or whose threads wait for the disk, gives no texts when it goes on, before anything else
//! has run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The moment of a chat that is always current.
const ALWAYS: u64 = u64::MAX;

/// See the module.
pub(crate) struct Currentness {
    begun: Instant,
    /// Milliseconds since `begun`. Stored (Release) by the thread of the protocol, loaded (Acquire) by readers.
    until_ms: AtomicU64,
    /// When the newest entry that is applied was made, in milliseconds since `begun`; the pairing is the same.
    newest_made_ms: AtomicU64,
    /// The journal takes no entries. Nothing depends on it but what an operator is told.
    is_stalled: AtomicBool,
}

impl Currentness {
    pub fn of_single_node() -> Self {
        Self { until_ms: AtomicU64::new(ALWAYS), ..Self::of_member() }
    }

    pub fn of_member() -> Self {
        Self {
            begun: Instant::now(),
            until_ms: AtomicU64::new(0),
            newest_made_ms: AtomicU64::new(0),
            is_stalled: AtomicBool::new(false),
        }
    }

    /// The clock of all these times.
    pub fn clock(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Moves the end on, or back: `None` is at once.
    pub fn set(&self, until: Option<Duration>, newest_made_at: Option<Duration>) {
        self.newest_made_ms.store(newest_made_at.map_or(0, milliseconds), Ordering::Release);
        self.until_ms.store(until.map_or(0, milliseconds), Ordering::Release);
    }

    /// Notes if the journal takes entries.
    pub fn set_stalled(&self, is_stalled: bool) {
        self.is_stalled.store(is_stalled, Ordering::Relaxed);
    }

    /// Returns true if the journal takes no entries.
    pub fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Relaxed)
    }

    /// Returns true if this is one node of many.
    pub fn is_of_member(&self) -> bool {
        self.until_ms.load(Ordering::Acquire) != ALWAYS
    }

    /// Returns true if what this node has applied is all that was acknowledged anywhere. For a single node it costs
    /// one load.
    pub fn is_current(&self) -> bool {
        let until_ms = self.until_ms.load(Ordering::Acquire);
        until_ms == ALWAYS || milliseconds(self.clock()) < until_ms
    }

    /// Returns true if an entry is applied that was made after this time of the clock.
    pub fn has_entry_after(&self, time: Duration) -> bool {
        self.newest_made_ms.load(Ordering::Acquire) > milliseconds(time)
    }
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_of_many_is_current_until_its_time_is_over() {
        let member = Currentness::of_member();
        assert!(member.is_of_member() && !member.is_current());
        member.set(Some(Duration::from_hours(1)), None);
        assert!(member.is_current());
        // As if the process had been stopped: nobody has moved the time on.
        let stopped =
            Currentness { begun: Instant::now().checked_sub(Duration::from_hours(2)).unwrap(), ..member };
        assert!(!stopped.is_current());
        let single = Currentness::of_single_node();
        assert!(single.is_current() && !single.is_of_member());
    }

    #[test]
    fn an_entry_of_before_says_nothing_of_what_was_made_after() {
        let member = Currentness::of_member();
        member.set(None, Some(Duration::from_secs(3)));
        assert!(
            member.has_entry_after(Duration::from_secs(2)) && !member.has_entry_after(Duration::from_secs(3))
        );
    }
}
