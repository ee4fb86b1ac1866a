//! The address of a node for the other nodes. It is the node's name as well.

use std::fmt;
use std::str::FromStr;

use millchat::cluster::NodeId;
use serde::Deserialize;

use crate::as_text::as_text;

/// Longest host, in bytes: that of a name in the DNS.
const HOST_BYTES_MAX: usize = 253;
/// The hashes of addresses are of this use alone.
const DOMAIN: &str = "millchat 2026 node id";

/// A host and a port: `a.example:8081`, `10.0.0.1:8081`, `[::1]:8081`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PeerAddress {
    host: String,
    port: u16,
}

impl PeerAddress {
    /// Returns the host, an address of IPv6 without its brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the id of the node: the beginning of the hash of its address.
    pub fn node(&self) -> NodeId {
        let hash = blake3::derive_key(DOMAIN, self.to_string().as_bytes());
        let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
        NodeId::from_le_bytes(*first)
    }
}

impl FromStr for PeerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not the address of a node; write it like a.example:8081, 10.0.0.1:8081 or \
                 [fd00::1]:8081, with a port of 1 to 65535"
            )
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let is_v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = if let Some(inner) = is_v6 {
            inner.parse::<std::net::Ipv6Addr>().is_ok()
        } else {
            let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.bytes().all(is_of_host)
        };
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        if !is_host {
            return Err(wrong());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }
}

as_text!(PeerAddress);

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["a:8081", "a.example:1", "10.0.0.1:65535", "[fd00::1]:8081"] {
            assert_eq!(text.parse::<PeerAddress>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]:80".parse::<PeerAddress>().unwrap().host(), "::1");
        for text in ["", "a", ":80", "a:0", "a:65536", "a b:80", "::1:80", "[a]:80", "a/b:80", "https://a:80"]
        {
            assert!(text.parse::<PeerAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_node_is_the_same_however_its_address_is_written() {
        let node = |text: &str| text.parse::<PeerAddress>().unwrap().node();
        assert_eq!(node("A.example:8081"), node("a.example:8081"));
        assert_ne!(node("a.example:8081"), node("a.example:8082"));
    }
}
