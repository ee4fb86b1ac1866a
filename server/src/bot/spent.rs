//! The tokens that a bot used today. A restart forgets them.

use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Tokens of one day, by UTC.
#[derive(Debug, Default)]
pub struct Spent(Mutex<(u64, u64)>);

impl Spent {
    /// Counts more tokens.
    pub fn add(&self, tokens: u64) {
        let mut spent = self.0.lock();
        let day = today();
        if spent.0 != day {
            *spent = (day, 0);
        }
        spent.1 = spent.1.saturating_add(tokens);
    }

    /// Returns the tokens of today.
    pub fn today(&self) -> u64 {
        let spent = self.0.lock();
        if spent.0 == today() { spent.1 } else { 0 }
    }
}

fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / DAY_SECONDS)
}
