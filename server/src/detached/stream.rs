//! A stream that has left hyper: its bytes come by the caught-up lists of its rooms, else they go to its thread's
//! batcher, and to its own socket when it is behind.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::{Method, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::lists::{DetachedStreams, Seats};
use super::socket::{Outcome, ReaderSocket, SharedSocket};
use crate::http::{Response, date_line, write_head};
use crate::sse::reader_stream::ReaderStream;
use crate::tls::{Received, Sealer};
use crate::write_timeout::WriteTimeout;

/// Bytes that a reader still sends are read in pieces of this size and discarded.
const DISCARD_BYTES: usize = 512;
/// A reader that sends more than this is no reader.
const DISCARDED_BYTES_MAX: usize = 256 * 1024;
/// About what the head of an answer takes.
const HEAD_BYTES: usize = 512;

/// Returns true if the request may be answered past hyper: a plain GET of HTTP/1.1 without a body. Others
/// stay.
pub fn can_detach<B: hyper::body::Body>(req: &hyper::Request<B>) -> bool {
    req.method() == Method::GET && req.version() == Version::HTTP_11 && req.body().is_end_stream()
}

/// A stream that leaves hyper, with the head of its answer.
pub struct DetachedStream {
    head: Bytes,
    stream: ReaderStream,
}

impl DetachedStream {
    /// Takes the stream out of an answer that is one.
    pub fn take(response: &mut Response) -> Option<Self> {
        let stream = ReaderStream::take(response.body_mut())?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        write_head(response.status(), response.headers(), &mut head);
        // The end of the stream is the end of the connection: no chunks, and nothing else is answered on it.
        head.extend_from_slice(b"connection: close\r\n");
        head.extend_from_slice(date_line().as_bytes());
        head.extend_from_slice(b"\r\n");
        Some(Self::new(head.into(), stream))
    }

    /// A stream whose answer begins with these bytes.
    pub fn new(head: Bytes, stream: ReaderStream) -> Self {
        Self { head, stream }
    }

    /// The reader of the stream, by its socket; `sealer` is there if it reads by TLS.
    pub fn reader(
        self,
        streams: &Rc<DetachedStreams>,
        (socket, sealer): (WriteTimeout<TcpStream>, Option<Sealer>),
    ) -> Reader {
        let Self { head, mut stream } = self;
        stream.begin_with(head);
        let socket = socket.map(|socket| SharedSocket(ReaderSocket::new(socket, sealer)));
        let shared = Rc::clone(&socket.get_ref().0);
        let seats = Seats::new(streams, &shared);
        Reader { seats, shared, socket, stream, rest: Bytes::new(), discarded: 0, is_watched: false }
    }
}

/// The reader of a stream that has left hyper. Its task polls it; it is no larger than it must be.
pub struct Reader {
    /// Its places in the caught-up lists of its rooms, if it has them.
    seats: Seats,
    shared: Rc<ReaderSocket>,
    socket: WriteTimeout<SharedSocket>,
    stream: ReaderStream,
    /// The bytes that the kernel did not take of those handed over last; they go out before anything else.
    rest: Bytes,
    /// Number of bytes from the reader that were discarded.
    discarded: usize,
    /// Its task is woken when the process is to end.
    is_watched: bool,
}

impl Reader {
    /// Gives the socket back.
    pub fn into_socket(self) -> (WriteTimeout<SharedSocket>, Option<Sealer>) {
        (self.socket, self.shared.sealer.take())
    }

    /// Ready when the stream has ended, or the reader is gone. Always polled by one task.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_watched {
            self.stream.watch(cx.waker());
            self.is_watched = true;
        }
        if self.seats.are_taken() && self.stream.poll_served(cx).is_pending() {
            return self.watch(cx);
        }
        let stream = &mut self.stream;
        // Whoever has just left a list has something to do that it could not.
        let may_join = !self.seats.leave(|nth, left| stream.go_on(nth, left.place, left.sent_at));
        if self.write(cx, may_join).is_ready() { Poll::Ready(()) } else { self.watch(cx) }
    }

    /// Writes the bytes that there are. Pending: there is nothing, or the batcher has it, or the socket is
    /// full.
    fn write(&mut self, cx: &mut Context<'_>, may_join: bool) -> Poll<()> {
        loop {
            match self.shared.outcome() {
                Outcome::Idle => {}
                Outcome::Queued => {
                    // The cause of the wake-up is handled when the batcher is done.
                    self.shared.wake_after(cx.waker());
                    return Poll::Pending;
                }
                Outcome::Partial(bytes) => self.rest = bytes,
                Outcome::Broken(error) => {
                    self.socket.fail(&error);
                    return Poll::Ready(());
                }
            }
            if !self.rest.is_empty() {
                match Pin::new(&mut self.socket).poll_write(cx, &self.rest) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(written)) => self.rest.advance(written),
                }
                if self.rest.is_empty() {
                    let _ = Pin::new(&mut self.socket).poll_flush(cx);
                }
                continue;
            }
            // Before there is news, which comes at once in a room that is busy: the list delivers that, too.
            if may_join && self.join(cx) {
                return Poll::Pending;
            }
            match self.stream.poll_bytes(cx) {
                Poll::Pending => {
                    self.join(cx);
                    return Poll::Pending;
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(bytes)) => {
                    // Whoever may be served by a list looks for a place in it once these bytes have gone.
                    if !self.stream.is_waiting() {
                        self.shared.wake_after(cx.waker());
                    }
                    self.shared.wake_on_trouble(cx.waker());
                    let Ok(bytes) = self.shared.seal(&bytes) else { return Poll::Ready(()) };
                    self.seats.batcher().push(&self.shared, bytes);
                }
            }
            if self.shared.is_queued() {
                return Poll::Pending;
            }
        }
    }

    /// Takes a place in the list of the room, if there is one for this reader as it is.
    fn join(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.stream.is_between_chunks() {
            return false;
        }
        self.shared.wake_on_trouble(cx.waker());
        self.stream.wait(cx);
        let has_place = self.seats.take(&self.stream);
        if has_place {
            self.stream.rest();
        }
        has_place
    }

    /// Ready when the reader is gone, or sends without end. Bytes that it still sends are discarded: it asked
    /// for a stream that does not end. It may send no more and still read.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let discarded = match &mut *self.shared.sealer.borrow_mut() {
                None => break,
                Some(sealer) => ready!(sealer.poll_discard(&mut self.socket, cx)),
            };
            match discarded {
                Ok(Received::Bytes(bytes)) if self.discarded < DISCARDED_BYTES_MAX => self.discarded += bytes,
                Ok(Received::End) => {
                    self.socket.end();
                    return self.socket.poll_gone(cx);
                }
                Ok(Received::Bytes(_)) | Err(_) => return Poll::Ready(()),
            }
        }
        let mut sink = [0; DISCARD_BYTES];
        loop {
            let mut sink = ReadBuf::new(&mut sink);
            match Pin::new(&mut self.socket).poll_read(cx, &mut sink) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !sink.filled().is_empty() && self.discarded < DISCARDED_BYTES_MAX => {
                    self.discarded += sink.filled().len();
                }
                Poll::Ready(Ok(())) if sink.filled().is_empty() => return self.socket.poll_gone(cx),
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}
