//! The client of a request, as limits and shares count it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

/// The client of a request; kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// True if the limits of an address are not for it: it came through a proxy that nobody has named yet.
    pub is_exempt: bool,
}

/// A provider hands a customer a whole network of this many bits, so that is what counts as one address.
const NETWORK_BITS: u32 = 64;
/// A larger customer has a network of this many bits: it has a larger limit of its own.
const SITE_BITS: u32 = 48;

impl Client {
    /// Returns the address that limits and shares count: itself for IPv4, its network for IPv6.
    pub fn counted(&self) -> IpAddr {
        match self.address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => first_bits(address, NETWORK_BITS).into(),
        }
    }

    /// Returns a number for its turns at the log: never 0, which is nobody's.
    pub fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.counted().hash(&mut hasher);
        hasher.finish() | 1
    }

    /// Returns the site of an address of IPv6, which has limits of its own.
    pub fn site(&self) -> Option<IpAddr> {
        match self.address.to_canonical() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(first_bits(address, SITE_BITS).into()),
        }
    }
}

fn first_bits(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    let mask = u128::MAX << (u128::BITS - bits);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

/// Returns the client of a request that has arrived; requests that have not share the unspecified address.
pub fn client<B>(req: &hyper::Request<B>) -> Client {
    let nobody = Client { address: Ipv6Addr::UNSPECIFIED.into(), is_exempt: false };
    req.extensions().get().copied().unwrap_or(nobody)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_has_a_site() {
        for (address, counted, site) in [
            ("203.0.113.7", "203.0.113.7", None),
            ("::ffff:203.0.113.7", "203.0.113.7", None),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", Some("2001:db8:1::")),
        ] {
            let client = Client { address: address.parse().unwrap(), is_exempt: false };
            assert_eq!(client.counted().to_string(), counted);
            assert_eq!(client.site().map(|site| site.to_string()).as_deref(), site);
        }
    }
}
