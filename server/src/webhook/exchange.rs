//! One request to the receiver and its answer, on a connection of its own. No redirect is followed and no proxy asked.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::address::Address;
use crate::headers::{ContentType, content_type};
use crate::outgoing::{CallError, HostError, Trust};
use crate::resolve;

/// Longest time for a request, from the name of the host to the last byte of the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer that is read, in bytes: a message of which each byte is an escape.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// The name of this program, as receivers see it.
const USER_AGENT: &str = concat!("Millchat/", env!("CARGO_PKG_VERSION"));

/// The answer of a receiver.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body, if it is one that may be an answer: of status 200, JSON, and not too long.
    pub body: Option<Bytes>,
}

/// Sends a request to the receiver.
pub async fn send(address: &Address, trust: &Trust, request: Request<Bytes>) -> Result<Answered, CallError> {
    let (host, limit) = (&address.host, REQUEST_TIMEOUT);
    let sent = tokio::time::timeout(limit, Box::pin(connected(address, trust, request))).await;
    sent.unwrap_or_else(|_| Err(CallError::Slow { host: host.name.clone(), limit }))
}

async fn connected(
    address: &Address,
    trust: &Trust,
    mut request: Request<Bytes>,
) -> Result<Answered, CallError> {
    let host = &address.host;
    let sockets = address.sockets(resolve::addresses).await?;
    let header = HeaderValue::from_str(&host.header()).map_err(|_| HostError::Malformed)?;
    request.headers_mut().insert(header::HOST, header);
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    *request.uri_mut() = address.path.parse().map_err(|_| HostError::Malformed)?;
    let request = request.map(Full::new);
    let lost = |source| CallError::Connect { host: host.with_port(), source };
    let socket = TcpStream::connect(&sockets[..]).await.map_err(lost)?;
    if !host.is_tls {
        return exchange(socket, request, &host.name).await;
    }
    let server = ServerName::try_from(host.name.clone()).map_err(|_| HostError::Malformed)?;
    let socket = trust.connector().connect(server, socket).await.map_err(lost)?;
    exchange(socket, request, &host.name).await
}

async fn exchange<S>(socket: S, request: Request<Full<Bytes>>, host: &str) -> Result<Answered, CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |source| CallError::Http { host: host.to_owned(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let may_answer = head.status == StatusCode::OK && content_type(&head.headers) == ContentType::Json;
        // The message has arrived, whatever becomes of the rest.
        let body = if may_answer { Limited::new(body, ANSWER_BYTES_MAX).collect().await.ok() } else { None };
        let body = body.map(http_body_util::Collected::to_bytes);
        Ok(Answered { status: head.status, headers: head.headers, body })
    };
    tokio::pin!(answer, connection);
    // Not spawned: the connection lives as long as its one request.
    tokio::select! {
        biased;
        answered = &mut answer => answered,
        // What it says is said by the answer too.
        _ = &mut connection => answer.await,
    }
}
