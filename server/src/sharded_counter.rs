//! Counting deliveries, millions a second on all threads, so that the counting costs none of them.
//!
//! Each thread adds to a shard of its own: one that all add to would move from core to core with each
//! delivery.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam::utils::CachePadded;
use prometheus_client::metrics::counter::Atomic;

/// Shards to add to. Threads beyond them share.
const SHARDS: usize = 16;

/// A counter in shards. All orders are relaxed: nothing is read by it but the number.
#[derive(Debug, Default)]
pub struct ShardedCounter([CachePadded<AtomicU64>; SHARDS]);

impl ShardedCounter {
    fn own(&self) -> &AtomicU64 {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        }
        &self.0[SHARD.with(|shard| *shard)]
    }
}

impl Atomic<u64> for ShardedCounter {
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// Returns the figure that this shard had before.
    fn inc_by(&self, more: u64) -> u64 {
        self.own().fetch_add(more, Ordering::Relaxed)
    }

    fn get(&self) -> u64 {
        self.0.iter().map(|shard| shard.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_add_is_in_the_sum() {
        let counter = ShardedCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..SHARDS + 3 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        counter.inc_by(2);
                    }
                });
            }
        });
        counter.inc();
        assert_eq!(counter.get(), (SHARDS as u64 + 3) * 2_000 + 1);
    }
}
