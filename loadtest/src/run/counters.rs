//! What happens, counted while it happens: for the live view, and for the course of the run.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::run::stats::{Latencies, Tally};

/// A number that many add to and the live view reads. It orders nothing.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Takes off it what was added before.
    pub fn sub(&self, n: u64) {
        if n > 0 {
            self.0.fetch_sub(n, Ordering::Relaxed);
        }
    }

    /// What it is now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happens while it happens.
#[derive(Debug, Default)]
pub struct Counts {
    /// Readers of every kind that have joined.
    pub joined: Count,
    /// Readers that were given up.
    pub lost: Count,
    /// Streams that are open now.
    pub connected: Count,
    /// Streams that were ever opened.
    pub connections: Count,
    /// Storms so far.
    pub storms: Count,
    /// Readers' users that have all they wait for.
    pub users_drained: Count,
    /// Senders that are ready to send.
    pub senders_ready: Count,
    /// Senders that have the outcome of all their messages.
    pub senders_done: Count,
    /// Messages sent.
    pub sent: Count,
    /// Messages acknowledged.
    pub acknowledged: Count,
    /// Messages that were refused, or whose outcome is unknown.
    pub not_acknowledged: Count,
    /// Messages received by readers.
    pub delivered: Count,
    /// Bytes received by readers.
    pub bytes: Count,
    /// Errors of streams.
    pub stream_errors: Count,
}

/// Delivery latencies since the last look.
#[derive(Debug, Default)]
pub struct Window(Mutex<Latencies>);

impl Window {
    /// Takes what a user has measured since the last time, and adds it to the user's own sums.
    pub fn take_in(&self, tally: &mut Tally, counts: &Counts) {
        let now = (tally.deliveries, tally.bytes, tally.errors.values().sum::<u64>());
        let before = std::mem::replace(&mut tally.handed_in, now);
        counts.delivered.add(now.0 - before.0);
        counts.bytes.add(now.1 - before.1);
        counts.stream_errors.add(now.2 - before.2);
        if !tally.window.0.is_empty() {
            self.0.lock().add(&tally.window);
            tally.delivery.add(&tally.window);
            tally.window.0.reset();
        }
    }

    /// Takes all latencies since the last time.
    pub fn take(&self) -> Latencies {
        std::mem::take(&mut self.0.lock())
    }
}
