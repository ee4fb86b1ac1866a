//! Whose request it is, by address: what the socket says, or what a proxy that we trust says.
//!
//! Any client can write `X-Forwarded-For`, so it counts only when the socket's peer is a trusted proxy, and
//! then from the right: each trusted proxy vouches for the entry that it appended. The first address that is
//! not trusted is the client; the addresses left of it are not trusted.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::header::HeaderMap;
use ipnet::IpNet;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The header in which proxies name their client.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Proxies that the log names.
const UNNAMED_MAX: usize = 1_024;

/// Proxies whose word counts: one address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxyNetwork(IpNet);

impl ProxyNetwork {
    fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for ProxyNetwork {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        net.map(|net| Self(net.trunc())).ok_or_else(|| {
            format!("`{text}` is not an address or a network; write 127.0.0.1, 10.0.0.0/8, ::1 or fd00::/8")
        })
    }
}

impl TryFrom<String> for ProxyNetwork {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProxyNetwork> for String {
    fn from(proxies: ProxyNetwork) -> Self {
        proxies.to_string()
    }
}

impl fmt::Display for ProxyNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The proxies whose word counts, and those that nobody has named yet.
#[derive(Debug, Default)]
pub struct Proxies {
    trusted: Vec<ProxyNetwork>,
    unnamed: Option<Unnamed>,
}

/// Private peers that forward for others although the operator has not said so.
type Unnamed = Mutex<HashSet<IpAddr>>;

/// The origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// True if a proxy that nobody has named says so: limits of an address by default are not for it.
    pub is_exempt: bool,
}

impl Proxies {
    /// Trusts these and no others.
    pub fn new(trusted: Vec<ProxyNetwork>) -> Self {
        Self { trusted, unnamed: None }
    }

    /// The same, where neither limits nor proxies were set: a private peer that forwards for others is told of, and
    /// must not lock them out together.
    pub fn with_unnamed(trusted: Vec<ProxyNetwork>) -> Self {
        Self { trusted, unnamed: Some(Mutex::default()) }
    }

    /// Returns true if a connection of this peer may carry requests of several clients.
    pub fn may_forward(&self, peer: IpAddr) -> bool {
        is_trusted(&self.trusted, peer) || (self.unnamed.is_some() && is_private(peer.to_canonical()))
    }

    /// Returns the origin of a request that came in from `peer`.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Origin {
        let address = client(&self.trusted, peer, headers);
        let last = peer.to_canonical();
        if let Some(unnamed) = &self.unnamed
            && address == last
            && !is_trusted(&self.trusted, last)
            && is_private(last)
            && headers.contains_key(FORWARDED_FOR)
        {
            tell(unnamed, last);
            // Its word is good enough to share what is left, and not for a limit.
            let peer_alone = [ProxyNetwork(IpNet::from(last))];
            return Origin { address: client(&peer_alone, last, headers), is_exempt: true };
        }
        Origin { address, is_exempt: false }
    }
}

fn tell(unnamed: &Unnamed, peer: IpAddr) {
    let mut told = unnamed.lock();
    if told.len() < UNNAMED_MAX && told.insert(peer) {
        tracing::warn!(
            %peer,
            "a proxy that is not trusted forwards for others, so the default limits of an address are not for it; \
             set trusted-proxies"
        );
    }
}

/// Returns true for an address that strangers do not have: the machine's own, or of a network of its own.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// Returns true if the address is a trusted proxy's.
fn is_trusted(proxies: &[ProxyNetwork], address: IpAddr) -> bool {
    proxies.iter().any(|proxies| proxies.holds(address.to_canonical()))
}

/// The client of a request that came in from `peer`.
fn client(proxies: &[ProxyNetwork], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer.to_canonical();
    // A proxy may append a header of its own instead of to the one that is there: they read as one list.
    let lists = headers.get_all(FORWARDED_FOR).iter().rev();
    let entries = lists.flat_map(|list| list.to_str().unwrap_or_default().rsplit(','));
    for entry in entries {
        if !is_trusted(proxies, address) {
            break;
        }
        // A proxy that wrote something else has vouched for nobody: then it is the proxy's own request.
        let Some(forwarded) = entry_address(entry.trim()) else { break };
        address = forwarded;
    }
    address
}

/// An address, with or without a port, as different proxies write it.
fn entry_address(entry: &str) -> Option<IpAddr> {
    let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, lists: &[&str]) -> String {
        let proxies: Vec<ProxyNetwork> =
            ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append("x-forwarded-for", list.parse().unwrap());
        }
        client(&proxies, peer.parse().unwrap(), &headers).to_string()
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
        ] {
            assert_eq!(of(peer, lists), client, "{peer} {lists:?}");
        }
    }

    #[test]
    fn a_private_peer_that_forwards_is_exempt_until_proxies_are_named_and_a_public_one_never() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut forwarded = HeaderMap::new();
        forwarded.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
        let (unset, set) = (Proxies::with_unnamed(Vec::new()), Proxies::new(Vec::new()));
        for (proxies, peer, headers, expected, is_exempt, may_forward) in [
            (&unset, "10.0.0.1", &forwarded, "203.0.113.7", true, true),
            (&unset, "127.0.0.1", &forwarded, "203.0.113.7", true, true),
            (&unset, "fe80::1", &forwarded, "203.0.113.7", true, true),
            (&unset, "fd00::1", &HeaderMap::new(), "fd00::1", false, true),
            (&unset, "198.51.100.1", &forwarded, "198.51.100.1", false, false),
            (&set, "10.0.0.1", &forwarded, "10.0.0.1", false, false),
        ] {
            let origin = proxies.origin(address(peer), headers);
            assert_eq!(origin, Origin { address: address(expected), is_exempt }, "{peer}");
            assert_eq!(proxies.may_forward(address(peer)), may_forward, "{peer}");
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
