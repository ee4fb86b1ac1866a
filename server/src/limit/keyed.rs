//! One limit for each of many keys, remembered within a bound.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::direct::NotKeyed;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, StateStore};
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

/// Keys that are remembered by each limit.
const KEYS_MAX: usize = 65_536;
/// Time after which those that have their whole allowance again are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The allowances that are not whole, by key.
struct Allowances<K: Hash + Eq> {
    known: DashMapStateStore<K>,
    /// The one allowance of all for whom there is no room.
    newcomers: InMemoryState,
}

impl<K: Hash + Eq + Clone> StateStore for Allowances<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // Those who are known keep their own, however many others come.
        if self.known.contains_key(key) || self.known.len() < KEYS_MAX {
            return self.known.measure_and_replace(key, f);
        }
        self.newcomers.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Allowances<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.known.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.known.len()
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

type Cells<K, C> = RateLimiter<K, Allowances<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One limit for each key.
pub struct Keyed<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    cells: Cells<K, C>,
    clock: C,
    burst: NonZeroU32,
    /// When it was last swept. Held while it is swept: others pass it by.
    swept_at: Mutex<C::Instant>,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    /// Returns a limit by the machine's clock.
    pub fn of(quota: Quota) -> Self {
        Self::new(quota, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Keyed<K, C> {
    fn new(quota: Quota, clock: C) -> Self {
        let swept_at = Mutex::new(clock.now());
        let allowances =
            Allowances { known: DashMapStateStore::default(), newcomers: InMemoryState::default() };
        let burst = quota.burst_size();
        Self { cells: RateLimiter::new(quota, allowances, clock.clone()), clock, burst, swept_at }
    }

    /// Takes as many from the key's allowance, or says how long to wait. More than a burst count as a burst: who
    /// waits long enough is let in.
    pub fn check(&self, key: &K, count: NonZeroU32) -> Result<(), Duration> {
        self.sweep();
        let checked = self.cells.check_key_n(key, count.min(self.burst));
        let checked = checked.expect("a burst fits into the allowance");
        checked.map_err(|until| until.wait_time_from(self.clock.now()))
    }

    fn sweep(&self) {
        let now = self.clock.now();
        if let Some(mut swept_at) = self.swept_at.try_lock()
            && Duration::from(now.duration_since(*swept_at)) >= SWEEP_EVERY
        {
            self.cells.retain_recent();
            *swept_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    fn keyed(a_second: u32, burst: u32) -> (Keyed<u32, FakeRelativeClock>, FakeRelativeClock) {
        let figure = |n| NonZeroU32::new(n).unwrap();
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_second(figure(a_second)).allow_burst(figure(burst));
        (Keyed::new(quota, clock.clone()), clock)
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_it_goes_by_the_rate() {
        let (keyed, clock) = keyed(2, 4);
        for _ in 0..4 {
            assert_eq!(keyed.check(&1, ONE), Ok(()));
        }
        let wait = keyed.check(&1, ONE).unwrap_err();
        assert!(wait <= Duration::from_millis(500) && wait > Duration::ZERO, "{wait:?}");
        assert_eq!(keyed.check(&2, ONE), Ok(()), "another has an allowance of their own");
        clock.advance(wait);
        assert_eq!(keyed.check(&1, ONE), Ok(()), "who waits as long as told is let in");
        assert!(keyed.check(&1, ONE).is_err());
    }

    #[test]
    fn several_are_taken_at_once_and_never_more_than_there_can_be() {
        let (keyed, clock) = keyed(2, 4);
        let figure = |n| NonZeroU32::new(n).unwrap();
        assert_eq!(keyed.check(&1, figure(3)), Ok(()));
        let wait = keyed.check(&1, figure(3)).unwrap_err();
        clock.advance(wait);
        assert_eq!(keyed.check(&1, figure(3)), Ok(()));
        clock.advance(Duration::from_secs(2));
        assert_eq!(keyed.check(&1, figure(100)), Ok(()), "as a whole burst");
        assert!(keyed.check(&1, ONE).is_err());
    }

    #[test]
    fn those_who_have_their_allowance_again_are_forgotten() {
        let (keyed, clock) = keyed(1, 2);
        for key in 0..1_000 {
            keyed.check(&key, ONE).unwrap();
        }
        assert_eq!(keyed.cells.len(), 1_000);
        clock.advance(SWEEP_EVERY * 3);
        keyed.check(&0, ONE).unwrap();
        assert!(keyed.cells.len() <= 1, "{} are remembered", keyed.cells.len());
    }

    #[test]
    fn beyond_the_bound_newcomers_share_one_allowance_and_the_known_keep_theirs() {
        let (keyed, clock) = keyed(1, 2);
        let max = u32::try_from(KEYS_MAX).unwrap();
        for key in 0..max {
            keyed.check(&key, ONE).unwrap();
        }
        assert_eq!(keyed.check(&max, ONE), Ok(()));
        assert_eq!(keyed.check(&(max + 1), ONE), Ok(()));
        assert!(keyed.check(&(max + 2), ONE).is_err(), "the third of the newcomers");
        assert_eq!(keyed.check(&0, ONE), Ok(()), "who is known has an allowance of their own");
        assert_eq!(keyed.cells.len(), KEYS_MAX);
        clock.advance(SWEEP_EVERY * 3);
        assert_eq!(keyed.check(&(max + 2), ONE), Ok(()), "there is room again");
    }
}
