//! A budget of bytes that all addresses share: the bound on what is held in memory for peers that are slow.
//!
//! Each claim on it counts for an address. A claim that finds no room is not refused because others came
//! first: the address that holds the most gives up its oldest claim, and whoever owns that claim ends what it
//! was for. So one address fills only what nobody else asks for. A claim that was given up counts no more
//! from then on; its memory is freed when its owner's task runs next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use crate::log_throttle::LogThrottle;
use crate::metrics::Refusals;

/// Others hold as much as this address does, or less, and there is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit}: {max} bytes are in use, and your address has the most of them; come back in a moment")]
pub struct BudgetFull {
    limit: &'static str,
    max: usize,
}

/// The budget.
pub struct ByteBudget {
    /// Its name in the metrics and in the log.
    name: &'static str,
    max: usize,
    held: Gauge,
    refusals: Refusals,
    log: LogThrottle,
    /// Held for a look-up and for what it changes; nothing in it waits.
    shares: Mutex<Shares>,
}

#[derive(Default)]
struct Shares {
    held: usize,
    /// Claims made so far: the number of the next one.
    claims: u64,
    /// Only addresses that hold something.
    by_address: HashMap<IpAddr, Share>,
    /// The same, by what they hold.
    by_bytes: BTreeSet<(usize, IpAddr)>,
}

/// The claims of one address.
#[derive(Default)]
struct Share {
    bytes: usize,
    /// Its claims by their numbers, the oldest first.
    claims: BTreeMap<u64, Holding>,
}

struct Holding {
    bytes: usize,
    /// Tells its owner that it is given up.
    tell: oneshot::Sender<()>,
}

impl ByteBudget {
    /// A budget of this many bytes. `held` shows what is in use, and `refusals` counts by the name what was
    /// refused or given up.
    pub fn new(name: &'static str, max: usize, held: Gauge, refusals: Refusals) -> Arc<Self> {
        let (log, shares) = (LogThrottle::new(), Mutex::default());
        Arc::new(Self { name, max, held, refusals, log, shares })
    }

    /// Claims bytes for an address. [`GivenUp`] says when they must be freed for another address.
    pub fn claim(self: &Arc<Self>, address: IpAddr, bytes: usize) -> Result<(Claim, GivenUp), BudgetFull> {
        let mut shares = self.shares.lock();
        self.make_room(&mut shares, address, bytes)?;
        let (tell, told) = oneshot::channel();
        let number = shares.claims;
        shares.claims += 1;
        self.change(&mut shares, address, |share| {
            share.bytes += bytes;
            share.claims.insert(number, Holding { bytes, tell });
        });
        Ok((Claim { budget: Arc::clone(self), address, number }, GivenUp(Some(told))))
    }

    /// Gives up claims until there is room for this many bytes of this address: those of whoever would hold the
    /// most, the oldest first.
    fn make_room(&self, shares: &mut Shares, address: IpAddr, bytes: usize) -> Result<(), BudgetFull> {
        while shares.held + bytes > self.max {
            let own = shares.by_address.get(&address).map_or(0, |share| share.bytes);
            let greediest = shares.by_bytes.iter().rev().find(|(_, other)| *other != address).copied();
            let loser = match greediest {
                Some((others, other)) if others >= own + bytes => other,
                _ if own > 0 => address,
                _ => return Err(self.refuse(address)),
            };
            self.change(shares, loser, |share| {
                if let Some((_, holding)) = share.claims.pop_first() {
                    share.bytes -= holding.bytes;
                    // Its owner may be about to drop the claim: then there is nobody to tell.
                    let _ = holding.tell.send(());
                }
            });
            self.refuse(loser);
        }
        Ok(())
    }

    fn change(&self, shares: &mut Shares, address: IpAddr, change: impl FnOnce(&mut Share)) {
        shares.change(address, change);
        self.held.set(i64::try_from(shares.held).unwrap_or(i64::MAX));
    }

    fn refuse(&self, address: IpAddr) -> BudgetFull {
        self.refusals.count(self.name);
        if self.log.is_due() {
            tracing::warn!(limit = self.name, bytes = self.max, %address, "the address with the most gives up");
        }
        BudgetFull { limit: self.name, max: self.max }
    }
}

impl Shares {
    fn change(&mut self, address: IpAddr, change: impl FnOnce(&mut Share)) {
        let share = self.by_address.entry(address).or_default();
        let before = share.bytes;
        change(share);
        let (after, is_empty) = (share.bytes, share.claims.is_empty());
        self.held = self.held - before + after;
        self.by_bytes.remove(&(before, address));
        if is_empty {
            self.by_address.remove(&address);
        } else {
            self.by_bytes.insert((after, address));
        }
    }
}

