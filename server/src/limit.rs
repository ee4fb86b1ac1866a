//! Limits of one author or one address, when the operator sets them.
//!
//! Off unless `--rate-limit` sets it, each limit by itself. A request asks here before it does anything; who
//! is refused learns the limit and when to come back. What is remembered of each author and address is
//! bounded by [`KEYS_MAX`] and swept: beyond the bound newcomers share one allowance, so that a flood from
//! ever new addresses costs neither memory nor the limit.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::client_ip::{self, Proxies};
use crate::metrics::Refusals;

/// Authors, and addresses, that are remembered by each limit.
const KEYS_MAX: usize = 65_536;
/// Time after which those that have their whole allowance again are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// When to come back with another connection is nobody's to know; this is when to try.
const CONNECTION_RETRY_AFTER: Duration = Duration::from_secs(5);
/// The largest number that a limit can be.
const FIGURE_MAX: u32 = 1_000_000;

/// Messages a second, and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    a_second: NonZeroU32,
    burst: NonZeroU32,
}

impl Pace {
    fn said(self, what: &str) -> String {
        format!("{what}: at most {} a second, {} at once", self.a_second, self.burst)
    }
}

/// The setting. What is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RateLimit {
    author: Option<Pace>,
    address: Option<Pace>,
    guests: Option<NonZeroU32>,
    connections: Option<NonZeroU32>,
}

impl RateLimit {
    /// Returns true if nothing is limited.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limit = Self::default();
        if text.trim() == "off" {
            return Ok(limit);
        }
        for part in text.split(',') {
            let explained = || {
                format!(
                    "`{}` is not a limit; write off, or some of author=RATE/BURST, address=RATE/BURST, \
                     guests=N, connections=N, each once, for example author=5/20,guests=10,connections=100, \
                     with numbers of 1 to {FIGURE_MAX} and a burst not below its rate",
                    part.trim()
                )
            };
            let (name, value) = part.split_once('=').ok_or_else(explained)?;
            let value = value.trim();
            let fresh = match name.trim() {
                "author" => limit.author.replace(pace(value).ok_or_else(explained)?).is_none(),
                "address" => limit.address.replace(pace(value).ok_or_else(explained)?).is_none(),
                "guests" => limit.guests.replace(figure(value).ok_or_else(explained)?).is_none(),
                "connections" => limit.connections.replace(figure(value).ok_or_else(explained)?).is_none(),
                _ => false,
            };
            if !fresh {
                return Err(explained());
            }
        }
        Ok(limit)
    }
}

fn figure(text: &str) -> Option<NonZeroU32> {
    let number = text.parse::<NonZeroU32>().ok()?;
    (number.get() <= FIGURE_MAX).then_some(number)
}

fn pace(text: &str) -> Option<Pace> {
    let (rate, burst) = text.split_once('/').unwrap_or((text, text));
    let pace = Pace { a_second: figure(rate)?, burst: figure(burst)? };
    (pace.burst >= pace.a_second).then_some(pace)
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = |name, pace: Option<Pace>| pace.map(|p| format!("{name}={}/{}", p.a_second, p.burst));
        let figure = |name, figure: Option<NonZeroU32>| figure.map(|n| format!("{name}={n}"));
        let parts = [
            pace("author", self.author),
            pace("address", self.address),
            figure("guests", self.guests),
            figure("connections", self.connections),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "off".to_owned() } else { parts.join(",") }.as_str())
    }
}

impl TryFrom<String> for RateLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RateLimit> for String {
    fn from(limit: RateLimit) -> Self {
        limit.to_string()
    }
}

/// Somebody took more than they may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{limit}; come back in {} s", self.retry_after_seconds())]
pub struct Limited {
    /// The limit, in words.
    limit: String,
    retry_after: Duration,
}

impl Limited {
    /// Returns whole seconds: a client that waits as long is let in.
    pub fn retry_after_seconds(&self) -> u64 {
        (self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0)).max(1)
    }
}

/// The address that a request counts for; kept with it while there are limits.
#[derive(Debug, Clone, Copy)]
struct Counted(IpAddr);

