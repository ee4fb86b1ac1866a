//! The listener for the other nodes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use millchat::cluster::ClusterId;
use millchat::{Chat, Inbound, SIGNALS_BYTES_MAX};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::hello::Hello;
use super::outbox::BODY_BYTES_MAX;
use super::status::NodeStatus;
use super::wire;
use crate::cluster::peer_address::PeerAddress;
use crate::cluster::secret::PeerTls;
use crate::log_throttle::LogThrottle;

/// Most connections of other nodes, and of operators who ask for the status.
const CONNECTIONS_MAX: usize = 64;
/// Most connections that have not shown yet that they have the secret. More are closed at once.
const HANDSHAKES_MAX: usize = 64;
/// Longest time for a handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time until the head of the next request of a connection, and for its body. Nodes have one twice a second.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Copies of the log that are made at one time: each holds a state of it.
const COPIES_MAX: usize = 1;
/// Chunks of a copy that wait to be sent.
const CHUNKS_MAX: usize = 4;
/// Longest time for which a copy waits for the one who takes it.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);
/// Shortest time between two tries to accept when the machine has no descriptor.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

type Body = BoxBody<Bytes, io::Error>;

/// The things that other nodes ask for.
pub struct Inside {
    /// This node.
    pub me: PeerAddress,
    /// The addresses of all nodes.
    pub members: Vec<PeerAddress>,
    /// The open log.
    pub open: OnceLock<Open>,
    copies: Arc<Semaphore>,
}

/// An open log of the cluster.
pub struct Open {
    /// The cluster's id.
    pub cluster: ClusterId,
    /// The log.
    pub chat: Chat,
    /// The way of messages to this node.
    pub inbound: Inbound,
}

impl Inside {
    /// Makes it without a log.
    pub fn new(me: PeerAddress, members: Vec<PeerAddress>) -> Self {
        Self { me, members, open: OnceLock::new(), copies: Arc::new(Semaphore::new(COPIES_MAX)) }
    }
}

/// A bound socket for the other nodes.
pub struct Door {
    listener: TcpListener,
    tls: PeerTls,
}

impl Door {
    /// Binds it: at the address of a node if that is an IP address, else at its port of every interface.
    pub async fn bind(me: &PeerAddress, tls: PeerTls) -> Result<Self, (SocketAddr, io::Error)> {
        let every = [SocketAddr::from(([0_u16; 8], me.port())), SocketAddr::from(([0_u8; 4], me.port()))];
        let addresses = match me.host().parse() {
            Ok(ip) => vec![SocketAddr::new(ip, me.port())],
            Err(_) => every.to_vec(),
        };
        let last = *addresses.last().expect("one or two");
        let listener = TcpListener::bind(&addresses[..]).await.map_err(|error| (last, error))?;
        Ok(Self { listener, tls })
    }

    /// Answers until it is dropped.
    pub async fn serve(self, inside: Arc<Inside>) {
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok((socket, _)) = self.listener.accept().await else {
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            };
            let Ok(handshake) = Arc::clone(&handshakes).try_acquire_owned() else { continue };
            let (tls, inside, connections) =
                (self.tls.clone(), Arc::clone(&inside), Arc::clone(&connections));
            tokio::spawn(async move {
                let Some(stream) = shake_hands(socket, &tls).await else { return };
                drop(handshake);
                // Those who have the secret; a node takes a new one where the old one broke.
                let Ok(_connection) = connections.try_acquire_owned() else { return };
                serve_one(stream, inside).await;
            });
        }
    }
}

async fn shake_hands(socket: TcpStream, tls: &PeerTls) -> Option<TlsStream<TcpStream>> {
    static TOLD: LogThrottle = LogThrottle::new();
    let from = socket.peer_addr().ok();
    let _ = socket.set_nodelay(true);
    match timeout(HANDSHAKE_TIMEOUT, tls.acceptor.accept(socket)).await.ok()? {
        Ok(stream) => Some(stream),
        Err(error) => {
            if TOLD.is_due() {
                tracing::warn!(?from, %error, "a connection without the cluster's secret was refused");
            }
            None
        }
    }
}