/// Bytes of the budget; given back when dropped.
pub struct Claim {
    budget: Arc<ByteBudget>,
    address: IpAddr,
    number: u64,
}

impl Claim {
    /// Claims more bytes. It fails also when this claim had to be given up for it.
    pub fn grow(&mut self, bytes: usize) -> Result<(), BudgetFull> {
        let mut shares = self.budget.shares.lock();
        self.budget.make_room(&mut shares, self.address, bytes)?;
        let mut is_held = false;
        self.budget.change(&mut shares, self.address, |share| {
            if let Some(holding) = share.claims.get_mut(&self.number) {
                holding.bytes += bytes;
                share.bytes += bytes;
                is_held = true;
            }
        });
        if is_held { Ok(()) } else { Err(BudgetFull { limit: self.budget.name, max: self.budget.max }) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut shares = self.budget.shares.lock();
        self.budget.change(&mut shares, self.address, |share| {
            if let Some(holding) = share.claims.remove(&self.number) {
                share.bytes -= holding.bytes;
            }
        });
    }
}

/// Resolves when a claim must be given up; never when it is dropped before.
pub struct GivenUp(Option<oneshot::Receiver<()>>);

impl GivenUp {
    /// Returns true from the moment when the claim is given up; until then the task is woken by it.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(receiver) = &mut self.0 else { return false };
        match Pin::new(receiver).poll(cx) {
            Poll::Pending => false,
            // Asked once: whoever is told ends.
            Poll::Ready(told) => {
                self.0 = None;
                told.is_ok()
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use std::task::Waker;

    use super::*;

    /// A budget whose figures nobody looks at.
    pub fn budget(max: usize) -> Arc<ByteBudget> {
        ByteBudget::new("test", max, Gauge::default(), Refusals::default())
    }

    /// Returns the bytes that are in use.
    pub fn held(budget: &ByteBudget) -> usize {
        budget.shares.lock().held
    }

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    fn is_given_up(given_up: &mut GivenUp) -> bool {
        given_up.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_greediest_address_gives_up_its_oldest_claim_and_not_the_newcomer() {
        let budget = budget(100);
        let (oldest, mut oldest_up) = budget.claim(address(1), 30).unwrap();
        let (_second, mut second_up) = budget.claim(address(1), 30).unwrap();
        let (_other, mut other_up) = budget.claim(address(2), 40).unwrap();
        let (newcomer, mut newcomer_up) = budget.claim(address(3), 10).unwrap();
        assert!(is_given_up(&mut oldest_up));
        assert!(![&mut second_up, &mut other_up, &mut newcomer_up].into_iter().any(is_given_up));
        assert_eq!(held(&budget), 80);
        // What was given up counts once, also when its owner drops it late.
        drop(oldest);
        assert_eq!(held(&budget), 80);
        drop(newcomer);
        assert!(!is_given_up(&mut newcomer_up), "it was not given up but done");
        assert_eq!(held(&budget), 70);
    }

    #[test]
    fn whoever_would_hold_the_most_makes_room_out_of_its_own() {
        let budget = budget(100);
        let (_small, mut small_up) = budget.claim(address(1), 30).unwrap();
        let (mut first, mut first_up) = budget.claim(address(2), 30).unwrap();
        let (mut second, mut second_up) = budget.claim(address(2), 20).unwrap();
        second.grow(30).unwrap();
        assert!(is_given_up(&mut first_up) && !is_given_up(&mut small_up));
        assert!(first.grow(1).is_err(), "it was given up");
        // Its last claim is the one that grows: then it is the one that ends.
        assert!(second.grow(40).is_err());
        assert!(is_given_up(&mut second_up) && !is_given_up(&mut small_up));
        assert_eq!(held(&budget), 30);
        assert!(budget.claim(address(3), 101).is_err(), "more than there is");
    }

    #[test]
    fn a_claim_of_many_addresses_that_hold_little_is_refused_and_nothing_is_left_behind() {
        let budget = budget(100);
        let held_by_others: Vec<_> = (0..10).map(|n| budget.claim(address(n), 10).unwrap()).collect();
        assert!(budget.claim(address(11), 11).is_err(), "it would hold more than any other");
        let (claim, _) = budget.claim(address(11), 10).unwrap();
        drop((held_by_others, claim));
        let shares = budget.shares.lock();
        assert!(shares.held == 0 && shares.by_address.is_empty() && shares.by_bytes.is_empty());
    }
}