/// Holds everybody to the limits.
pub struct Limits {
    limit: RateLimit,
    proxies: Vec<Proxies>,
    author: Option<Keyed<Arc<str>>>,
    address: Option<Keyed<IpAddr>>,
    guests: Option<Keyed<IpAddr>>,
    /// Open connections by address, of those that have one: bounded as connections are. Held for a look-up.
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    refusals: Refusals,
}

impl Limits {
    /// With these limits; refusals are counted.
    pub fn new(limit: RateLimit, proxies: Vec<Proxies>, refusals: Refusals) -> Self {
        let of_pace = |pace: Pace| Quota::per_second(pace.a_second).allow_burst(pace.burst);
        Self {
            limit,
            proxies,
            author: limit.author.map(|pace| Keyed::new(of_pace(pace), DefaultClock::default())),
            address: limit.address.map(|pace| Keyed::new(of_pace(pace), DefaultClock::default())),
            guests: limit.guests.map(|n| Keyed::new(Quota::per_minute(n), DefaultClock::default())),
            open: Arc::default(),
            refusals,
        }
    }

    /// A connection was accepted. A trusted proxy's is not its own: its requests are counted one by one.
    pub fn connect(&self, peer: IpAddr) -> Result<Option<ConnectionPermit>, Limited> {
        if client_ip::is_trusted(&self.proxies, peer) { Ok(None) } else { self.hold(peer) }
    }

    /// A request has come in on a connection of `peer`. What it gives is to be kept until it is answered.
    pub fn arrive<B>(
        &self,
        peer: IpAddr,
        req: &mut hyper::Request<B>,
    ) -> Result<Option<ConnectionPermit>, Limited> {
        let client = client_ip::client(&self.proxies, peer, req.headers());
        req.extensions_mut().insert(Counted(client_ip::counted_as(client)));
        if client_ip::is_trusted(&self.proxies, peer) { self.hold(client) } else { Ok(None) }
    }

