//! A connection by TLS, as HTTP reads it and writes to it.
//!
//! TLS lies over the socket that gives up on a peer which takes nothing, so its time runs for the bytes that
//! leave. The peer of a stream that has closed its end says so in a record of TLS: a look at the socket alone
//! would see only that something can be read, so the records are read here while a stream is written.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::reading::read_records;
use super::sealer::Sealer;
use crate::http_socket::HttpSocket;
use crate::write_timeout::{WriteState, WriteTimeout};

/// A connection by TLS.
pub struct TlsSocket(TlsStream<WriteTimeout<TcpStream>>);

impl TlsSocket {
    /// Wraps a connection whose handshake is over.
    pub fn new(stream: TlsStream<WriteTimeout<TcpStream>>) -> Self {
        Self(stream)
    }

    /// Returns true if the client has chosen this protocol.
    pub fn speaks(&self, protocol: &[u8]) -> bool {
        self.0.get_ref().1.alpn_protocol() == Some(protocol)
    }

    /// Takes the connection apart: the socket, and what makes records of the bytes for it.
    pub fn into_parts(self) -> (WriteTimeout<TcpStream>, Sealer) {
        let (socket, tls) = self.0.into_inner();
        (socket, Sealer::new(tls))
    }

    /// Watches the reader of a stream while nothing is written. Ready when it is gone.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (socket, tls) = self.0.get_mut();
        loop {
            match tls.process_new_packets() {
                // Requests that it sends ahead wait for their turn, and hide what comes behind them.
                Ok(state) if state.plaintext_bytes_to_read() > 0 => return Poll::Pending,
                Ok(state) if state.peer_has_closed() => socket.end(),
                Ok(_) => {}
                Err(_) => return Poll::Ready(()),
            }
            if socket.has_ended() {
                return socket.poll_gone(cx);
            }
            match read_records(socket, tls, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
    }
}

impl HttpSocket for TlsSocket {
    fn state(&self) -> Rc<WriteState> {
        self.0.get_ref().0.state()
    }

    /// Also to a peer that sends no more: without our last record it would take the end for a cut.
    fn can_linger(&self) -> bool {
        !self.0.get_ref().0.is_broken()
    }
}

impl AsyncRead for TlsSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_flush(cx))?;
        // Nobody else reads the socket of a stream that HTTP/1.1 serves.
        if self.state().streaming.get() && self.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
