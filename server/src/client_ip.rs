//! Whose request it is, by address: what the socket says, or what a proxy that we trust says.
//!
//! Any client can write `X-Forwarded-For`, so it counts only when the socket's peer is a trusted proxy, and
//! then from the right: each trusted proxy vouches for the entry that it appended. The first address that is
//! not trusted is the client; the addresses left of it are not trusted.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use hyper::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::as_text::as_text;
use crate::headers;

/// The header in which proxies name their client.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies that the log names.
const UNNAMED_MAX: usize = 1_024;

/// Proxies whose word counts: one address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProxyNetwork(IpNet);

impl ProxyNetwork {
    fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for ProxyNetwork {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        network(text).map(Self).ok_or_else(|| {
            format!("`{text}` is not an address or a network; write 127.0.0.1, 10.0.0.0/8, ::1 or fd00::/8")
        })
    }
}

as_text!(ProxyNetwork);

impl fmt::Display for ProxyNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A provider hands a customer a whole network of IPv6 of this many bits, so that is what counts as one
/// address.
const NETWORK_BITS: u32 = 64;
/// A larger customer has a network of this many bits: it has a larger limit of its own, and one share of what
/// is shared.
const SITE_BITS: u32 = 48;
/// The networks by which IPv6 alone reaches IPv4 (RFC 6052): the last 32 bits are the address.
const NAT64: u128 = 0x0064_ff9b << 96;

/// The listener by which a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerKind {
    /// The one for everybody.
    Public,
    /// The operator's.
    Admin,
    /// The one that leads plain HTTP to the public URL.
    Redirect,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address; that of the machine for a socket in the file system.
    pub address: IpAddr,
    /// The listener.
    pub listener: ListenerKind,
}

/// The client of a request; kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The address that limits and bans count.
    pub address: IpAddr,
    /// The address that shares count: the word of a proxy that nobody has named is good enough for those.
    pub shared: IpAddr,
    /// True if the limits of an address are not for it, since such a proxy forwards it.
    pub is_exempt: bool,
    /// The listener by which the request came.
    pub listener: ListenerKind,
}

impl Client {
    /// Makes the client of a connection.
    pub fn of(peer: IpAddr) -> Self {
        let address = canonical(peer);
        Self { address, shared: address, is_exempt: false, listener: ListenerKind::Public }
    }

    /// Makes the client of a connection to the admin listener. It is held to no limit of addresses, and
    /// speaks for nobody else.
    pub fn of_operator(peer: IpAddr) -> Self {
        Self { is_exempt: true, listener: ListenerKind::Admin, ..Self::of(peer) }
    }

    /// Returns the address that limits count: itself for IPv4, its network for IPv6.
    pub fn counted(&self) -> IpAddr {
        first_bits(self.address, NETWORK_BITS)
    }

    /// Returns the site of an address of IPv6, which has limits of its own.
    pub fn site(&self) -> Option<IpAddr> {
        self.address.is_ipv6().then(|| first_bits(self.address, SITE_BITS))
    }

    /// Returns the address that has one share of memory and turns: itself for IPv4, its site for IPv6.
    pub fn share(&self) -> IpAddr {
        first_bits(self.shared, SITE_BITS)
    }

    /// Returns a number for its turns at the log: never 0, which is nobody's.
    pub fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.share().hash(&mut hasher);
        hasher.finish() | 1
    }
}

/// Returns the client of a request that has arrived; requests that have not share the unspecified address.
pub fn client<B>(req: &hyper::Request<B>) -> Client {
    req.extensions().get().copied().unwrap_or_else(|| Client::of(Ipv6Addr::UNSPECIFIED.into()))
}

/// Returns an address of IPv4 as one, however it is written.
fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.to_bits() & !u128::from(u32::MAX) == NAT64 => {
            Ipv4Addr::from_bits(v6.to_bits() as u32).into()
        }
        address => address,
    }
}

