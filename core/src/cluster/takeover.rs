//! When a node takes the lead: after a silence of the leader or of its entries, and not too often.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A node takes over after this time without a word from the leader …
const LEADER_SILENT_MAX: Duration = Duration::from_secs(2);
/// … or this time without an entry while the engine answers …
const JOURNAL_SILENT_MAX: Duration = Duration::from_secs(3);
/// … which it does if it has within this time.
const ENGINE_FRESH: Duration = Duration::from_secs(1);
/// Nodes that notice a silence together wait up to this time, so that one is first.
const SPREAD_MS: u64 = 500;
/// After an attempt a node waits this long before the next, and twice as long after each …
const PAUSE_MIN: Duration = Duration::from_secs(5);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct Takeover {
    heard_leader_at: Duration,
    entry_at: Duration,
    engine_at: Option<Duration>,
    /// The next attempt, while there is a silence.
    at: Option<Duration>,
    not_before: Duration,
    pause: Duration,
    rng: StdRng,
}

impl Takeover {
    pub fn new(now: Duration, seed: u64) -> Self {
        Self {
            heard_leader_at: now,
            entry_at: now,
            engine_at: None,
            at: None,
            not_before: now,
            pause: PAUSE_MIN,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// The leader is there.
    pub fn hear_leader(&mut self, now: Duration) {
        self.heard_leader_at = now;
        self.pause = PAUSE_MIN;
    }

    /// An entry that counts was read.
    pub fn entry(&mut self, now: Duration) {
        self.entry_at = now;
    }

    /// Returns the time of the newest entry that counts.
    pub fn entry_at(&self) -> Duration {
        self.entry_at
    }

    /// The engine has answered.
    pub fn engine_answered(&mut self, now: Duration) {
        self.engine_at = Some(now);
    }

    /// There is a leader, in a new term.
    pub fn begin_term(&mut self, now: Duration) {
        self.heard_leader_at = now;
        self.at = None;
    }

    /// Returns true if the node is to take the lead now. `is_able`: it is not the leader, and can be.
    pub fn is_due(&mut self, now: Duration, is_able: bool) -> bool {
        let is_leader_silent = now >= self.heard_leader_at + LEADER_SILENT_MAX;
        let does_engine_answer = self.engine_at.is_some_and(|at| now <= at + ENGINE_FRESH);
        let is_journal_silent = does_engine_answer && now >= self.entry_at + JOURNAL_SILENT_MAX;
        if !is_able || !(is_leader_silent || is_journal_silent) {
            self.at = None;
            return false;
        }
        let spread = Duration::from_millis(self.rng.random_range(0..SPREAD_MS));
        let at = *self.at.get_or_insert(self.not_before.max(now + spread));
        if now < at {
            return false;
        }
        self.at = None;
        self.not_before = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}
