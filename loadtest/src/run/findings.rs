//! The findings of a run: what was observed, what was measured, and what made the run fail.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use millchat::Epoch;
use millchat::oracle::Oracle;
use parking_lot::Mutex;

use crate::check::sent_log::Ledger;
use crate::check::stamp_checker::Faults;
use crate::run::stats::Tally;

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
    /// The sent messages, for readers that have no positions to go by.
    pub ledger: Ledger,
    pages: AtomicU64,
    tally: Mutex<Tally>,
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
            ledger: Ledger::new(rooms),
            pages: AtomicU64::new(0),
            tally: Mutex::default(),
            faults: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Returns true if one more page of history may be kept for the check at the end.
    pub fn takes_page(&self) -> bool {
        self.pages.fetch_add(1, Ordering::Relaxed) < PAGES_MAX
    }

    /// Adds the numbers of one user.
    pub fn add(&self, tally: &Tally) {
        self.tally.lock().add(tally);
    }

    /// Takes the sum of all numbers.
    pub fn take_tally(&self) -> Tally {
        std::mem::take(&mut self.tally.lock())
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
