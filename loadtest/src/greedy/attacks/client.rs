//! The means of an attacker: connections from its own source addresses, and a tally of the answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::exchange::{Answer, exchange};
use crate::greedy::attacks::tally::{Tally, describe};
use crate::greedy::requests;
use crate::greedy::wire::{OpenStream, StreamError, connect};

/// Time after which an attacker does not wait for an answer any longer.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// Largest answer that an attacker reads, in bytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Time until an attacker connects again.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// The receipt of a message, or of anything that has parts of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// The position.
    pub position: u64,
    /// The log's epoch.
    pub epoch: String,
    /// The token of a guest.
    token: String,
}

/// An attacker.
pub struct Client {
    /// The address that is attacked.
    pub server: SocketAddr,
    sources: Vec<Ipv4Addr>,
    /// The count of the answers.
    pub tally: Arc<Tally>,
}

impl Client {
    /// Creates an attacker with these source addresses.
    pub fn new(server: SocketAddr, sources: Vec<Ipv4Addr>, tally: Arc<Tally>) -> Self {
        Self { server, sources, tally }
    }

    /// Returns a connection that is not open yet. Those of neighbouring numbers leave from different
    /// addresses.
    pub fn line(&self, number: usize) -> Line {
        let source = self.sources[number % self.sources.len()];
        Line {
            source,
            server: self.server,
            tally: Arc::clone(&self.tally),
            receive_buffer: None,
            socket: None,
        }
    }

    /// Returns a connection with a small receive buffer, for one who does not read.
    pub fn slow_line(&self, number: usize, receive_buffer: u32) -> Line {
        Line { receive_buffer: Some(receive_buffer), ..self.line(number) }
    }
}

/// One connection of an attacker, made again as often as it ends.
pub struct Line {
    source: Ipv4Addr,
    server: SocketAddr,
    /// The count of the answers.
    pub tally: Arc<Tally>,
    receive_buffer: Option<u32>,
    socket: Option<TcpStream>,
}

impl Line {
    /// Sends a request and reads the answer. Without an answer it waits a moment.
    pub async fn exchange(&mut self, request: &[u8]) -> Option<Answer> {
        match self.try_exchange(request).await {
            Ok(answer) => {
                self.tally.answer(&answer);
                Some(answer)
            }
            Err(error) => {
                self.failed(&error).await;
                None
            }
        }
    }

    /// As [`Line::exchange`]; returns the receipt in the answer, if it has one.
    pub async fn receipt(&mut self, request: &[u8]) -> Option<Receipt> {
        let answer = self.exchange(request).await.filter(|answer| answer.status < 400)?;
        serde_json::from_slice(&answer.body).ok()
    }

    /// Sends a request that must succeed, for the preparation.
    pub async fn must(&mut self, request: &[u8]) -> io::Result<Receipt> {
        let answer = self.try_exchange(request).await?;
        if answer.status >= 400 {
            return Err(io::Error::other(describe(answer.status, &answer.body)));
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Becomes a guest; returns the token.
    pub async fn guest(&mut self) -> io::Result<String> {
        Ok(self.must(&requests::guest("Greedy")).await?.token)
    }

    /// Opens a stream on a connection of its own.
    pub async fn open(&mut self, request: &[u8], buffer_bytes: usize) -> Option<OpenStream> {
        self.tally.request(request.len());
        let opened = match connect(self.source, self.server, self.receive_buffer).await {
            Ok(socket) => OpenStream::open(socket, request, buffer_bytes).await,
            Err(error) => Err(StreamError::Io(error)),
        };
        match opened {
            Ok(stream) => {
                self.tally.outcome("200");
                Some(stream)
            }
            Err(StreamError::Status(status, body)) => {
                self.tally.outcome(&describe(status, &body));
                tokio::time::sleep(RETRY_AFTER).await;
                None
            }
            Err(StreamError::Io(error)) => {
                self.failed(&error).await;
                None
            }
        }
    }

    /// Returns a connected socket, for an attacker that does not speak as it should.
    pub async fn connect(&mut self) -> Option<TcpStream> {
        match connect(self.source, self.server, self.receive_buffer).await {
            Ok(socket) => Some(socket),
            Err(error) => {
                self.failed(&error).await;
                None
            }
        }
    }

    /// Counts a connection that has ended, and waits a moment.
    pub async fn failed(&mut self, error: &io::Error) {
        self.tally.outcome(match error.kind() {
            io::ErrorKind::UnexpectedEof => "closed",
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset",
            io::ErrorKind::TimedOut => "no answer",
            io::ErrorKind::ConnectionRefused => "not listening",
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => "no free port",
            _ => "failed",
        });
        tokio::time::sleep(RETRY_AFTER).await;
    }

    async fn try_exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(self.source, self.server, self.receive_buffer).await?,
        };
        self.tally.request(request.len());
        let answer = timeout(ANSWER_MAX, exchange(&mut socket, request, ANSWER_BYTES_MAX)).await;
        let answer = answer.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
        self.socket = answer.keep_alive.then_some(socket);
        Ok(answer)
    }
}
