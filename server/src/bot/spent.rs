//! The tokens that a bot used today. A restart forgets them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// Bytes of text that are counted as a token.
const BYTES_PER_TOKEN: usize = 3;
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

    /// Begins to count an answer to a prompt of this many bytes.
    pub fn bill(self: &Arc<Self>, prompt_bytes: usize) -> Bill {
        Bill { spent: Arc::clone(self), bytes: prompt_bytes, counted: None }
    }

    /// Returns the tokens of today.
    pub fn today(&self) -> u64 {
        let spent = self.0.lock();
        if spent.0 == today() { spent.1 } else { 0 }
    }
}

/// The tokens of one answer, which are spent when it ends, however it does. Where the server has not counted them, they
/// are estimated.
#[derive(Debug)]
pub struct Bill {
    spent: Arc<Spent>,
    bytes: usize,
    counted: Option<u64>,
}

impl Bill {
    /// More bytes of the answer have come.
    pub fn more(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The server has counted, unless it says nothing.
    pub fn counted(&mut self, tokens: u64) {
        self.counted = Some(tokens).filter(|tokens| *tokens > 0);
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        self.spent.add(self.counted.unwrap_or((self.bytes / BYTES_PER_TOKEN) as u64));
    }
}

fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_costs_its_tokens_however_it_ends() {
        let spent = Arc::new(Spent::default());
        let mut counted = spent.bill(300);
        counted.counted(7);
        drop(counted);
        assert_eq!(spent.today(), 7);
        let mut stopped = spent.bill(300);
        stopped.more(30);
        drop(stopped);
        assert_eq!(spent.today(), 7 + 110);
    }
}
