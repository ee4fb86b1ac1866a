//! The findings of a run: what was observed, what was measured, and what made the run fail.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use millchat::Epoch;
use millchat_oracle::Oracle;
use parking_lot::Mutex;

use crate::check::sent_log::SentLog;
use crate::check::stamp_checker::Faults;
use crate::run::stats::Stats;

/// The failures that are kept; the first ones tell why.
const FAILURES_MAX: usize = 100;
/// Pages of history that are kept to be checked at the end.
const PAGES_MAX: u64 = 10_000;

/// The observations and results of a run.
pub struct Findings {
    /// Per room, the newest position that a sender was acknowledged.
    pub acknowledged: Vec<AtomicU64>,
    /// The epoch of the server's log, as the first stream named it.
    pub epoch: OnceLock<Epoch>,
    /// Compares what was observed with what was promised.
    pub oracle: Oracle,
    /// The sent messages, for readers that cannot be checked by positions.
    pub sent_log: SentLog,
    pages: AtomicU64,
    stats: Mutex<Stats>,
    faults: Mutex<Faults>,
    failures: Mutex<Vec<String>>,
}

impl Findings {
    /// Creates the empty findings of a run in this number of rooms.
    pub fn new(rooms: usize) -> Self {
        Self {
            acknowledged: (0..rooms).map(|_| AtomicU64::new(0)).collect(),
            epoch: OnceLock::new(),
            oracle: Oracle::new(),
            sent_log: SentLog::new(rooms),
            pages: AtomicU64::new(0),
            stats: Mutex::default(),
            faults: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Returns true if one more page of history may be kept for the check at the end.
    pub fn takes_page(&self) -> bool {
        self.pages.fetch_add(1, Ordering::Relaxed) < PAGES_MAX
    }

    /// Adds the numbers of one user.
    pub fn merge(&self, stats: &Stats) {
        self.stats.lock().merge(stats);
    }

    /// Takes the sum of all numbers.
    pub fn take_stats(&self) -> Stats {
        std::mem::take(&mut self.stats.lock())
    }

    /// Adds the messages that one reader lost, received twice or received out of order.
    pub fn report_faults(&self, faults: Faults) {
        let mut all = self.faults.lock();
        all.lost += faults.lost;
        all.doubled += faults.doubled;
        all.disordered += faults.disordered;
    }

    /// Returns the faults of all readers that are checked by stamps.
    pub fn faults(&self) -> Faults {
        *self.faults.lock()
    }

    /// Records a failure: the run does not pass.
    pub fn fail(&self, what: String) {
        let mut failures = self.failures.lock();
        if failures.len() < FAILURES_MAX {
            failures.push(what);
        }
    }

    /// Returns the failures, except for what the oracle finds.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().clone()
    }
}
