//! The server under load: its address, and the requests to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server_api::speech::Speech;
use crate::server_api::template::{Values, Wire};

/// How many connections leave from one source address before the next one is taken: well inside the
/// 28,232 ephemeral ports that Linux has by default.
const CONNECTIONS_PER_SOURCE: usize = 20_000;
/// Source addresses that are taken in turn; a port is free again long before its turn comes.
const SOURCES_MAX: usize = 250;

/// A server.
#[derive(Debug, Clone)]
pub struct Target {
    /// `http://HOST:PORT`, without a slash at the end.
    pub base: String,
    /// Host and port as the Host header says them.
    host: String,
    /// Where connections go.
    pub address: SocketAddr,
    /// How one speaks to it.
    pub speech: Speech,
    connections: Arc<AtomicUsize>,
}

impl Target {
    /// Reads the address of a server.
    pub fn parse(url: &str, speech: Speech) -> Result<Self, String> {
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
        Ok(Self { base: format!("http://{host}"), host, address, speech, connections: Arc::default() })
    }

    /// Whether it is our own server, or claims to be like it.
    pub fn is_millchat(&self) -> bool {
        matches!(self.speech, Speech::Millchat | Speech::Page)
    }

    /// Whether what readers get can be held to positions and links alone.
    pub fn has_links(&self) -> bool {
        matches!(self.speech, Speech::Millchat)
    }

    /// What a room's events come in.
    pub fn wire(&self) -> Wire {
        match &self.speech {
            Speech::Millchat | Speech::Page => Wire::Sse,
            Speech::Template(template) => template.wire,
        }
    }

    /// The source address of the next connection: none, unless the server is on this machine and there were
    /// more connections than one address has ports. Ports of ended connections are not free at once.
    pub fn next_source(&self) -> Option<SocketAddr> {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let nth = connection / CONNECTIONS_PER_SOURCE % SOURCES_MAX;
        if nth == 0 || self.address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return None;
        }
        let offset = u32::try_from(nth).expect("a remainder of a small number is small");
        let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + offset);
        Some(SocketAddr::new(IpAddr::V4(ip), 0))
    }

    /// The request that joins a room, or resumes after `last_id`. `history`: how many earlier events are
    /// wanted, where one can say so.
    pub fn join_request(&self, room: &str, last_id: Option<&str>, history: u32) -> String {
        match &self.speech {
            Speech::Millchat => self.own_join_request(&Self::events_path(room), last_id, history),
            Speech::Page => self.own_join_request(&format!("/{room}/messages"), last_id, history),
            Speech::Template(template) => template.join_request(&self.host, room, last_id),
        }
    }

    /// The request that reads our own server's log by the API from `last_id` on, whatever readers read.
    pub fn log_request(&self, room: &str, last_id: &str) -> String {
        self.own_join_request(&Self::events_path(room), Some(last_id), 0)
    }

    fn events_path(room: &str) -> String {
        format!("{}/events", Self::room_path(room))
    }

    fn own_join_request(&self, path: &str, last_id: Option<&str>, history: u32) -> String {
        let resume = last_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        format!(
            "GET {path}?history={history} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n{resume}\r\n",
            self.host
        )
    }

    /// The request that sends a message.
    pub fn send_request(&self, values: &Values<'_>, token: &str) -> Vec<u8> {
        match &self.speech {
            Speech::Millchat | Speech::Page => {
                let body = serde_json::json!({ "content": values.content }).to_string();
                format!(
                    "POST /api/v1/rooms/{}/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    values.room,
                    self.host,
                    body.len()
                )
                .into_bytes()
            }
            Speech::Template(template) => template.send_request(&self.host, values),
        }
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
        let target = Target::parse("http://127.0.0.1:8080", Speech::Millchat).unwrap();
        assert_eq!(target.base, "http://127.0.0.1:8080");
        assert!(Target::parse("https://127.0.0.1", Speech::Millchat).is_err());
        assert!(Target::parse("http://127.0.0.1/chat", Speech::Millchat).is_err());
    }

    #[test]
    fn past_one_address_worth_of_ports_the_next_one_is_taken() {
        let target = Target::parse("http://127.0.0.1:8080", Speech::Millchat).unwrap();
        let sources: Vec<_> = (0..=40_000).map(|_| target.next_source()).collect();
        assert_eq!(sources[19_999], None);
        assert_eq!(sources[20_000], Some("127.0.0.2:0".parse().unwrap()));
        assert_eq!(sources[40_000], Some("127.0.0.3:0".parse().unwrap()));
    }
}
