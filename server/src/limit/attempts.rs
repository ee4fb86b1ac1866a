//! Tries to be the operator: after a wrong token, the next one of that address is looked at later.
//!
//! The wait is before the comparison, so who gives up early learns nothing. It grows with the failures of the
//! address and is bounded; the right token of another address does not wait. A success, or time, makes an
//! address new again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Wait before the first try after a failure; each further failure doubles it.
const WAIT_MIN: Duration = Duration::from_millis(250);
/// Longest wait. It ends before the drain cuts connections.
const WAIT_MAX: Duration = Duration::from_secs(4);
/// Time without a failure after which an address is new again.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// Tries of one address that wait at the same time; more are refused.
pub const WAITING_MAX: u32 = 4;
/// Addresses that are remembered; then the one whose failure is the oldest is forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// The failures of each address. The lock is held for a look at the map.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<IpAddr, Failures>>);

struct Failures {
    count: u32,
    last: Instant,
    waiting: u32,
}

impl Failures {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => WAIT_MIN.saturating_mul(1 << doublings.min(u32::BITS - 1)).min(WAIT_MAX),
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.waiting == 0 && now.duration_since(self.last) >= FORGOTTEN_AFTER
    }
}

/// A try that waits for its turn.
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    address: IpAddr,
    wait: Duration,
}

impl Attempts {
    /// Begins a try. Refuses one too many of an address, with the time after which it is worth another.
    pub fn begin(&self, address: IpAddr) -> Result<Attempt<'_>, Duration> {
        let mut by_address = self.0.lock();
        let now = Instant::now();
        let wait = match by_address.get_mut(&address) {
            Some(failures) if failures.is_forgotten(now) => {
                by_address.remove(&address);
                Duration::ZERO
            }
            Some(failures) if failures.count == 0 => Duration::ZERO,
            Some(failures) if failures.waiting >= WAITING_MAX => return Err(failures.wait()),
            Some(failures) => {
                failures.waiting += 1;
                failures.wait()
            }
            None => Duration::ZERO,
        };
        Ok(Attempt { attempts: self, address, wait })
    }

    fn failed(&self, address: IpAddr) {
        let mut by_address = self.0.lock();
        let now = Instant::now();
        if by_address.len() >= ADDRESSES_MAX && !by_address.contains_key(&address) {
            by_address.retain(|_, failures| !failures.is_forgotten(now));
            let idle = by_address.iter().filter(|(_, failures)| failures.waiting == 0);
            let oldest = idle.min_by_key(|(_, failures)| failures.last).map(|(address, _)| *address);
            let Some(oldest) = oldest.filter(|_| by_address.len() >= ADDRESSES_MAX) else { return };
            by_address.remove(&oldest);
        }
        let failures = by_address.entry(address).or_insert(Failures { count: 0, last: now, waiting: 0 });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }
}

impl Attempt<'_> {
    /// Waits for its turn, then compares, and remembers the outcome.
    pub async fn compare(self, is_right: impl FnOnce() -> bool) -> bool {
        if !self.wait.is_zero() {
            tokio::time::sleep(self.wait).await;
        }
        let is_right = is_right();
        if is_right {
            // Others of the address may be waiting: they go on, and are counted again.
            if let Some(failures) = self.attempts.0.lock().get_mut(&self.address) {
                failures.count = 0;
            }
        } else {
            self.attempts.failed(self.address);
        }
        is_right
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // Only a try that waits has been counted.
        if !self.wait.is_zero()
            && let Some(failures) = self.attempts.0.lock().get_mut(&self.address)
        {
            failures.waiting = failures.waiting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));
    const ADA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 8));

    /// The time that a try takes.
    async fn try_once(attempts: &Attempts, address: IpAddr, is_right: bool) -> Duration {
        let begun = Instant::now();
        assert_eq!(attempts.begin(address).unwrap().compare(|| is_right).await, is_right);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_makes_the_next_try_of_its_address_wait_longer_and_never_for_long() {
        let attempts = Attempts::default();
        let mut waits = Vec::new();
        for _ in 0..40 {
            waits.push(try_once(&attempts, EVE, false).await);
            assert_eq!(try_once(&attempts, ADA, true).await, Duration::ZERO, "another address");
        }
        assert_eq!(waits[..3], [Duration::ZERO, WAIT_MIN, 2 * WAIT_MIN]);
        assert!(waits.is_sorted() && waits[39] == WAIT_MAX, "{waits:?}");
        assert_eq!(try_once(&attempts, EVE, true).await, WAIT_MAX, "the right one waits too: no oracle");
        assert_eq!(try_once(&attempts, EVE, false).await, Duration::ZERO, "and makes the address new");
        assert_eq!(try_once(&attempts, EVE, false).await, WAIT_MIN);
        tokio::time::advance(FORGOTTEN_AFTER).await;
        assert_eq!(try_once(&attempts, EVE, false).await, Duration::ZERO, "as time does");
    }

    #[tokio::test(start_paused = true)]
    async fn few_tries_of_an_address_wait_at_a_time_and_who_leaves_makes_room() {
        let attempts = Attempts::default();
        try_once(&attempts, EVE, false).await;
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| attempts.begin(EVE).unwrap()).collect();
        assert_eq!(attempts.begin(EVE).err(), Some(WAIT_MIN));
        assert!(attempts.begin(ADA).is_ok());
        drop(waiting.pop());
        assert!(attempts.begin(EVE).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_for_addresses_is_bounded_and_the_oldest_is_forgotten() {
        let attempts = Attempts::default();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let max = u32::try_from(ADDRESSES_MAX).unwrap();
        for n in 0..max + 10 {
            tokio::time::advance(Duration::from_millis(1)).await;
            try_once(&attempts, address(n), false).await;
        }
        assert_eq!(attempts.0.lock().len(), ADDRESSES_MAX);
        assert!(attempts.begin(address(0)).unwrap().wait.is_zero());
        assert!(!attempts.begin(address(max)).unwrap().wait.is_zero());
    }
}
