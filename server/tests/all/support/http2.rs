//! A client of HTTP/2 that opens the windows of its streams by hand, so that it can be slow on one of them.

use bytes::Bytes;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use hyper::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use super::tls::{NAME, Secure};
use super::within;

/// One connection.
pub struct Http2 {
    pub requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

/// An answer whose body comes as it is asked for.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: RecvStream,
    /// The part of the body that was read.
    pub text: String,
}

impl Http2 {
    /// Connects; each stream has a window of this many bytes at first.
    pub async fn connect(secure: &Secure, window: u32) -> Self {
        let socket = secure.connect(&["h2"]).await;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(64 * 1024 * 1024);
        let shaken: Result<(_, Connection<TlsStream<TcpStream>, Bytes>), _> = builder.handshake(socket).await;
        let (requests, connection) = shaken.unwrap();
        Self { requests, connection: tokio::spawn(connection) }
    }

    /// Begins a request.
    pub async fn begin(&mut self, request: Request<()>) -> Result<ResponseFuture, h2::Error> {
        let requests = within("the connection takes a request", self.requests.clone().ready()).await;
        Ok(requests?.send_request(request, true)?.0)
    }

    /// Asks for a path.
    pub async fn get(&mut self, path: &str) -> Answer {
        let response = self.begin(get(path)).await.unwrap();
        Answer::of(response).await.unwrap()
    }

    /// Waits until the connection has ended; gives its error.
    pub async fn ended(self) -> Option<h2::Error> {
        drop(self.requests);
        within("the connection ends", self.connection).await.unwrap().err()
    }
}

/// A request for a path.
pub fn get(path: &str) -> Request<()> {
    Request::builder().uri(format!("https://{NAME}{path}")).body(()).unwrap()
}

impl Answer {
    /// Waits for the head of an answer.
    pub async fn of(response: ResponseFuture) -> Result<Self, h2::Error> {
        let (head, body) = within("an answer begins", response).await?.into_parts();
        Ok(Self { status: head.status.as_u16(), headers: head.headers, body, text: String::new() })
    }

    /// Reads the next piece and opens the window for as much again; `None` at the end.
    pub async fn read(&mut self) -> Option<Result<(), h2::Error>> {
        let bytes = match within("a piece of the body", self.body.data()).await? {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(error)),
        };
        self.text.push_str(&String::from_utf8_lossy(&bytes));
        let _ = self.body.flow_control().release_capacity(bytes.len());
        Some(Ok(()))
    }

    /// Reads until it has read these words.
    pub async fn until(&mut self, words: &str) {
        while !self.text.contains(words) {
            match self.read().await {
                Some(Ok(())) => {}
                ended => panic!("{ended:?} before {words} in {:?}", self.text),
            }
        }
    }

    /// Reads to the end; gives the reason if it was reset.
    pub async fn whole(&mut self) -> Option<Reason> {
        while let Some(piece) = self.read().await {
            if let Err(error) = piece {
                return Some(error.reason().unwrap_or_else(|| panic!("{error}")));
            }
        }
        None
    }
}
