//! The host of an address that is to be called, and the addresses that the internet can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;
use hyper::http::uri::Scheme;

/// An address that the server does not call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is no host, or no scheme that is known.
    #[error("this is not an address to call; it is written like https://login.example.org/path")]
    Malformed,
    /// Everybody on the way could read and change it.
    #[error("{0} is called by https only; plain http is for this machine, such as http://127.0.0.1:8080")]
    Plain(String),
}

/// The server that an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name or the address, without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
    /// True if it is called by TLS.
    pub is_tls: bool,
}

impl Host {
    /// Reads the host of an address that may be plain HTTP only on this machine.
    pub fn of(uri: &Uri) -> Result<Self, HostError> {
        let host = Self::of_any(uri)?;
        if host.is_tls || host.is_loopback() { Ok(host) } else { Err(HostError::Plain(host.name)) }
    }

    /// Reads the host of an address that may be plain HTTP anywhere: the operator has said where.
    pub fn of_any(uri: &Uri) -> Result<Self, HostError> {
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or(HostError::Malformed)?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(HostError::Malformed),
        };
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(if is_tls { 443 } else { 80 }),
            Some(port) => port.strip_prefix(':').and_then(|port| port.parse().ok()),
            None => None,
        };
        let port = port.ok_or(HostError::Malformed)?;
        let name = authority.host().trim_matches(['[', ']']).to_owned();
        if name.is_empty() { Err(HostError::Malformed) } else { Ok(Self { name, port, is_tls }) }
    }

    /// Returns true for the names of this machine, which no DNS is asked for.
    fn is_loopback(&self) -> bool {
        let address = self.name.parse();
        self.name.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Returns the value of the header `Host`.
    pub fn header(&self) -> String {
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => self.bracketed(),
            _ => self.with_port(),
        }
    }

    /// Returns the host and the port, as people read them.
    pub fn with_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        if self.name.contains(':') { format!("[{}]", self.name) } else { self.name.clone() }
    }
}

/// Says if an address is one that the server calls, before it does.
pub fn check_address(uri: &Uri) -> Result<(), HostError> {
    Host::of(uri).map(|_| ())
}

/// Returns true if an address is one of the public internet.
pub fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

/// The registry of special addresses of IANA (RFC 6890 and those that followed).
fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

/// Only `2000::/3` is given out. In it some prefixes are for documentation, or hold an address of IPv4 (6to4,
/// Teredo); those of `64:ff9b::/96` do too and are outside.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_given_out = first & 0xe000 == 0x2000;
    let is_special =
        matches!((first, second), (0x2001, 0..=0x1ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    is_given_out && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for (text, expected) in [
            ("https://login.example.org/x", Ok(("login.example.org", 443, "login.example.org"))),
            ("https://login.example.org:8443", Ok(("login.example.org", 8443, "login.example.org:8443"))),
            ("http://127.0.0.1:9/x", Ok(("127.0.0.1", 9, "127.0.0.1:9"))),
            ("http://[::1]:9/x", Ok(("::1", 9, "[::1]:9"))),
            ("http://LOCALHOST/", Ok(("LOCALHOST", 80, "LOCALHOST"))),
            ("http://login.example.org/x", Err(HostError::Plain("login.example.org".into()))),
            ("http://127.0.0.1.example.org/", Err(HostError::Plain("127.0.0.1.example.org".into()))),
            ("http://10.0.0.1/", Err(HostError::Plain("10.0.0.1".into()))),
            ("ftp://127.0.0.1/", Err(HostError::Malformed)),
            ("https://ada@login.example.org/", Err(HostError::Malformed)),
            ("https://login.example.org:99999/", Err(HostError::Malformed)),
            ("https://login.example.org:/", Err(HostError::Malformed)),
            ("/path", Err(HostError::Malformed)),
        ] {
            let host = Host::of(&text.parse().unwrap());
            let expected = expected.map(|(name, port, header)| (name.to_owned(), port, header.to_owned()));
            assert_eq!(host.map(|host| (host.name.clone(), host.port, host.header())), expected, "{text}");
        }
    }

    #[test]
    fn addresses_of_no_public_network_are_known() {
        for (text, expected) in [
            ("8.8.8.8", true),
            ("172.15.0.1", true),
            ("100.63.0.1", true),
            ("192.0.1.1", true),
            ("2606:4700::1111", true),
            ("2a00:1450::1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("172.31.255.1", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("2002:7f00:1::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_global(text.parse().unwrap()), expected, "{text}");
        }
    }
}
