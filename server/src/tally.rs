//! Counting deliveries, millions a second on all threads, so that the counting costs none of them.
//!
//! Each thread adds to a place of its own: one that all add to would move from core to core with each delivery.

use crossbeam::utils::CachePadded;
use prometheus_client::metrics::counter::Atomic;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Places to add to. Threads beyond them share.
const PLACES: usize = 16;

/// A counter's number, spread over places. All orders are relaxed: nothing is read by it but the number.
#[derive(Debug, Default)]
pub struct Spread([CachePadded<AtomicU64>; PLACES]);

impl Spread {
    fn own(&self) -> &AtomicU64 {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        }
        &self.0[PLACE.with(|place| *place)]
    }
}

impl Atomic<u64> for Spread {
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// Gives what this place had before.
    fn inc_by(&self, more: u64) -> u64 {
        self.own().fetch_add(more, Ordering::Relaxed)
    }

    fn get(&self) -> u64 {
        self.0.iter().map(|place| place.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_add_is_in_the_sum() {
        let spread = Spread::default();
        std::thread::scope(|scope| {
            for _ in 0..PLACES + 3 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        spread.inc_by(2);
                    }
                });
            }
        });
        spread.inc();
        assert_eq!(spread.get(), (PLACES as u64 + 3) * 2_000 + 1);
    }
}
