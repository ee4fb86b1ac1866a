//! The sign-ins that have come back, so that none comes back twice.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::pending::LIFETIME;

/// Most sign-ins that are remembered: over a hundred a second. When there are more, the oldest is forgotten;
/// its code is then its provider's to refuse.
const USED_MAX: usize = 65_536;

/// The states of sign-ins that have come back in the last ten minutes.
#[derive(Default)]
pub struct UsedStates(
    /// Held for a look-up and an insertion.
    Mutex<Used>,
);

#[derive(Default)]
struct Used {
    states: HashSet<[u8; 16]>,
    in_order: VecDeque<(Instant, [u8; 16])>,
}

impl UsedStates {
    /// Returns true the first time that it sees a state.
    pub fn is_first(&self, state: &str) -> bool {
        self.is_first_at(state, Instant::now())
    }

    fn is_first_at(&self, state: &str, now: Instant) -> bool {
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(state.as_bytes()).as_bytes()[..16]);
        let mut used = self.0.lock();
        let Used { states, in_order } = &mut *used;
        let is_old = |made: Instant| now.saturating_duration_since(made) > LIFETIME + Duration::from_secs(1);
        while in_order.front().is_some_and(|(made, _)| is_old(*made)) || in_order.len() >= USED_MAX {
            if let Some((_, old)) = in_order.pop_front() {
                states.remove(&old);
            }
        }
        let is_first = states.insert(key);
        if is_first {
            in_order.push_back((now, key));
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_used_once_and_so_many_are_remembered() {
        let (used, now) = (UsedStates::default(), Instant::now());
        assert!(used.is_first_at("a", now) && !used.is_first_at("a", now + LIFETIME));
        for state in 0..2 * USED_MAX {
            assert!(used.is_first_at(&state.to_string(), now));
        }
        assert_eq!(used.0.lock().states.len(), USED_MAX);
        assert!(used.is_first_at("b", now + 2 * LIFETIME));
        assert_eq!(used.0.lock().states.len(), 1, "what is old is forgotten");
    }
}
