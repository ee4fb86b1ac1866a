//! Log lines that requests can cause: at most one a second from each place, however many requests fail.
//!
//! A disk that fails makes every request fail; a line for each would bury the first one, and fill the disk of
//! the log lines too. How many fail is counted by the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// One place that logs.
pub struct LogThrottle {
    /// The second of the last line, by the wall clock; 0 before the first. It guards nothing, so relaxed.
    last: AtomicU64,
}

impl LogThrottle {
    /// A place that has logged nothing yet.
    pub const fn new() -> Self {
        Self { last: AtomicU64::new(0) }
    }

    /// Returns true if this place may log now; only one caller a second gets true.
    pub fn is_due(&self) -> bool {
        self.is_due_at(millchat::Timestamp::now().0 / 1_000)
    }

    fn is_due_at(&self, second: u64) -> bool {
        self.last.swap(second, Ordering::Relaxed) != second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_logs_once_a_second() {
        let throttle = LogThrottle::new();
        let logged: Vec<bool> =
            [7, 7, 7, 8, 8, 9].into_iter().map(|second| throttle.is_due_at(second)).collect();
        assert_eq!(logged, [true, false, false, true, false, true]);
    }
}