/// Returns the network that a text names: of IPv4 also when it is written as one of IPv6.
pub fn network(text: &str) -> Option<IpNet> {
    const MAPPED_BITS: u8 = 96;
    let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let network = text.parse::<IpNet>().ok().or_else(alone)?.trunc();
    let mapped = network.addr().to_canonical();
    match network.prefix_len().checked_sub(MAPPED_BITS) {
        Some(bits) if mapped.is_ipv4() && network.addr().is_ipv6() => IpNet::new(mapped, bits).ok(),
        _ => Some(network),
    }
}

/// Returns the network of an address of IPv6 that counts as one address; an address of IPv4 alone.
pub fn counted_network(address: IpAddr) -> IpNet {
    let bits = if address.is_ipv6() { NETWORK_BITS as u8 } else { 32 };
    IpNet::new(address, bits).map_or_else(|_| address.into(), |network| network.trunc())
}

fn first_bits(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (u128::BITS - bits))).into(),
    }
}

/// The proxies whose word counts, and those that nobody has named yet.
#[derive(Debug, Default)]
pub struct Proxies {
    trusted: Vec<ProxyNetwork>,
    unnamed: Option<Unnamed>,
}

/// Private peers that forward for others although the operator has not said so.
#[derive(Debug)]
struct Unnamed {
    told: Mutex<HashSet<IpAddr>>,
    /// The limits of an address are not for those whom they forward: nobody has set these limits either.
    are_exempt: bool,
}

impl Proxies {
    /// Trusts these and no others.
    pub fn new(trusted: Vec<ProxyNetwork>) -> Self {
        Self { trusted, unnamed: None }
    }

    /// The same, where no proxies were set: a private peer that forwards for others is named in the log. Its
    /// word counts for shares; and if no limits were set either, those of an address do not lock out all whom
    /// it forwards.
    pub fn with_unnamed(trusted: Vec<ProxyNetwork>, are_exempt: bool) -> Self {
        Self { trusted, unnamed: Some(Unnamed { told: Mutex::default(), are_exempt }) }
    }

    /// Returns true if a connection of this peer may carry requests of several clients.
    pub fn may_forward(&self, peer: IpAddr) -> bool {
        let peer = canonical(peer);
        let may_be_exempt = self.unnamed.as_ref().is_some_and(|unnamed| unnamed.are_exempt);
        self.trusts(peer) || (may_be_exempt && is_private(peer))
    }

    /// Returns the client of a request that came in from `peer`.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let client = Client::of(forwarded(peer, headers, |address| self.trusts(address)));
        let Some(unnamed) = self.unnamed.as_ref().filter(|_| is_private(client.address)) else {
            return client;
        };
        let shared = forwarded(peer, headers, |address| self.trusts(address) || is_private(address));
        // Some write no address into the header.
        let names_nobody = client.address == canonical(peer) && headers.contains_key(FORWARDED_FOR);
        if shared == client.address && (self.trusts(client.address) || !names_nobody) {
            return client;
        }
        unnamed.tell(client.address);
        Client { shared, is_exempt: unnamed.are_exempt, ..client }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.holds(address))
    }
}

impl Unnamed {
    fn tell(&self, proxy: IpAddr) {
        let mut told = self.told.lock();
        if told.len() < UNNAMED_MAX && told.insert(proxy) {
            tracing::warn!(
                %proxy,
                "a proxy that is not trusted forwards for others, and the limits of an address cannot tell them apart; \
                 set trusted-proxies"
            );
        }
    }
}

/// Returns true for an address that strangers do not have: the machine's own, or of a network of its own.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// Returns the rightmost address that is not trusted, or the leftmost one.
fn forwarded(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut address = canonical(peer);
    // A proxy may append a header of its own instead of to the one that is there: they read as one list.
    for entry in headers::entries(headers, &FORWARDED_FOR, b',').rev() {
        if !is_trusted(address) {
            break;
        }
        // A proxy that wrote something else has vouched for nobody: then it is the proxy's own request.
        let Some(forwarded) = entry_address(entry) else { break };
        address = forwarded;
    }
    address
}

