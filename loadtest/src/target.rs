//! The server under load: where it listens, and the requests that are written to it.
//!
//! The bytes of the hot requests (join a room, send a message) are made here, so that what they mean to one
//! kind of server stands in one place.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// How many connections leave from one source address before the next one is taken: well inside the
/// 28,232 ephemeral ports that Linux has by default.
const CONNECTIONS_PER_SOURCE: usize = 20_000;

/// A server.
#[derive(Debug, Clone)]
pub struct Target {
    /// `http://HOST:PORT`, without a slash at the end.
    pub base: String,
    /// Host and port as the Host header says them.
    host: String,
    /// Where connections go.
    pub address: SocketAddr,
}

impl Target {
    /// Reads the address of a server.
    pub fn parse(url: &str) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("--url {url}: {error}"))?;
        if parsed.scheme() != "http" || parsed.path() != "/" {
            return Err(format!("--url {url}: give it as http://HOST:PORT, without a path"));
        }
        let (Some(name), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
            return Err(format!("--url {url}: it names no host"));
        };
        let host = format!("{name}:{port}");
        let mut addresses = host.to_socket_addrs().map_err(|error| format!("--url {url}: {error}"))?;
        let address = addresses.next().ok_or_else(|| format!("--url {url}: the host has no address"))?;
        Ok(Self { base: format!("http://{host}"), host, address })
    }

    /// The source address of the connection with this number: none, unless the server is on this machine
    /// and there are more connections than one address has ports.
    pub fn source(&self, connection: usize) -> Option<SocketAddr> {
        let nth = u32::try_from(connection / CONNECTIONS_PER_SOURCE).unwrap_or(u32::MAX);
        if nth == 0 || self.address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return None;
        }
        let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + nth);
        Some(SocketAddr::new(IpAddr::V4(ip), 0))
    }

    /// The request that joins a room live, or resumes after `last_id`.
    pub fn join_request(&self, room: &str, last_id: Option<&str>) -> String {
        let resume = last_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        format!(
            "GET /api/v1/rooms/{room}/events?history=0 HTTP/1.1\r\nHost: {}\r\n\
             Accept: text/event-stream\r\n{resume}\r\n",
            self.host
        )
    }

    /// The request that sends a message.
    pub fn send_request(&self, room: &str, token: &str, content: &str) -> Vec<u8> {
        let body = serde_json::json!({ "content": content }).to_string();
        format!(
            "POST /api/v1/rooms/{room}/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .into_bytes()
    }

    /// The path at which a guest is made.
    pub const GUESTS: &'static str = "/api/v1/guests";

    /// The path of a room.
    pub fn room_path(room: &str) -> String {
        format!("/api/v1/rooms/{room}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_http_address_is_a_target() {
        let target = Target::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(target.base, "http://127.0.0.1:8080");
        assert!(Target::parse("https://127.0.0.1").is_err());
        assert!(Target::parse("http://127.0.0.1/chat").is_err());
    }

    #[test]
    fn past_one_address_worth_of_ports_the_next_one_is_taken() {
        let target = Target::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(target.source(19_999), None);
        assert_eq!(target.source(20_000), Some("127.0.0.2:0".parse().unwrap()));
        assert_eq!(target.source(40_000), Some("127.0.0.3:0".parse().unwrap()));
    }
}
