//! Counters that are updated while the run goes on: for the live view, and for the phases.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::run::stats::{Latencies, Stats};

/// A number that many threads add to and the live view reads. It orders nothing.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Subtracts what was added before.
    pub fn sub(&self, n: u64) {
        if n > 0 {
            self.0.fetch_sub(n, Ordering::Relaxed);
        }
    }

    /// Returns the present value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a run.
#[derive(Debug, Default)]
pub struct Counters {
    /// Readers of every kind that have joined.
    pub joined: Counter,
    /// Readers that were given up.
    pub lost: Counter,
    /// Connections that are open now.
    pub connected: Counter,
    /// Connections that were ever opened.
    pub connections: Counter,
    /// Storms so far.
    pub storms: Counter,
    /// Readers' users that have all they wait for.
    pub users_drained: Counter,
    /// Senders that are ready to send.
    pub senders_ready: Counter,
    /// Senders that have the outcome of all their messages.
    pub senders_done: Counter,
    /// Messages sent.
    pub sent: Counter,
    /// Messages acknowledged.
    pub acknowledged: Counter,
    /// Messages that were refused, or whose outcome is unknown.
    pub not_acknowledged: Counter,
    /// Messages received by readers.
    pub delivered: Counter,
    /// Bytes received by readers.
    pub bytes: Counter,
    /// Errors of streams.
    pub stream_errors: Counter,
}

/// Delivery latencies since the last sample.
#[derive(Debug, Default)]
pub struct RecentLatencies(Mutex<Latencies>);

impl RecentLatencies {
    /// Takes the latest measurements of a user, and adds them to the user's own sums.
    pub fn merge(&self, stats: &mut Stats, counters: &Counters) {
        let now = (stats.deliveries, stats.bytes, stats.errors.values().sum::<u64>());
        let before = std::mem::replace(&mut stats.merged, now);
        counters.delivered.add(now.0 - before.0);
        counters.bytes.add(now.1 - before.1);
        counters.stream_errors.add(now.2 - before.2);
        if !stats.recent.0.is_empty() {
            self.0.lock().merge(&stats.recent);
            stats.delivery.merge(&stats.recent);
            stats.recent.0.reset();
        }
    }

    /// Takes all latencies since the last call.
    pub fn take(&self) -> Latencies {
        std::mem::take(&mut self.0.lock())
    }
}
