//! The limits: each request is held to them before it does anything.
//!
//! A reload puts others in place while requests are served. Bans, open connections and what everybody has
//! used up of their allowances survive it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use governor::Quota;
use hyper::Version;
use hyper::body::Body;
use millchat::AuthorKind;

use super::attempts::{Attempt, Attempts, WAITING_MAX};
use super::authors::AuthorAddresses;
use super::bans::AddressBans;
use super::connections::{ConnectionPermit, Connections};
use super::keyed::Keyed;
use super::setting::{Pace, RateLimit};
use crate::client_ip::{Client, ListenerKind, Peer, Proxies, client};
use crate::metrics::Refusals;
use crate::paths::OPERATORS;

/// When to come back with another connection is nobody's to know; this is when to try.
const CONNECTION_RETRY_AFTER: Duration = Duration::from_secs(5);
/// Bytes of a message's body beyond which it counts as one message more, and again.
const MESSAGE_BYTES: u64 = 8 * 1024;
/// Messages of one program (an API token or an incoming webhook), whatever the operator's limits are.
const PROGRAM_PACE: Pace = Pace {
    a_second: NonZeroU32::new(5).expect("five is not zero"),
    burst: NonZeroU32::new(20).expect("twenty is not zero"),
};
/// Unfinished answers of one program: of four at a time, each twice a second, whatever their lengths.
const DRAFT_PACE: Pace = Pace {
    a_second: NonZeroU32::new(8).expect("eight is not zero"),
    burst: NonZeroU32::new(20).expect("twenty is not zero"),
};
/// A site of IPv6 may do this many times as much as one of its networks.
const SITE_FACTOR: u32 = 16;

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

/// A limit of each address, and a larger one of each site of IPv6.
struct ByAddress {
    addresses: Keyed<IpAddr>,
    sites: Keyed<IpAddr>,
    /// The limit, as those who are refused read it.
    words: String,
}

impl ByAddress {
    /// Makes a limit; `quota` is the allowance of this many addresses.
    fn new(words: String, quota: impl Fn(NonZeroU32) -> Quota, before: Option<&Self>) -> Self {
        let one = quota(NonZeroU32::MIN);
        let site = quota(NonZeroU32::MIN.saturating_add(SITE_FACTOR - 1));
        Self {
            addresses: Keyed::of(one, before.map(|before| &before.addresses)),
            sites: Keyed::of(site, before.map(|before| &before.sites)),
            words,
        }
    }

    fn of_pace(pace: Pace, what: &str, before: Option<&Self>) -> Self {
        Self::new(pace.said(what), |times| pace.quota(times), before)
    }

    fn check(&self, client: &Client, count: NonZeroU32) -> Result<(), Duration> {
        self.addresses.check(&client.counted(), count)?;
        client.site().map_or(Ok(()), |site| self.sites.check(&site, count))
    }
}

/// The limits that apply until the next reload.
struct Rules {
    limit: RateLimit,
    proxies: Proxies,
    author: Option<Keyed<Arc<str>>>,
    address: Option<ByAddress>,
    reads: Option<ByAddress>,
    guests: Option<ByAddress>,
    logins: Option<ByAddress>,
}

impl Rules {
    /// Makes these, with what was used up under those before.
    fn new(limit: RateLimit, proxies: Proxies, before: Option<&Self>) -> Self {
        let of_guests = |max: NonZeroU32| {
            let words = format!("new guests from one address: at most {max} a minute");
            let quota = |times| Quota::per_minute(max.saturating_mul(times));
            ByAddress::new(words, quota, before.and_then(|before| before.guests.as_ref()))
        };
        let of_logins = |max: NonZeroU32| {
            let words = format!("sign-ins from one address: at most {max} a minute");
            let quota = |times| Quota::per_minute(max.saturating_mul(times));
            ByAddress::new(words, quota, before.and_then(|before| before.logins.as_ref()))
        };
        let of_author = |pace: Pace| {
            Keyed::of(pace.quota(NonZeroU32::MIN), before.and_then(|before| before.author.as_ref()))
        };
        let of_address = |pace| {
            let before = before.and_then(|before| before.address.as_ref());
            ByAddress::of_pace(pace, "messages from one address", before)
        };
        let of_reads = |pace| {
            let before = before.and_then(|before| before.reads.as_ref());
            ByAddress::of_pace(pace, "reads from one address", before)
        };
        Self {
            limit,
            proxies,
            author: limit.author.map(of_author),
            address: limit.address.map(of_address),
            reads: limit.reads.map(of_reads),
            guests: limit.guests.map(of_guests),
            logins: limit.logins.map(of_logins),
        }
    }
}

/// Holds everybody to the limits.
pub struct Limits {
    /// Loaded by every request, and stored by a reload.
    rules: ArcSwap<Rules>,
    connections: Connections,
    authors: AuthorAddresses,
    /// By the program's id as an author.
    programs: Keyed<Arc<str>>,
    /// The same, for unfinished answers.
    drafts: Keyed<Arc<str>>,
    bans: AddressBans,
    attempts: Attempts,
    refusals: Refusals,
}

