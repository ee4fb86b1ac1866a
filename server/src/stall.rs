//! A socket that gives up on a peer that takes nothing.
//!
//! A reader that stops reading fills the kernel's buffer, then hyper's; from then on every write is pending.
//! If that lasts [`WRITE_STALL`] without one byte of progress, the write fails, the connection ends and all
//! it held is freed; the reader resumes by its place. A timer exists only while a write is pending.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long a write may make no progress.
pub const WRITE_STALL: Duration = Duration::from_secs(30);

/// The wrapped socket. It also remembers what its owner needs to end the connection well.
pub struct Stall<T> {
    socket: T,
    /// Some while a write is pending, armed when it first was.
    timer: Option<Pin<Box<Sleep>>>,
    /// The peer has said that it sends no more.
    ended: bool,
    /// A read or a write has failed: there is nobody to be polite to.
    broken: bool,
}

impl<T> Stall<T> {
    /// Wraps a socket.
    pub fn new(socket: T) -> Self {
        Self { socket, timer: None, ended: false, broken: false }
    }

    /// Whether an answer could still arrive, and unread bytes of the peer could keep it from arriving.
    pub fn may_linger(&self) -> bool {
        !self.ended && !self.broken
    }

    fn watch(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(result) => {
                self.broken |= result.is_err();
                self.timer = None;
                written
            }
            Poll::Pending => {
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_STALL)));
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.broken = true;
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing any more")))
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stall<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) => self.ended |= buf.filled().len() == before && buf.remaining() > 0,
            Poll::Ready(Err(_)) => self.broken = true,
            Poll::Pending => {}
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stall<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut socket = Stall::new(ours);
        let started = tokio::time::Instant::now();
        let slow_reader = async {
            let mut byte = [0; 1];
            for _ in 0..4 {
                tokio::time::sleep(WRITE_STALL / 2).await;
                theirs.read_exact(&mut byte).await.unwrap();
            }
            tokio::time::sleep(WRITE_STALL * 10).await;
        };
        tokio::select! {
            written = socket.write_all(&[0; 1_000]) => {
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
                assert_eq!(started.elapsed().as_secs(), (WRITE_STALL * 3).as_secs());
                assert!(!socket.may_linger());
            }
            () = slow_reader => panic!("the writer was not freed"),
        }
    }
}
