//! Whose request it is, by address: what the socket says, or what a proxy that we trust says.
//!
//! Any client can write `X-Forwarded-For`, so it counts only when the socket's peer is a trusted proxy, and
//! then from the right: each trusted proxy vouches for the entry that it appended. The first address that is
//! not trusted is the client; the addresses left of it are not trusted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use hyper::header::HeaderMap;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A provider hands a customer a whole network of this many bits, so that is what counts as one address.
const IPV6_PREFIX_BITS: u32 = 64;

/// Proxies whose word counts: one address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxies(IpNet);

impl Proxies {
    fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        net.map(|net| Self(net.trunc())).ok_or_else(|| {
            format!("`{text}` is not an address or a network; write 127.0.0.1, 10.0.0.0/8, ::1 or fd00::/8")
        })
    }
}

impl TryFrom<String> for Proxies {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Proxies> for String {
    fn from(proxies: Proxies) -> Self {
        proxies.to_string()
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns true if the address is a trusted proxy's.
pub fn is_trusted(proxies: &[Proxies], address: IpAddr) -> bool {
    proxies.iter().any(|proxies| proxies.holds(address.to_canonical()))
}

/// The client of a request that came in from `peer`.
pub fn client(proxies: &[Proxies], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer.to_canonical();
    // A proxy may append a header of its own instead of to the one that is there: they read as one list.
    let lists = headers.get_all("x-forwarded-for").iter().rev();
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

/// Returns the address that limits count: it alone for IPv4, its network for IPv6.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - IPV6_PREFIX_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, lists: &[&str]) -> String {
        let proxies: Vec<Proxies> =
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
    fn a_network_of_ipv6_counts_as_one_address() {
        for (address, counted) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(counted_as(address.parse().unwrap()).to_string(), counted);
        }
    }

    #[test]
    fn what_is_no_network_is_explained() {
        for text in ["", "nginx", "10.0.0.0/40", "10.0.0.1:80"] {
            let error = text.parse::<Proxies>().unwrap_err();
            assert!(error.contains(text) && error.contains("10.0.0.0/8"), "{error}");
        }
        assert_eq!("10.1.2.3/8".parse::<Proxies>().unwrap().to_string(), "10.0.0.0/8");
    }
}