impl Limits {
    /// Returns these limits; refusals are counted.
    pub fn new(limit: RateLimit, proxies: Proxies, refusals: Refusals) -> Self {
        Self {
            rules: ArcSwap::from_pointee(Rules::new(limit, proxies, None)),
            connections: Connections::default(),
            authors: AuthorAddresses::default(),
            programs: Keyed::of(PROGRAM_PACE.quota(NonZeroU32::MIN), None),
            drafts: Keyed::of(DRAFT_PACE.quota(NonZeroU32::MIN), None),
            bans: AddressBans::default(),
            attempts: Attempts::default(),
            refusals,
        }
    }

    /// Puts others in place. Only one reload may do so at a time.
    pub fn set(&self, limit: RateLimit, proxies: Proxies) {
        let rules = Rules::new(limit, proxies, Some(&self.rules.load()));
        self.rules.store(Arc::new(rules));
    }

    /// A connection was accepted. One that may be a proxy's is not its own: its requests are counted one by
    /// one.
    pub fn connect(&self, peer: Peer) -> Result<Option<ConnectionPermit>, Limited> {
        let Peer { address, listener } = peer;
        let rules = self.rules.load();
        if listener == ListenerKind::Admin || rules.proxies.may_forward(address) {
            return Ok(None);
        }
        self.hold(&rules, &Client::of(address))
    }

    /// Somebody tries to be the operator. One of too many of an address is refused without a look at its
    /// token.
    pub fn attempt(&self, client: &Client) -> Result<Attempt<'_>, Limited> {
        self.attempts.begin(client.share()).map_err(|wait| {
            let limit = format!("tries with an admin token after a wrong one: at most {WAITING_MAX} wait");
            self.refuse("admin", limit, wait)
        })
    }

    /// Returns the addresses from which an author wrote in the last hour, the newest first, and the time
    /// since each.
    pub fn addresses_of(&self, author: &str) -> Vec<(IpAddr, Duration)> {
        self.authors.of(author)
    }

    /// Returns the bans of addresses.
    pub fn bans(&self) -> &AddressBans {
        &self.bans
    }

    fn refuse_banned(&self, address: IpAddr) -> Result<(), Limited> {
        match self.bans.left(address) {
            Some(left) => Err(self.refuse("banned", "this address is banned by the operator".into(), left)),
            None => Ok(()),
        }
    }

    /// A request has come in on a connection of `peer`. What it gives is to be kept until it is answered.
    pub fn arrive<B>(
        &self,
        peer: Peer,
        req: &mut hyper::Request<B>,
    ) -> Result<Option<ConnectionPermit>, Limited> {
        let Peer { address: peer, listener } = peer;
        if listener == ListenerKind::Admin {
            req.extensions_mut().insert(Client::of_operator(peer));
            return Ok(None);
        }
        let rules = self.rules.load();
        let client = rules.proxies.client(peer, req.headers());
        req.extensions_mut().insert(client);
        // A ban by mistake is ended by the operator, from wherever they are.
        if !req.uri().path().starts_with(OPERATORS) {
            self.refuse_banned(client.address)?;
        }
        // Each of the requests that share a connection of HTTP/2 counts as one of its own.
        let is_one_of_several = rules.proxies.may_forward(peer) || req.version() == Version::HTTP_2;
        if is_one_of_several { self.hold(&rules, &client) } else { Ok(None) }
    }

    /// The server has as many connections as it may: a request that shares one is one too many.
    pub fn full(&self) -> Limited {
        self.refuse("connections", "open connections of the server".to_owned(), CONNECTION_RETRY_AFTER)
    }

    /// A stream has one room more: each one beyond the first counts as a connection of its own.
    pub fn room<B>(&self, req: &hyper::Request<B>) -> Result<Option<ConnectionPermit>, Limited> {
        self.hold(&self.rules.load(), &client(req))
    }

    fn hold(&self, rules: &Rules, client: &Client) -> Result<Option<ConnectionPermit>, Limited> {
        let Some(max) = rules.limit.connections.filter(|_| !client.is_exempt) else { return Ok(None) };
        let site_max = max.get().saturating_mul(SITE_FACTOR);
        let permit = self.connections.take(client, max, site_max);
        permit.map(Some).ok_or_else(|| {
            let limit = format!("open connections of one address: at most {max}");
            self.refuse("connections", limit, CONNECTION_RETRY_AFTER)
        })
    }

    /// The author sends a message, an edit or a delete. A long one counts as several. A program has a limit of its own
    /// in place of the authors'.
    pub fn message<B: Body>(
        &self,
        author: &millchat::Author,
        req: &hyper::Request<B>,
    ) -> Result<(), Limited> {
        self.authors.saw(&author.id, client(req).address);
        let rules = self.rules.load();
        let by_program = author.kind == AuthorKind::Bot;
        let of_author = rules.author.as_ref().zip(rules.limit.author).filter(|_| !by_program);
        // The author first: one who is refused takes nothing from the others of the address.
        if let Some((keyed, pace)) = of_author {
            keyed
                .check(&author.id, weight(req))
                .map_err(|wait| self.refuse("author", pace.said("messages by one author"), wait))?;
        }
        if by_program {
            let said = || PROGRAM_PACE.said("messages by one program");
            let checked = self.programs.check(&author.id, weight(req));
            checked.map_err(|wait| self.refuse("program", said(), wait))?;
        }
        self.of_address(&client(req), "address", rules.address.as_ref(), weight(req))
    }

    /// The author shows an unfinished answer.
    pub fn draft<B: Body>(&self, author: &millchat::Author, req: &hyper::Request<B>) -> Result<(), Limited> {
        if author.kind != AuthorKind::Bot {
            // They will be refused, and not without end.
            return self.message(author, req);
        }
        let checked = self.drafts.check(&author.id, NonZeroU32::MIN);
        let said = || DRAFT_PACE.said("unfinished answers by one program");
        checked.map_err(|wait| self.refuse("program", said(), wait))?;
        self.of_address(&client(req), "address", self.rules.load().address.as_ref(), NonZeroU32::MIN)
    }

    /// Somebody reads a page, history or an overview, or joins a room.
    pub fn read<B>(&self, req: &hyper::Request<B>) -> Result<(), Limited> {
        self.of_address(&client(req), "reads", self.rules.load().reads.as_ref(), NonZeroU32::MIN)
    }

    /// Somebody begins to sign in, or comes back.
    pub fn login<B>(&self, req: &hyper::Request<B>) -> Result<(), Limited> {
        self.of_address(&client(req), "logins", self.rules.load().logins.as_ref(), NonZeroU32::MIN)
    }

    /// Somebody becomes a guest.
    pub fn guest<B>(&self, req: &hyper::Request<B>) -> Result<(), Limited> {
        self.of_address(&client(req), "guests", self.rules.load().guests.as_ref(), NonZeroU32::MIN)
    }

    /// Somebody becomes the owner of a room. It counts as becoming a guest does.
    pub fn owner(&self, client: &Client) -> Result<(), Limited> {
        self.of_address(client, "guests", self.rules.load().guests.as_ref(), NonZeroU32::MIN)
    }

    fn of_address(
        &self,
        client: &Client,
        name: &'static str,
        limit: Option<&ByAddress>,
        count: NonZeroU32,
    ) -> Result<(), Limited> {
        let Some(limit) = limit.filter(|_| !client.is_exempt) else { return Ok(()) };
        limit.check(client, count).map_err(|wait| self.refuse(name, limit.words.clone(), wait))
    }

    fn refuse(&self, name: &'static str, limit: String, retry_after: Duration) -> Limited {
        self.refusals.count(name);
        Limited { limit, retry_after }
    }
}

