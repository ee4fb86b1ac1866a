//! Sockets that can be asked about their peer: those of addresses and those in the file system.

use std::io;
use std::mem::MaybeUninit;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A socket that can be asked about its peer.
pub trait PeerSocket {
    /// Returns how many bytes wait to be read, without reading them; 0 when the peer sends no more.
    fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>>;
    /// Takes the error that has come without a read or a write, such as a reset.
    fn take_error(&self) -> io::Result<Option<io::Error>>;
}

impl PeerSocket for TcpStream {
    fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Self::poll_peek(self, cx, &mut ReadBuf::new(&mut [0]))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Self::take_error(self)
    }
}

impl PeerSocket for UnixStream {
    fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            let peek = || SockRef::from(self).peek(&mut [MaybeUninit::uninit()]);
            match self.try_io(Interest::READABLE, peek) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                peeked => return Poll::Ready(peeked),
            }
        }
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Self::take_error(self)
    }
}
