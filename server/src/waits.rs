//! The waits between the tries of one thing, a message or an answer: each about twice as long as the one before, within
//! a bound.

use std::time::Duration;

/// The part of a wait that it is at least, and at most: not all that failed at once tries again at once.
const JITTER: std::ops::Range<f64> = 0.8..1.2;

/// The waits of one thing.
pub struct Waits {
    next: Duration,
    max: Duration,
}

impl Waits {
    /// Begins with the first of these waits, and goes up to the second.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { next: first, max }
    }

    /// Returns the next wait. The other side may ask for a longer one, and not for a shorter one.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let wait = self.next.mul_f64(rand::random_range(JITTER));
        self.next = (self.next * 2).min(self.max);
        asked.map_or(wait, |asked| asked.max(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_mins(5);

    /// Fails unless a wait is about this long.
    #[track_caller]
    fn assert_about(wait: Duration, seconds: f64) {
        let (least, most) = (seconds * JITTER.start, seconds * JITTER.end);
        assert!((least..=most).contains(&wait.as_secs_f64()), "{wait:?}, not about {seconds} s");
    }

    #[test]
    fn waits_grow_to_their_bound() {
        let mut waits = Waits::new(Duration::from_secs(1), MAX);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_about(waits.next(None), f64::from(seconds));
        }
    }

    #[test]
    fn the_other_side_makes_a_wait_longer_and_never_shorter() {
        let mut waits = Waits::new(Duration::from_secs(2), MAX);
        assert_eq!(waits.next(Some(Duration::from_secs(40))), Duration::from_secs(40));
        assert_about(waits.next(Some(Duration::from_secs(1))), 4.0);
        assert_about(waits.next(Some(Duration::ZERO)), 8.0);
        assert_eq!(waits.next(Some(MAX * 2)), MAX * 2);
    }
}