/// Returns the number of messages as which a request counts. One that does not give its length may be of any.
fn weight<B: Body>(req: &hyper::Request<B>) -> NonZeroU32 {
    let more = req.body().size_hint().exact().unwrap_or(u64::MAX) / MESSAGE_BYTES;
    NonZeroU32::MIN.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Limits {
        Limits::new(text.parse().unwrap(), Proxies::default(), Refusals::default())
    }

    /// Returns a peer of the public listener.
    fn at(address: &str) -> Peer {
        Peer { address: address.parse().unwrap(), listener: ListenerKind::Public }
    }

    fn from(limits: &Limits, peer: &str) -> hyper::Request<()> {
        let mut req = hyper::Request::new(());
        limits.arrive(at(peer), &mut req).unwrap();
        req
    }

    #[test]
    fn a_site_of_ipv6_may_do_more_than_one_of_its_networks_and_not_all_that_they_could() {
        let limits = limits("guests=2,connections=1");
        let mut taken = 0;
        for network in 0..100 {
            let req = from(&limits, &format!("2001:db8:1:{network:x}::1"));
            taken += (0..3).filter(|_| limits.guest(&req).is_ok()).count();
        }
        assert_eq!(taken, 2 * SITE_FACTOR as usize);
        let connect = |network: u32| limits.connect(at(&format!("2001:db8:3:{network:x}::1")));
        let held: Vec<_> = (0..100).filter_map(|network| connect(network).ok()).collect();
        assert_eq!(held.len(), SITE_FACTOR as usize);
        drop(held);
        assert!(limits.connections.is_empty());
    }

    #[test]
    fn a_connection_is_given_back() {
        let limits = limits("connections=2");
        let (ada, bob) = (at("192.0.2.1"), at("192.0.2.2"));
        let first = limits.connect(ada).unwrap();
        let second = limits.connect(ada).unwrap();
        let limited = limits.connect(ada).unwrap_err();
        assert_eq!(limited.to_string(), "open connections of one address: at most 2; come back in 5 s");
        assert!(limits.connect(bob).is_ok());
        drop(first);
        drop(limits.connect(ada).unwrap());
        drop(second);
        assert!(limits.connections.is_empty());
    }

    #[test]
    fn who_waits_for_whole_seconds_has_waited_long_enough() {
        for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (5_000, 5)] {
            let limited = Limited { limit: String::new(), retry_after: Duration::from_millis(millis) };
            assert_eq!(limited.retry_after_seconds(), seconds, "{millis} ms");
        }
    }
}
