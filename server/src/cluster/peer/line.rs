//! The connection to another node.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::hello::Hello;
use crate::cluster::peer_address::PeerAddress;
use crate::cluster::secret::PeerTls;
use crate::resolve::{self, AnyError};

/// Longest time for a connection with its handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time until the head of an answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// Largest sentence of a node that refuses, in bytes.
const SENTENCE_BYTES_MAX: usize = 4_096;

/// Another node does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It cannot be reached.
    #[error("{0}")]
    Unreachable(AnyError),
    /// It was silent.
    #[error("it does not answer")]
    Silent,
    /// It refuses.
    #[error("it answers {0}: {1}")]
    Refused(StatusCode, String),
}

/// A connection to another node, made when it is needed.
pub struct Line {
    to: PeerAddress,
    tls: PeerTls,
    hello: Hello,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// Makes it, and connects nowhere yet.
    pub fn new(to: PeerAddress, tls: PeerTls, hello: Hello) -> Self {
        Self { to, tls, hello, open: None }
    }

    /// Returns the address of the other node.
    pub fn to(&self) -> &PeerAddress {
        &self.to
    }

    /// Asks for something, and returns the answer if it is one of success.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<Response<Incoming>, LineError> {
        let mut open = match self.open.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path of this program");
        let host = HeaderValue::try_from(self.to.to_string()).expect("an address is visible ASCII");
        request.headers_mut().insert(header::HOST, host);
        self.hello.write(request.headers_mut());
        let answer = timeout(ANSWER_TIMEOUT, async {
            open.ready().await?;
            open.send_request(request).await
        });
        let answer = answer.await.map_err(|_| LineError::Silent)?;
        let answer = answer.map_err(|error| LineError::Unreachable(error.into()))?;
        self.open = Some(open);
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let sentence =
            timeout(ANSWER_TIMEOUT, Limited::new(answer.into_body(), SENTENCE_BYTES_MAX).collect());
        let sentence = match sentence.await {
            Ok(Ok(sentence)) => String::from_utf8_lossy(&sentence.to_bytes()).trim().to_owned(),
            _ => String::new(),
        };
        Err(LineError::Refused(status, sentence))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LineError> {
        let connected = async {
            let socket = resolve::connect(self.to.host(), self.to.port()).await?;
            socket.set_nodelay(true)?;
            let stream = self.tls.connector.connect(self.tls.name.clone(), socket).await?;
            Ok(http1::handshake(TokioIo::new(stream)).await?)
        };
        let connected = timeout(CONNECT_TIMEOUT, connected).await.map_err(|_| LineError::Silent)?;
        let (sender, connection) = connected.map_err(LineError::Unreachable)?;
        // It ends with the sender, or is told by its end.
        tokio::spawn(connection);
        Ok(sender)
    }
}
