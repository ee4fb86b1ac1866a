//! The statistics of one goose user, kept without a lock. At the end all of them are merged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Significant decimal digits that a histogram keeps.
const DIGITS: u8 = 3;
/// Kinds of error that are counted apart; the rest are counted together.
const ERROR_KINDS_MAX: usize = 32;

/// Latencies in microseconds.
#[derive(Debug, Clone)]
pub struct Latencies(pub Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("a histogram of three digits can be made"))
    }
}

impl Latencies {
    /// Adds a latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        // The histogram grows; only a latency of centuries does not fit, and is left out.
        let _ = self.0.record(micros);
    }

    /// Adds the latencies of another.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("a histogram that grows by itself takes all values of another");
    }

    /// Returns the latency that `quantile` of all are not above, in microseconds.
    pub fn quantile_us(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }
}

/// The statistics of one goose user, or of all of them.
#[derive(Debug, Default)]
pub struct Stats {
    /// From the time a message was due until a reader had it.
    pub delivery: Latencies,
    /// From the time a message was due until its sender had the acknowledgement.
    pub acknowledgement: Latencies,
    /// Latencies of deliveries since the last merge.
    pub recent: Latencies,
    /// From connecting to the first event (elsewhere than at our own server: to the answer), on a first join.
    pub join: Latencies,
    /// From connecting until the head of that moment was reached, on a first join.
    pub join_whole: Latencies,
    /// The latest of them, until they are recorded with goose.
    pub joins: Vec<Duration>,
    /// As `join`, when a reader comes back.
    pub resume: Latencies,
    /// As `join_whole`, when a reader comes back.
    pub resume_whole: Latencies,
    /// A page of history, asked for by a visitor.
    pub history: Latencies,
    /// From the time a message was due until the tester began to send it: its own lateness.
    pub lag: Latencies,
    /// The time at which the last event was received.
    pub last: Option<Instant>,
    /// Deliveries, bytes and errors at the time of the last merge.
    pub merged: (u64, u64, u64),
    /// Logged events received by readers.
    pub deliveries: u64,
    /// Signals received by readers: presence, typing.
    pub signals: u64,
    /// Bytes received by readers, with the heads of the responses.
    pub bytes: u64,
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Messages refused.
    pub rejected: u64,
    /// Messages whose outcome is unknown.
    pub unknown: u64,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
}

impl Stats {
    /// Counts an error.
    pub fn error(&mut self, kind: &str) {
        self.add_errors(kind, 1);
    }

    fn add_errors(&mut self, kind: &str, count: u64) {
        let known = self.errors.contains_key(kind) || self.errors.len() < ERROR_KINDS_MAX;
        let kind = if known { kind } else { "other" };
        *self.errors.entry(kind.to_owned()).or_default() += count;
    }

    /// Adds the statistics of another.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.delivery, &other.delivery),
            (&mut self.acknowledgement, &other.acknowledgement),
            (&mut self.join, &other.join),
            (&mut self.join_whole, &other.join_whole),
            (&mut self.resume, &other.resume),
            (&mut self.resume_whole, &other.resume_whole),
            (&mut self.history, &other.history),
            (&mut self.lag, &other.lag),
        ] {
            mine.merge(theirs);
        }
        self.last = self.last.max(other.last);
        self.deliveries += other.deliveries;
        self.signals += other.signals;
        self.bytes += other.bytes;
        self.acknowledged += other.acknowledged;
        self.rejected += other.rejected;
        self.unknown += other.unknown;
        for (kind, count) in &other.errors {
            self.add_errors(kind, *count);
        }
    }
}
