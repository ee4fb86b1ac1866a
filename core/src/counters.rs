//! Counters of a chat: what an operator watches.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::event::Position;
use crate::log::{Log, ModerationCounts};

/// Upper bounds of the buckets of [`Stats::commit_seconds`]: from a fast disk to one that hangs.
const COMMIT_SECONDS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Upper bounds of the buckets of [`Stats::commit_events`]: from a quiet chat to a full batch.
const COMMIT_EVENTS: [f64; 14] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0, 8_192.0];

/// The distribution of values since the chat was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds, ascending, each with how many values were at most so much and more than the bound
    /// before; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// The sum of all values.
    pub sum: f64,
    /// The number of values.
    pub count: u64,
}

/// Counters (since the chat was opened) and gauges.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed.
    pub commits_failed: u64,
    /// Events stored.
    pub events: u64,
    /// Seconds that each commit took, also those that failed.
    pub commit_seconds: Histogram,
    /// Events of each commit that succeeded and brought some.
    pub commit_events: Histogram,
    /// Sends that wait for the writer now.
    pub queued: usize,
    /// Rooms in memory now.
    pub rooms: usize,
    /// Subscriptions now.
    pub subscriptions: usize,
    /// The newest position of the log.
    pub head: Position,
    /// The oldest position that is kept.
    pub floor: Position,
    /// Bytes of the records that are kept.
    pub live_bytes: u64,
    /// Rooms that are closed to writing.
    pub closed_rooms: usize,
    /// Authors who are banned.
    pub bans: usize,
    /// Kept values, those among them that have expired a short while ago.
    pub values: usize,
    /// The bytes of memory that they take.
    pub values_bytes: usize,
    /// Purges whose erasing is under way.
    pub purges: usize,
    /// Deletes of messages whose edits are still being erased.
    pub deletes: usize,
}

/// A histogram that one thread writes and any thread reads.
struct Buckets<const N: usize> {
    bounds: &'static [f64; N],
    counts: [AtomicU64; N],
    /// Values above the last bound.
    above: AtomicU64,
    /// The bits of an `f64`.
    sum: AtomicU64,
}

impl<const N: usize> Buckets<N> {
    fn new(bounds: &'static [f64; N]) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { bounds, counts, above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    fn observe(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts.get(at).unwrap_or(&self.above).fetch_add(1, Ordering::Relaxed);
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed)) + value;
        self.sum.store(sum.to_bits(), Ordering::Relaxed);
    }

    fn read(&self) -> Histogram {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().chain([&self.above]).map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Histogram { buckets, sum: f64::from_bits(self.sum.load(Ordering::Relaxed)), count }
    }
}

pub(crate) struct Counters {
    commits: AtomicU64,
    commits_failed: AtomicU64,
    events: AtomicU64,
    commit_seconds: Buckets<14>,
    commit_events: Buckets<14>,
    subscriptions: AtomicUsize,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            commits: AtomicU64::default(),
            commits_failed: AtomicU64::default(),
            events: AtomicU64::default(),
            commit_seconds: Buckets::new(&COMMIT_SECONDS),
            commit_events: Buckets::new(&COMMIT_EVENTS),
            subscriptions: AtomicUsize::default(),
        }
    }
}

impl Counters {
    pub fn commit(&self, events: usize, took: Duration, succeeded: bool) {
        self.commit_seconds.observe(took.as_secs_f64());
        if succeeded && events > 0 {
            self.commit_events.observe(events as f64);
        }
        if succeeded {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.events.fetch_add(events as u64, Ordering::Relaxed);
        } else {
            self.commits_failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn subscribed(&self) {
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
    }

    pub fn unsubscribed(&self) {
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn stats(&self, queued: usize, rooms: usize, log: &dyn Log) -> Stats {
        let ModerationCounts { closed_rooms, bans, purges, deletes, .. } = log.moderation().counts();
        let (values, values_bytes) = log.values().counts();
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            commits_failed: self.commits_failed.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            commit_seconds: self.commit_seconds.read(),
            commit_events: self.commit_events.read(),
            queued,
            rooms,
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
            head: log.head(),
            floor: log.floor(),
            live_bytes: log.live_bytes(),
            closed_rooms,
            bans,
            values,
            values_bytes,
            purges,
            deletes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_counted_once_in_the_bucket_of_the_least_bound_that_holds_it() {
        let counters = Counters::default();
        for (events, micros) in [(1, 250), (2, 251), (8_192, 4_000), (9_000, 6_000_000)] {
            counters.commit(events, Duration::from_micros(micros), true);
        }
        counters.commit(3, Duration::from_micros(100), false);
        counters.commit(0, Duration::from_micros(100), true);
        let Histogram { buckets, sum, count } = counters.commit_events.read();
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(1.0, 1), (2.0, 1), (8_192.0, 1), (f64::INFINITY, 1)]);
        assert_eq!((sum, count), (17_195.0, 4));
        let seconds = counters.commit_seconds.read();
        let filled: Vec<_> = seconds.buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.000_25, 3), (0.000_5, 1), (0.005, 1), (f64::INFINITY, 1)]);
    }
}
