//! The server under load: its address, and the requests to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server_api::protocol::Protocol;
use crate::server_api::template::{Transport, Values};

/// Connections that leave from one source address before the next one is used: well below the 28,232
/// ephemeral ports that Linux has by default.
const CONNECTIONS_PER_SOURCE: usize = 20_000;
/// Source addresses that are used in turn; a port is free again long before its turn comes.
const SOURCES_MAX: usize = 250;

/// A server of a chat.
#[derive(Debug, Clone)]
pub struct ChatServer {
    /// `http://HOST:PORT`, without a slash at the end.
    pub base: String,
    /// The address of its connections.
    pub address: SocketAddr,
}

/// A chat under load: one server, or the nodes of a cluster.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers; there is one at least.
    pub servers: Arc<[ChatServer]>,
    /// Host and port of the first for the Host header.
    host: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Connections so far; shared by all clones.
    connections: Arc<AtomicUsize>,
    turns: Arc<AtomicUsize>,
}

impl ChatServer {
    fn parse(url: &str) -> Result<Self, String> {
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
        Ok(Self { base: format!("http://{host}"), address })
    }
}

impl Target {
    /// Parses the URLs of the servers.
    pub fn parse(urls: &[String], protocol: Protocol) -> Result<Self, String> {
        let servers = urls.iter().map(|url| ChatServer::parse(url)).collect::<Result<Arc<[_]>, _>>()?;
        let first = servers.first().ok_or("--url names no server")?;
        let host = first.base["http://".len()..].to_owned();
        Ok(Self { servers, host, protocol, connections: Arc::default(), turns: Arc::default() })
    }

    /// Returns the base of the server that is asked everything that only one is.
    pub fn base(&self) -> &str {
        &self.servers[0].base
    }

    /// Returns the bases of all servers, as they are shown.
    pub fn bases(&self) -> String {
        self.servers.iter().map(|server| &*server.base).collect::<Vec<_>>().join(", ")
    }

    /// Returns the address of the next connection: each server in turn.
    pub fn next_address(&self) -> SocketAddr {
        self.servers[self.turns.fetch_add(1, Ordering::Relaxed) % self.servers.len()].address
    }

    /// Returns true if it is our own server, or claims to be like it.
    pub fn is_millchat(&self) -> bool {
        matches!(self.protocol, Protocol::Millchat | Protocol::Page)
    }

    /// Returns true if readers can be checked by positions and links alone.
    pub fn has_links(&self) -> bool {
        matches!(self.protocol, Protocol::Millchat)
    }

    /// Returns the transport of a room's events.
    pub fn transport(&self) -> Transport {
        match &self.protocol {
            Protocol::Millchat | Protocol::Page => Transport::Sse,
            Protocol::Template(template) => template.transport,
        }
    }

    /// Returns the source address of the next connection. It is `None`, unless the server is on this machine
    /// and there were more connections than one address has ports: ports of ended connections are not free at
    /// once.
    pub fn next_source(&self) -> Option<SocketAddr> {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let nth = connection / CONNECTIONS_PER_SOURCE % SOURCES_MAX;
        if nth == 0 || self.servers[0].address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return None;
        }
        let offset = u32::try_from(nth).expect("a remainder of a small number is small");
        let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + offset);
        Some(SocketAddr::new(IpAddr::V4(ip), 0))
    }

    /// Returns the request that joins a room, or resumes after `last_id`. `history` is the number of earlier
    /// events to ask for, where the protocol has it.
    pub fn join_request(&self, room: &str, last_id: Option<&str>, history: u32) -> String {
        match &self.protocol {
            Protocol::Millchat => self.own_join_request(&Self::events_path(room), last_id, history),
            Protocol::Page => self.own_join_request(&format!("/{room}/messages"), last_id, history),
            Protocol::Template(template) => template.join_request(&self.host, room, last_id),
        }
    }

    /// Returns the request that reads our own server's log by the API from `last_id` on, independent of what
    /// readers read.
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

    /// Returns the request that sends a message.
    pub fn send_request(&self, values: &Values<'_>, token: &str) -> Vec<u8> {
        match &self.protocol {
            Protocol::Millchat | Protocol::Page => {
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
            Protocol::Template(template) => template.send_request(&self.host, values),
        }
    }

    /// The path that creates a guest.
    pub const GUESTS: &'static str = "/api/v1/guests";

    /// Returns the path of a room.
    pub fn room_path(room: &str) -> String {
        format!("/api/v1/rooms/{room}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(urls: &str) -> Result<Target, String> {
        let urls: Vec<_> = urls.split(',').map(str::to_owned).collect();
        Target::parse(&urls, Protocol::Millchat)
    }

    #[test]
    fn connections_take_the_servers_in_turn() {
        let target = parse("http://127.0.0.1:1,http://127.0.0.1:2").unwrap();
        let ports: Vec<_> = (0..4).map(|_| target.next_address().port()).collect();
        assert_eq!(ports, [1, 2, 1, 2]);
        assert_eq!(target.bases(), "http://127.0.0.1:1, http://127.0.0.1:2");
    }

    #[test]
    fn only_a_plain_http_address_is_a_target() {
        let target = parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(target.base(), "http://127.0.0.1:8080");
        assert!(parse("https://127.0.0.1").is_err());
        assert!(parse("http://127.0.0.1/chat").is_err());
    }

    #[test]
    fn past_one_address_worth_of_ports_the_next_one_is_taken() {
        let target = parse("http://127.0.0.1:8080").unwrap();
        let sources: Vec<_> = (0..=40_000).map(|_| target.next_source()).collect();
        assert_eq!(sources[19_999], None);
        assert_eq!(sources[20_000], Some("127.0.0.2:0".parse().unwrap()));
        assert_eq!(sources[40_000], Some("127.0.0.3:0".parse().unwrap()));
    }
}
