//! One limit for each of many keys, remembered within a bound. A limit that takes the place of another goes
//! on with what each key has used up.

use std::cell::Cell;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
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
#[derive(Clone)]
struct Allowances<K: Hash + Eq> {
    known: Arc<DashMapStateStore<K>>,
    /// The one allowance of all for whom there is no room.
    newcomers: Arc<InMemoryState>,
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

impl<K: Hash + Eq + Clone> Allowances<K> {
    fn new() -> Self {
        Self { known: Arc::default(), newcomers: Arc::default() }
    }
}

/// Allowances as a limiter has them: times in nanoseconds since its start, at which each is whole again.
#[derive(Clone, Copy)]
struct Terms {
    /// Nanoseconds that it has been running for.
    now: u64,
    quota: Quota,
}

impl Terms {
    /// Returns the time at which an allowance is whole again that has as much used up as one of `before`;
    /// `None` when nothing is, and never more than all of it.
    fn convert(self, whole_at: Nanos, before: Self) -> Option<Nanos> {
        let nanos = |terms: Self| terms.quota.replenish_interval().as_nanos();
        let left = whole_at.as_u64().checked_sub(before.now).filter(|left| *left > 0)?;
        let left = u128::from(left) * nanos(self) / nanos(before).max(1);
        let whole = nanos(self) * u128::from(self.quota.burst_size().get());
        Some(Nanos::new(self.now + u64::try_from(left.min(whole)).unwrap_or(u64::MAX / 2)))
    }
}

/// Returns the time at which an allowance is whole again, if it ever was taken from.
fn whole_at(state: &InMemoryState) -> Option<Nanos> {
    let found = Cell::new(None);
    let _ = state.measure_and_replace(&NotKeyed::NonKey, |at| {
        found.set(at);
        Err::<((), Nanos), ()>(())
    });
    found.get()
}

type Cells<K, C> = RateLimiter<K, Allowances<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One limit for each key.
pub struct Keyed<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    cells: Cells<K, C>,
    /// Those of the cells.
    allowances: Allowances<K>,
    quota: Quota,
    clock: C,
    started_at: C::Instant,
    /// When it was last swept. Held while it is swept: others pass it by.
    swept_at: Mutex<C::Instant>,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    /// Returns a limit by the machine's clock, which goes on where the one before it was, if there was one.
    pub fn of(quota: Quota, before: Option<&Self>) -> Self {
        match before {
            Some(before) => before.followed_by(quota),
            None => Self::new(quota, DefaultClock::default(), Allowances::new()),
        }
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Keyed<K, C> {
    fn new(quota: Quota, clock: C, allowances: Allowances<K>) -> Self {
        let started_at = clock.now();
        let swept_at = Mutex::new(started_at);
        let cells = RateLimiter::new(quota, allowances.clone(), clock.clone());
        Self { cells, allowances, quota, clock, started_at, swept_at }
    }

    /// Returns another limit in which every key has used up as much as here.
    fn followed_by(&self, quota: Quota) -> Self {
        let before =
            Terms { now: self.clock.now().duration_since(self.started_at).as_u64(), quota: self.quota };
        let after = Terms { now: 0, quota };
        let allowances = Allowances::new();
        let put = |whole_at: Option<Nanos>| {
            let at = whole_at.and_then(|at| after.convert(at, before));
            move |_| at.map(|at| ((), at)).ok_or(())
        };
        for entry in &*self.allowances.known {
            let _ = allowances.known.measure_and_replace(entry.key(), put(whole_at(entry.value())));
        }
        let _ = allowances
            .newcomers
            .measure_and_replace(&NotKeyed::NonKey, put(whole_at(&self.allowances.newcomers)));
        Self::new(quota, self.clock.clone(), allowances)
    }

    /// Takes as many from the key's allowance, or says how long to wait. More than a burst count as a burst:
    /// who waits long enough is let in.
    pub fn check(&self, key: &K, count: NonZeroU32) -> Result<(), Duration> {
        self.sweep();
        let checked = self.cells.check_key_n(key, count.min(self.quota.burst_size()));
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
        (Keyed::new(quota, clock.clone(), Allowances::new()), clock)
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
    fn a_limit_that_takes_the_place_of_another_goes_on_with_what_was_used_up() {
        let quota = |a_second, burst| {
            Quota::per_second(NonZeroU32::new(a_second).unwrap()).allow_burst(NonZeroU32::new(burst).unwrap())
        };
        let left =
            |keyed: &Keyed<u32, _>, key| (0..1_000).take_while(|_| keyed.check(&key, ONE).is_ok()).count();
        // (used up of 10, the limit after it, left of that)
        for (used, (a_second, burst), expected) in [
            (0, (5, 20), 20),
            (4, (1, 10), 6),
            (4, (100, 1_000), 996),
            (10, (100, 1_000), 990),
            (10, (1, 4), 0),
            (3, (1, 2), 0),
        ] {
            let (keyed, clock) = keyed(1, 10);
            clock.advance(Duration::from_secs(1_000));
            for _ in 0..used {
                keyed.check(&1, ONE).unwrap();
            }
            let after = keyed.followed_by(quota(a_second, burst));
            assert_eq!(left(&after, 1), expected, "{used} used, then {burst}");
            assert_eq!(left(&after, 2), burst as usize, "another has used up nothing");
            clock.advance(Duration::from_secs(1));
            assert_eq!(left(&after, 1), a_second.min(burst) as usize, "it goes on by the new rate");
        }
        let (keyed, clock) = keyed(1, 2);
        keyed.check(&1, ONE).unwrap();
        clock.advance(Duration::from_secs(5));
        assert_eq!(left(&keyed.followed_by(quota(1, 2)), 1), 2, "what has grown back is there");
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