/// An address, with or without a port, as different proxies write it.
fn entry_address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?;
    let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(canonical)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn of(peer: &str, lists: &[&str]) -> String {
        let proxies: Vec<ProxyNetwork> =
            ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(list.as_bytes()).unwrap());
        }
        Proxies::new(proxies).client(peer.parse().unwrap(), &headers).address.to_string()
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_trusted_proxy() {
        for (peer, lists, client) in [
            ("203.0.113.7", &[][..], "203.0.113.7"),
            ("203.0.113.7", &["198.51.100.1"], "203.0.113.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7", "10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["10.9.9.9,10.1.2.3"], "10.9.9.9"),
            ("127.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("::ffff:127.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7, unknown"], "127.0.0.1"),
            ("127.0.0.1", &[""], "127.0.0.1"),
            ("127.0.0.1", &["Z\u{fc}rich, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["Z\u{fc}rich", "203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7, \u{fc}"], "127.0.0.1"),
        ] {
            assert_eq!(of(peer, lists), client, "{peer} {lists:?}");
        }
    }

    #[test]
    fn a_private_peer_that_forwards_is_exempt_until_proxies_are_named_and_a_public_one_never() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let machine = || vec!["127.0.0.1".parse().unwrap()];
        let unset = Proxies::with_unnamed(Vec::new(), true);
        let behind_two = Proxies::with_unnamed(machine(), true);
        let limited = Proxies::with_unnamed(Vec::new(), false);
        let set = Proxies::new(Vec::new());
        let one = "203.0.113.7";
        for (proxies, peer, list, counted, shared, is_exempt, may_forward) in [
            (&unset, "10.0.0.1", one, "10.0.0.1", one, true, true),
            (&unset, "127.0.0.1", one, "127.0.0.1", one, true, true),
            (&unset, "fe80::1", one, "fe80::", one, true, true),
            (&unset, "10.0.0.1", "unknown", "10.0.0.1", "10.0.0.1", true, true),
            (&unset, "fd00::1", "", "fd00::", "fd00::", false, true),
            (&unset, "198.51.100.1", one, "198.51.100.1", "198.51.100.1", false, false),
            (&behind_two, "127.0.0.1", "203.0.113.7, 10.0.0.5", "10.0.0.5", one, true, true),
            (&behind_two, "127.0.0.1", "10.0.0.5", "10.0.0.5", "10.0.0.5", false, true),
            (&behind_two, "127.0.0.1", one, one, one, false, true),
            (&limited, "10.0.0.1", one, "10.0.0.1", one, false, false),
            (&set, "10.0.0.1", one, "10.0.0.1", "10.0.0.1", false, false),
        ] {
            let mut headers = HeaderMap::new();
            if !list.is_empty() {
                headers.append(FORWARDED_FOR, list.parse().unwrap());
            }
            let client = proxies.client(address(peer), &headers);
            let found = (client.counted().to_string(), client.share().to_string(), client.is_exempt);
            assert_eq!(found, (counted.to_owned(), shared.to_owned(), is_exempt), "{peer} {list}");
            assert_eq!(proxies.may_forward(address(peer)), may_forward, "{peer} {list}");
        }
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_its_site_has_one_share() {
        for (address, counted, site, share) in [
            ("203.0.113.7", "203.0.113.7", None, "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7", None, "203.0.113.7"),
            ("64:ff9b::cb00:7107", "203.0.113.7", None, "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", Some("2001:db8:1::"), "2001:db8:1::"),
        ] {
            let client = Client::of(address.parse().unwrap());
            assert_eq!(client.counted().to_string(), counted);
            assert_eq!(client.site().map(|site| site.to_string()).as_deref(), site);
            assert_eq!(client.share().to_string(), share);
        }
        for (text, network) in [
            ("203.0.113.9/24", "203.0.113.0/24"),
            ("::ffff:203.0.113.9/120", "203.0.113.0/24"),
            ("::ffff:203.0.113.9", "203.0.113.9/32"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(super::network(text).unwrap().to_string(), network);
        }
    }

    #[test]
    fn what_is_no_network_is_explained() {
        for text in ["", "nginx", "10.0.0.0/40", "10.0.0.1:80"] {
            let error = text.parse::<ProxyNetwork>().unwrap_err();
            assert!(error.contains(text) && error.contains("10.0.0.0/8"), "{error}");
        }
        assert_eq!("10.1.2.3/8".parse::<ProxyNetwork>().unwrap().to_string(), "10.0.0.0/8");
    }
}