async fn serve_one(stream: TlsStream<TcpStream>, inside: Arc<Inside>) {
    let service = service_fn(move |request| {
        let inside = Arc::clone(&inside);
        async move { Ok::<_, Infallible>(answer(request, &inside).await) }
    });
    // A node that is gone leaves its connection: it ends when no request has come for the time.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, inside: &Inside) -> Response<Body> {
    if (request.method(), request.uri().path()) == (&Method::GET, "/status") {
        return status(inside);
    }
    let hello = match Hello::read(request.headers()) {
        Ok(hello) => hello,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, why.to_string()),
    };
    // All nodes have one key: an address that leads elsewhere is noticed here only.
    let is_for_me = request.headers().get(header::HOST).is_some_and(|host| *host == *inside.me.to_string());
    if !is_for_me || hello.node == inside.me {
        let why = format!("this is {}, and another node has its address in peers or as its own", inside.me);
        return refuse(StatusCode::MISDIRECTED_REQUEST, why);
    }
    let Some(open) = inside.open.get() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "this node is starting".to_owned());
    };
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/copy") if hello.cluster.is_some_and(|cluster| cluster != open.cluster) => {
            other(open)
        }
        (&Method::POST, "/messages" | "/signals") if hello.cluster != Some(open.cluster) => other(open),
        (&Method::GET, "/copy") if is_member(inside, &hello) => copy(open, &inside.copies),
        (&Method::POST, "/messages") if is_member(inside, &hello) => {
            receive(request.into_body(), &hello, open).await
        }
        (&Method::POST, "/signals") if is_member(inside, &hello) => {
            receive_signals(request.into_body(), &hello, open).await
        }
        (&Method::GET | &Method::POST, "/copy" | "/messages" | "/signals") => {
            let why = format!("the peers of this node are others than {}", hello.node);
            refuse(StatusCode::FORBIDDEN, why)
        }
        _ => refuse(StatusCode::NOT_FOUND, "there is /messages, /signals, /copy and /status".to_owned()),
    }
}

/// Tells the place of this node, to whoever has the secret.
fn status(inside: &Inside) -> Response<Body> {
    let status = inside.open.get().and_then(|open| NodeStatus::of(&open.chat));
    match status.map(|status| serde_json::to_vec(&status)) {
        Some(Ok(body)) => plain(StatusCode::OK, body.into()),
        _ => refuse(StatusCode::SERVICE_UNAVAILABLE, "this node is starting".to_owned()),
    }
}

fn other(open: &Open) -> Response<Body> {
    refuse(StatusCode::CONFLICT, format!("this node is of cluster {}", open.cluster))
}

fn is_member(inside: &Inside, hello: &Hello) -> bool {
    inside.members.contains(&hello.node)
}

/// Reads a body, or refuses it.
async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, Response<Body>> {
    match timeout(REQUEST_TIMEOUT, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        _ => Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has {bytes_max} bytes at most"))),
    }
}

async fn receive_signals(body: Incoming, hello: &Hello, open: &Open) -> Response<Body> {
    let body = match read(body, SIGNALS_BYTES_MAX).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    match open.inbound.receive_signals(hello.node.node(), &body) {
        Ok(()) => plain(StatusCode::NO_CONTENT, Bytes::new()),
        Err(why) => refuse(StatusCode::BAD_REQUEST, why.to_string()),
    }
}

async fn receive(body: Incoming, hello: &Hello, open: &Open) -> Response<Body> {
    let body = match read(body, BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    match wire::decode(body) {
        Ok(messages) => {
            for message in messages {
                open.inbound.receive(hello.node.node(), message);
            }
            plain(StatusCode::NO_CONTENT, Bytes::new())
        }
        Err(why) => refuse(StatusCode::BAD_REQUEST, why.to_string()),
    }
}

/// Sends a copy of the log, as fast as it is taken.
fn copy(open: &Open, copies: &Arc<Semaphore>) -> Response<Body> {
    // A log that the others refute, or that is behind, must not come to a second node.
    if let Err(why) = open.chat.ready() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    let Ok(permit) = Arc::clone(copies).try_acquire_owned() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "another node takes a copy".to_owned());
    };
    let (chunks, taken) = mpsc::channel(CHUNKS_MAX);
    let chat = open.chat.clone();
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let chunks_of_log = match chat.copy() {
            Ok(chunks) => chunks,
            Err(error) => return drop(chunks.blocking_send(Err(io::Error::other(error)))),
        };
        for chunk in chunks_of_log {
            let chunk = chunk.map_err(io::Error::other);
            let sent = runtime.block_on(timeout(CHUNK_TIMEOUT, chunks.send(chunk)));
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        drop(permit);
    });
    let body = stream::unfold(taken, async |mut taken| {
        let chunk: Result<Bytes, io::Error> = taken.recv().await?;
        Some((chunk.map(Frame::data), taken))
    });
    Response::new(StreamBody::new(body).boxed())
}

fn refuse(status: StatusCode, why: String) -> Response<Body> {
    plain(status, why.into())
}

fn plain(status: StatusCode, text: Bytes) -> Response<Body> {
    let mut answer = Response::new(Full::new(text).map_err(|never| match never {}).boxed());
    *answer.status_mut() = status;
    answer
}
