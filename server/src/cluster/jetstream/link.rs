//! The connection to one server of the list, and to another one when that one is silent.
//!
//! A server that is cut off from the others keeps its connections and answers nothing. The client notices that
//! late, so whoever follows the stream asks for another server ([`Link::hop`]). That is a new client: the old
//! one may be stuck in writing.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, HeaderMap, Message, Request, ServerAddr};
use bytes::Bytes;
use millchat::cluster::Seq;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::api::{self, Failure, Stored};
use super::settings::{JetStreamError, JetStreamSettings};

/// Most servers in the list.
const SERVERS_MAX: usize = 9;
/// Longest time for a connection to one server, with its handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server is asked this often whether it is there. Two of these without an answer end the connection.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Most requests that wait to be sent. Nodes have a handful under way; only an append is large.
const REQUESTS_MAX: usize = 64;
/// Most messages that wait to be read. Flow control bounds their bytes; what does not fit is asked for again.
const MESSAGES_MAX: usize = 65_536;
/// Longest pause between two tries to connect again.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);

/// A start that is not possible yet is tried again after this time.
pub(super) const START_AGAIN_AFTER: Duration = Duration::from_millis(250);

const EXPECTED_LAST: &str = "Nats-Expected-Last-Sequence";
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";

/// A client, and which of them it is.
#[derive(Clone)]
pub(super) struct Connected {
    pub client: Client,
    number: usize,
}

/// The connection that all requests of a journal share.
pub(super) struct Link {
    servers: Vec<ServerAddr>,
    options: Credentials,
    /// The runtime of the connections: nodes poll the journal on threads of their own.
    runtime: Handle,
    connected: watch::Sender<Connected>,
    /// The last time that a server did what it is there for. Held for a read or a write only.
    progress_at: Mutex<Instant>,
    /// Held while another server is looked for: by one at a time.
    hopping: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct Credentials {
    seed: Option<String>,
    ca_file: Option<std::path::PathBuf>,
}

impl Credentials {
    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            .name(concat!("millchat/", env!("CARGO_PKG_VERSION")))
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_EVERY)
            .client_capacity(REQUESTS_MAX)
            .subscription_capacity(MESSAGES_MAX)
            // The list is the operator's. Servers may know each other by names that certificates do not have.
            .ignore_discovered_servers()
            .retain_servers_order()
            .reconnect_delay_callback(|tries| {
                (Duration::from_millis(5) * tries.min(1_000) as u32).min(RECONNECT_PAUSE_MAX)
            });
        if let Some(seed) = &self.seed {
            options = options.nkey(seed.clone());
        }
        if let Some(file) = &self.ca_file {
            options = options.add_root_certificates(file.clone());
        }
        options
    }
}

impl Link {
    pub async fn connect(settings: JetStreamSettings, until: Instant) -> Result<Self, JetStreamError> {
        let JetStreamSettings { servers, nkey_file, ca_file, cluster: _ } = settings;
        if servers.is_empty() || servers.len() > SERVERS_MAX {
            return Err(JetStreamError::Servers(servers.len()));
        }
        let parsed = servers.into_iter().map(|address| match address.parse::<ServerAddr>() {
            Ok(server) if !server.is_websocket() => Ok(server),
            Ok(_) => {
                let source = std::io::Error::other("a WebSocket");
                Err(JetStreamError::Address { address, source })
            }
            Err(source) => Err(JetStreamError::Address { address, source }),
        });
        let servers = parsed.collect::<Result<Vec<_>, _>>()?;
        let seed = nkey_file.map(|file| match std::fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(source) => Err(JetStreamError::Nkey { file, source }),
        });
        let options = Credentials { seed: seed.transpose()?, ca_file };
        let client = loop {
            match options.options().connect(servers.clone()).await {
                Ok(client) => break client,
                Err(error) => {
                    let is_final = matches!(
                        error.kind(),
                        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation
                    );
                    if is_final || Instant::now() >= until {
                        return Err(JetStreamError::Connect(error.into()));
                    }
                    tokio::time::sleep(START_AGAIN_AFTER).await;
                }
            }
        };
        Ok(Self {
            servers,
            options,
            runtime: Handle::current(),
            connected: watch::Sender::new(Connected { client, number: 0 }),
            progress_at: Mutex::new(Instant::now()),
            hopping: Arc::default(),
        })
    }

    pub fn connected(&self) -> Connected {
        self.connected.borrow().clone()
    }

    /// Largest message, in bytes.
    pub fn payload_max(&self) -> usize {
        self.connected().client.server_info().max_payload
    }

    /// Returns true if the server is one of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.connected().client.server_info().cluster.is_some()
    }

    /// Notes that a server delivers.
    pub fn progressed(&self) {
        *self.progress_at.lock() = Instant::now();
    }

    /// The time since a server delivered.
    pub fn without_progress(&self) -> Duration {
        self.progress_at.lock().elapsed()
    }

    /// Connects to another server than this one, and takes it for all that follows. Leaves things as they are
    /// if somebody else did it meanwhile, or if no server takes the connection.
    pub async fn hop(self: &Arc<Self>, from: &Connected) {
        let (link, number) = (self.clone(), from.number);
        let hop = async move {
            let _hopping = link.hopping.lock().await;
            if link.connected().number != number {
                return;
            }
            link.progressed();
            let mut servers = link.servers.clone();
            servers.rotate_left((number + 1) % link.servers.len());
            if let Ok(client) = link.options.options().connect(servers).await {
                tracing::info!("the journal's server was silent; another one is connected");
                link.connected.send_replace(Connected { client, number: number + 1 });
            }
        };
        let _ = self.runtime.spawn(hop).await;
    }

    /// Asks JetStream's API.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        parameters: &impl Serialize,
        limit: Duration,
    ) -> Result<T, Failure> {
        api::read(&self.ask_raw(what, parameters, limit).await?.payload)
    }

    /// Asks JetStream's API, for an answer that is no JSON.
    pub async fn ask_raw(
        &self,
        what: &str,
        parameters: &impl Serialize,
        limit: Duration,
    ) -> Result<Message, Failure> {
        let parameters = serde_json::to_vec(parameters).map_err(Failure::Unreadable)?;
        let request = Request::new().payload(parameters.into());
        self.request(format!("$JS.API.{what}"), request, limit).await
    }

    /// Puts an entry behind another one.
    pub async fn append(
        &self,
        name: &str,
        after: Seq,
        entry: Bytes,
        limit: Duration,
    ) -> Result<Stored, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED_LAST, after.to_string().as_str());
        headers.insert(EXPECTED_STREAM, name);
        let request = Request::new().headers(headers).payload(entry);
        api::read(&self.request(name.to_owned(), request, limit).await?.payload)
    }

    async fn request(&self, subject: String, request: Request, limit: Duration) -> Result<Message, Failure> {
        let mut connected = self.connected.subscribe();
        let client = connected.borrow_and_update().client.clone();
        if client.connection_state() != State::Connected {
            return Err(Failure::NotSent);
        }
        // The client's own limit does not bound the time until it takes the request.
        let request = client.send_request(subject, request.timeout(None));
        let answer = tokio::select! {
            answer = tokio::time::timeout(limit, request) => answer,
            _ = connected.changed() => return Err(Failure::Silent("another server was connected meanwhile".into())),
        };
        match answer {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) if error.kind() == async_nats::RequestErrorKind::NoResponders => {
                Err(Failure::Nobody)
            }
            Ok(Err(error)) => Err(Failure::Silent(error.to_string())),
            Err(_elapsed) => Err(Failure::Silent(format!("nobody answered within {} s", limit.as_secs()))),
        }
    }
}
