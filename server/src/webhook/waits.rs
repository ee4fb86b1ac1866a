//! The waits between the tries of one message: each twice as long as the one before, within a bound.

use std::time::Duration;

/// Longest wait, unless the receiver names another.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// The waits of one message.
pub struct Waits(Duration);

impl Waits {
    /// Begins with this wait.
    pub fn new(first: Duration) -> Self {
        Self(first)
    }

    /// Returns the next wait; the receiver may ask for a longer one.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(WAIT_MAX);
        asked.map_or(wait, |asked| asked.max(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_minutes_and_never_end_before_the_receiver_asked_for() {
        let mut waits = Waits::new(Duration::from_secs(1));
        let seconds: Vec<u64> = (0..11).map(|_| waits.next(None).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        let mut waits = Waits::new(Duration::from_secs(2));
        assert_eq!(waits.next(Some(Duration::from_secs(40))), Duration::from_secs(40));
        assert_eq!(waits.next(Some(Duration::from_secs(1))), Duration::from_secs(4));
    }
}
