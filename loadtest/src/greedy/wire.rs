//! Connections from addresses of 127.0.0.0/8, each of which counts as a client of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use millchat_testkit::http::{Body, HEAD_BYTES_MAX, Head, Piece};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::client::exchange::malformed;

/// Time after which a connection that is not accepted is given up.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Ports that are tried for a connection.
const PORT_TRIES_MAX: u32 = 16;

/// Connects from this address. A receive buffer is set for a client that is slow on purpose.
pub async fn connect(from: Ipv4Addr, to: SocketAddr, receive_buffer: Option<u32>) -> io::Result<TcpStream> {
    let mut tries = 1;
    loop {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        // An address has fewer ports than an attack has connections: those that have ended are taken again.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(from.into(), 0))?;
        let connected = timeout(CONNECT_MAX, socket.connect(to)).await;
        match connected.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))? {
            // The port is one that the kernel does not give away yet.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && tries < PORT_TRIES_MAX => {
                tries += 1;
            }
            Err(error) => return Err(error),
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
}

/// A stream of events that has opened.
pub struct OpenStream {
    socket: TcpStream,
    body: Body,
    /// Bytes that were read and not handed out; at first what came behind the head.
    buffer: Vec<u8>,
    fresh: bool,
}

impl OpenStream {
    /// Asks for a stream. The error is the status, if it is not 200, or else the socket's.
    pub async fn open(
        mut socket: TcpStream,
        request: &[u8],
        buffer_bytes: usize,
    ) -> Result<Self, StreamError> {
        socket.write_all(request).await?;
        let mut bytes = Vec::with_capacity(buffer_bytes);
        loop {
            if bytes.len() > HEAD_BYTES_MAX {
                return Err(StreamError::Io(io::ErrorKind::InvalidData.into()));
            }
            if socket.read_buf(&mut bytes).await? == 0 {
                return Err(StreamError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            let Some(head) = Head::parse(&bytes).map_err(malformed)? else { continue };
            let rest = bytes.split_off(head.len);
            if head.status != 200 {
                return Err(StreamError::Status(head.status, rest));
            }
            let mut buffer = Vec::with_capacity(buffer_bytes.max(rest.len()));
            buffer.extend_from_slice(&rest);
            return Ok(Self { socket, body: head.body, buffer, fresh: true });
        }
    }

    /// Hands out the next bytes of the body. Returns false at the stream's end.
    pub async fn next(&mut self, mut on_data: impl FnMut(&[u8])) -> io::Result<bool> {
        if !std::mem::take(&mut self.fresh) || self.buffer.is_empty() {
            self.buffer.clear();
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Ok(false);
            }
        }
        let mut input = self.buffer.as_slice();
        loop {
            match self.body.next(&mut input).map_err(malformed)? {
                Piece::Data(data) => on_data(data),
                Piece::More => return Ok(true),
                Piece::End => return Ok(false),
            }
        }
    }
}

/// A stream that did not open.
#[derive(Debug)]
pub enum StreamError {
    /// The server answered another status; with the first bytes of the body.
    Status(u16, Vec<u8>),
    /// The socket failed.
    Io(io::Error),
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
