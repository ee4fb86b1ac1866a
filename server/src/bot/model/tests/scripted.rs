//! A connection without a network: what comes of it, and in which pieces, is exactly what a test says.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Repeats after which a client should have given up.
const REPEATS_MAX: usize = 10_000;

/// The end of a script.
#[derive(Debug, Clone)]
pub enum Then {
    /// The server closes.
    Close,
    /// The server says nothing more.
    Hang,
    /// The server says this for ever.
    Repeat(Vec<u8>),
}

/// The client's side of a connection to a server that answers by a script, once it has been asked.
pub struct Scripted {
    parts: VecDeque<Vec<u8>>,
    then: Then,
    is_asked: bool,
    reader: Option<Waker>,
    /// True if the reader has waited for the next part: each part is a wake-up of its own.
    has_waited: bool,
    repeats: usize,
    taken: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers with these bytes, in pieces of this size.
    pub fn new(bytes: &[u8], size: usize, then: Then) -> Self {
        let parts = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        Self {
            parts,
            then,
            is_asked: false,
            reader: None,
            has_waited: false,
            repeats: 0,
            taken: Arc::default(),
        }
    }

    /// Returns the number of bytes that the client has taken.
    pub fn taken(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.taken)
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.has_waited = !self.has_waited;
        if self.has_waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut part = match (self.parts.pop_front(), &self.then) {
            (Some(part), _) => part,
            (None, Then::Close) => return Poll::Ready(Ok(())),
            (None, Then::Hang) => return Poll::Pending,
            (None, Then::Repeat(bytes)) => {
                let bytes = bytes.clone();
                self.repeats += 1;
                assert!(self.repeats < REPEATS_MAX, "the client never gives up");
                bytes
            }
        };
        let rest = part.split_off(part.len().min(buf.remaining()));
        buf.put_slice(&part);
        self.taken.fetch_add(part.len(), Ordering::Relaxed);
        if !rest.is_empty() {
            self.parts.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
