//! The begin of a connection by TLS: the handshake, within [`HANDSHAKE_TIMEOUT`], and what is told apart
//! before it. A client that speaks plain HTTP is found by its first byte, which no record of TLS has.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;

use super::server::{ALPN_CHALLENGE, ALPN_HTTP2, Tls};
use super::socket::TlsSocket;
use crate::write_timeout::WriteTimeout;

/// Longest time for a handshake. It counts as a connection meanwhile.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The outcome of a handshake that TLS ended, or that was not begun for a client over its limit.
pub const REFUSED: &str = "refused";

/// A connection by TLS, ready for HTTP.
pub struct Secured {
    /// The connection.
    pub socket: TlsSocket,
    /// True if the client has chosen HTTP/2.
    pub is_http2: bool,
}

/// The end of a handshake.
pub enum Handshake {
    /// It is over, and HTTP begins.
    Done(Secured),
    /// It was an authority, which saw whether a name is here; nothing comes after it.
    Challenge(TlsSocket),
    /// The client speaks HTTP without TLS, and can be told so.
    Plain(WriteTimeout<TcpStream>),
    /// There is no connection. The word is the reason, for the metrics.
    Failed(&'static str),
}

impl Handshake {
    /// Returns the word for it in the metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Challenge(_) => "challenge",
            Self::Plain(_) => "plain-http",
            Self::Failed(reason) => reason,
        }
    }
}

/// Shakes hands with a client, within this time.
pub async fn shake_hands(tls: &Tls, socket: WriteTimeout<TcpStream>, within: Duration) -> Handshake {
    match timeout(within, begin(tls, socket)).await {
        Ok(handshake) => handshake,
        Err(_elapsed) => Handshake::Failed("timeout"),
    }
}

async fn begin(tls: &Tls, socket: WriteTimeout<TcpStream>) -> Handshake {
    let mut first = [0];
    match socket.get_ref().peek(&mut first).await {
        Ok(1) if first[0].is_ascii_alphabetic() => return Handshake::Plain(socket),
        Ok(1) => {}
        Ok(_) | Err(_) => return Handshake::Failed("closed"),
    }
    let mut hello = LazyConfigAcceptor::new(Acceptor::default(), socket.beneath_tls());
    let start = match Pin::new(&mut hello).await {
        Ok(start) => start,
        Err(error) => return failed(&error),
    };
    let config = tls.config_for(&start.client_hello());
    match start.into_stream(config).await {
        Ok(stream) => {
            let socket = TlsSocket::new(stream);
            if socket.speaks(ALPN_CHALLENGE) {
                return Handshake::Challenge(socket);
            }
            let is_http2 = socket.speaks(ALPN_HTTP2);
            Handshake::Done(Secured { socket, is_http2 })
        }
        Err(error) => failed(&error),
    }
}

/// A handshake that TLS ends is refused, by either side; the client was told by an alert. Any other end is the
/// socket's.
fn failed(error: &io::Error) -> Handshake {
    tracing::debug!(%error, "a handshake failed");
    Handshake::Failed(if error.kind() == io::ErrorKind::InvalidData { REFUSED } else { "closed" })
}
