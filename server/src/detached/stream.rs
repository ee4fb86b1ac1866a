//! A stream that has left hyper: its bytes go to its thread's outlet, and to its own socket when it is behind.

use super::batcher::Outlet;
use super::socket::{Line, Shared, State};
use crate::drain::Drain;
use crate::http::{Response, write_head};
use crate::sse::stream::Stream;
use crate::stall::Stall;
use bytes::{Buf, Bytes};
use hyper::{Method, Version};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a reader still sends is read in pieces of this size and discarded.
const DISCARD_BYTES: usize = 512;
/// A reader that sends more than this is no reader.
const DISCARDED_BYTES_MAX: usize = 256 * 1024;
/// About what the head of an answer takes.
const HEAD_BYTES: usize = 512;

/// Whether the request may be answered past hyper: a plain GET of HTTP/1.1 without a body. Others stay.
pub fn takes<B: hyper::body::Body>(req: &hyper::Request<B>) -> bool {
    req.method() == Method::GET && req.version() == Version::HTTP_11 && req.body().is_end_stream()
}

/// A stream that leaves hyper, with the head of its answer.
pub struct Leaving {
    head: Bytes,
    stream: Box<Stream>,
}

impl Leaving {
    /// Takes the stream out of an answer that is one.
    pub fn take(response: &mut Response) -> Option<Self> {
        const TAKES_ALL: &str = "a vector takes whatever is written to it";
        let stream = response.body_mut().take_events::<Stream>()?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        write_head(response.status(), response.headers(), &mut head);
        // The end of the stream is the end of the connection: no chunks, and nothing else is answered on it.
        head.extend_from_slice(b"connection: close\r\n");
        if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()) {
            write!(head, "date: {date}\r\n").expect(TAKES_ALL);
        }
        head.extend_from_slice(b"\r\n");
        Some(Self { head: head.into(), stream })
    }

    /// Serves the stream until it ends or the reader is gone; gives the socket back.
    pub async fn serve(self, drain: &Drain, outlet: &Outlet, socket: Stall<TcpStream>) -> Stall<Shared> {
        let Self { head, mut stream } = self;
        stream.begin_with(head);
        let socket = socket.map(|socket| Shared(Line::new(socket)));
        let line = Rc::clone(&socket.get_ref().0);
        let mut reader = Reader { outlet, line, socket, stream, left: Bytes::new(), discarded: 0 };
        let mut drain = pin!(drain.wait());
        let mut waits = false;
        poll_fn(|cx| {
            if !waits {
                // Once: it is always this task that is woken. The stream looks at the flag itself.
                let _ = drain.as_mut().poll(cx);
                waits = true;
            }
            reader.poll(cx)
        })
        .await;
        reader.socket
    }
}

/// One reader.
struct Reader<'a> {
    outlet: &'a Outlet,
    line: Rc<Line>,
    socket: Stall<Shared>,
    stream: Box<Stream>,
    /// What the kernel did not take of what was handed over last; goes out before anything else.
    left: Bytes,
    /// Bytes of the peer's that were discarded.
    discarded: usize,
}

impl Reader<'_> {
    /// Ready when the stream has ended, or the reader is gone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.write(cx).is_ready() { Poll::Ready(()) } else { self.watch(cx) }
    }

    /// Writes what there is to write. Pending: there is nothing, or the outlet has it, or the socket is full.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.line.state() {
                State::Idle => {}
                State::Queued => {
                    // What woke the task is seen to when the outlet is done.
                    self.line.wake_after(cx.waker());
                    return Poll::Pending;
                }
                State::Left(bytes) => self.left = bytes,
                State::Broken(error) => {
                    self.socket.fail(&error);
                    return Poll::Ready(());
                }
            }
            if !self.left.is_empty() {
                match Pin::new(&mut self.socket).poll_write(cx, &self.left) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(written)) => self.left.advance(written),
                }
                if self.left.is_empty() {
                    let _ = Pin::new(&mut self.socket).poll_flush(cx);
                }
                continue;
            }
            match self.stream.poll_bytes(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(bytes)) => {
                    if !self.stream.waits() {
                        self.line.wake_after(cx.waker());
                    }
                    self.line.wake_on_trouble(cx.waker());
                    self.outlet.push(&self.line, bytes);
                }
            }
            if self.line.is_queued() {
                return Poll::Pending;
            }
        }
    }

    /// Ready when the reader is gone, or sends without end. What it still sends is nobody's: it asked for a stream that
    /// does not end.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut sink = [0; DISCARD_BYTES];
        loop {
            let mut sink = ReadBuf::new(&mut sink);
            match Pin::new(&mut self.socket).poll_read(cx, &mut sink) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !sink.filled().is_empty() && self.discarded < DISCARDED_BYTES_MAX => {
                    self.discarded += sink.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}