    fn hold(&self, address: IpAddr) -> Result<Option<ConnectionPermit>, Limited> {
        let Some(max) = self.limit.connections else { return Ok(None) };
        let address = client_ip::counted_as(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= max.get() {
            drop(open);
            let limit = format!("open connections of one address: at most {max}");
            return Err(self.refuse("connections", limit, CONNECTION_RETRY_AFTER));
        }
        *count += 1;
        Ok(Some(ConnectionPermit { open: Arc::clone(&self.open), address }))
    }

    /// The author sends a message, an edit or a delete.
    pub fn message<B>(&self, author: &millchat::Author, req: &hyper::Request<B>) -> Result<(), Limited> {
        // The author first: one who is refused takes nothing from the others of the address.
        if let (Some(keyed), Some(pace)) = (&self.author, self.limit.author) {
            keyed
                .check(Arc::clone(&author.id))
                .map_err(|wait| self.refuse("author", pace.said("messages by one author"), wait))?;
        }
        if let (Some(keyed), Some(pace), Some(address)) = (&self.address, self.limit.address, counted(req)) {
            keyed
                .check(address)
                .map_err(|wait| self.refuse("address", pace.said("messages from one address"), wait))?;
        }
        Ok(())
    }

    /// Somebody becomes a guest.
    pub fn guest<B>(&self, req: &hyper::Request<B>) -> Result<(), Limited> {
        let (Some(keyed), Some(max), Some(address)) = (&self.guests, self.limit.guests, counted(req)) else {
            return Ok(());
        };
        keyed.check(address).map_err(|wait| {
            let limit = format!("new guests from one address: at most {max} a minute");
            self.refuse("guests", limit, wait)
        })
    }

    fn refuse(&self, name: &'static str, limit: String, retry_after: Duration) -> Limited {
        self.refusals.count(name);
        Limited { limit, retry_after }
    }
}

/// Returns the address that a request counts for; all requests without one share the unspecified address.
pub fn address<B>(req: &hyper::Request<B>) -> IpAddr {
    counted(req).unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

fn counted<B>(req: &hyper::Request<B>) -> Option<IpAddr> {
    req.extensions().get().map(|Counted(address)| *address)
}

/// A connection's share of its address's bound; given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    address: IpAddr,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// One limit for each key. `None` is the key of those for whom there is no room.
type Cells<K, C> =
    RateLimiter<Option<K>, DashMapStateStore<Option<K>>, C, NoOpMiddleware<<C as Clock>::Instant>>;

struct Keyed<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    cells: Cells<K, C>,
    clock: C,
    /// When it was last swept. Held while it is swept: others pass it by.
    swept_at: Mutex<C::Instant>,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Keyed<K, C> {
    fn new(quota: Quota, clock: C) -> Self {
        let swept_at = Mutex::new(clock.now());
        Self { cells: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock, swept_at }
    }

    /// Takes one from the key's allowance, or says how long to wait.
    fn check(&self, key: K) -> Result<(), Duration> {
        self.sweep();
        let key = (self.cells.len() < KEYS_MAX).then_some(key);
        self.cells.check_key(&key).map_err(|until| until.wait_time_from(self.clock.now()))
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
            assert_eq!(keyed.check(1), Ok(()));
        }
        let wait = keyed.check(1).unwrap_err();
        assert!(wait <= Duration::from_millis(500) && wait > Duration::ZERO, "{wait:?}");
        assert_eq!(keyed.check(2), Ok(()), "another has an allowance of their own");
        clock.advance(wait);
        assert_eq!(keyed.check(1), Ok(()), "who waits as long as told is let in");
        assert!(keyed.check(1).is_err());
    }

    #[test]
    fn those_who_have_their_allowance_again_are_forgotten() {
        let (keyed, clock) = keyed(1, 2);
        for key in 0..1_000 {
            keyed.check(key).unwrap();
        }
        assert_eq!(keyed.cells.len(), 1_000);
        clock.advance(SWEEP_EVERY * 3);
        keyed.check(0).unwrap();
        assert!(keyed.cells.len() <= 1, "{} are remembered", keyed.cells.len());
    }

    #[test]
    fn beyond_the_bound_newcomers_share_one_allowance_and_nothing_grows() {
        let (keyed, clock) = keyed(1, 2);
        let max = u32::try_from(KEYS_MAX).unwrap();
        for key in 0..max {
            keyed.check(key).unwrap();
        }
        assert_eq!(keyed.check(max), Ok(()));
        assert_eq!(keyed.check(max + 1), Ok(()));
        assert!(keyed.check(max + 2).is_err(), "the third of the newcomers");
        assert_eq!(keyed.cells.len(), KEYS_MAX + 1);
        clock.advance(SWEEP_EVERY * 3);
        assert_eq!(keyed.check(max + 2), Ok(()), "there is room again");
    }

    #[test]
    fn a_connection_is_given_back() {
        let limits = Limits::new("connections=2".parse().unwrap(), Vec::new(), Refusals::default());
        let (ada, bob) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let first = limits.connect(ada).unwrap();
        let second = limits.connect(ada).unwrap();
        let limited = limits.connect(ada).unwrap_err();
        assert_eq!(limited.to_string(), "open connections of one address: at most 2; come back in 5 s");
        assert!(limits.connect(bob).is_ok());
        drop(first);
        drop(limits.connect(ada).unwrap());
        drop(second);
        assert!(limits.open.lock().is_empty());
    }

    #[test]
    fn a_limit_is_read_as_it_is_written() {
        for (text, written) in [
            ("off", "off"),
            ("author=5/20", "author=5/20"),
            (" author=5 , guests=10", "author=5/5,guests=10"),
            (
                "connections=100,guests=10,address=50/200,author=5/20",
                "author=5/20,address=50/200,guests=10,connections=100",
            ),
        ] {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), written);
            assert_eq!(written.parse(), Ok(limit));
        }
        for text in [
            "",
            "on",
            "5",
            "author",
            "author=",
            "author=0",
            "author=-1/2",
            "author=5/2",
            "author=5/20/30",
            "author=1.5",
            "guests=1/2",
            "guests=9999999",
            "messages=5/20",
            "guests=1,guests=2",
            "guests=1,",
        ] {
            let error = text.parse::<RateLimit>().unwrap_err();
            assert!(error.contains("author=RATE/BURST") && error.contains("1000000"), "{text}: {error}");
        }
    }

    #[test]
    fn who_waits_for_whole_seconds_has_waited_long_enough() {
        for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (5_000, 5)] {
            let limited = Limited { limit: String::new(), retry_after: Duration::from_millis(millis) };
            assert_eq!(limited.retry_after_seconds(), seconds, "{millis} ms");
        }
    }
}
