//! One connection, from the accepted socket to a close that lets the last answer arrive.
//!
//! hyper speaks HTTP and answers what does not parse (400, 414, 431). Here is what it leaves out: a 408 for a
//! request whose head stopped half way, a 400 for one that ends there and for the preface of HTTP/2, bounds
//! on what a reader that does not read can hold, and the end: a socket closed over unread bytes is reset, and
//! the reset can destroy the answer on its way, so the peer's rest is discarded for a moment before the
//! close.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::app::Worker;
use crate::client_ip::{Client, Peer};
use crate::detached::{self, DetachedStream};
use crate::http::{self, Body};
use crate::limit::Limited;
use crate::peer_socket::PeerSocket;
use crate::route;
use crate::write_timeout::{WRITE_TIMEOUT, WriteTimeout};

/// Longest time for the head of a request, and for a connection to idle between two requests.
pub const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(15);
/// The same for a connection that is one too many.
const REFUSED_HEAD_TIMEOUT: Duration = Duration::from_secs(1);
/// Time that a connection which has asked nothing yet has for its first request when the process is to end.
/// It was accepted, so no other process will answer it.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);
/// Largest head of a request, in bytes: room for many cookies; more is answered 431. So are more than 100
/// header fields, which is hyper's own limit: to name another would move its table from the stack to the
/// heap.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// hyper takes frames of a stream until it holds this much that the socket did not. Together with
/// [`SEND_BUFFER_BYTES`] it is what a reader that stopped reading costs; it bounds the head too.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// The kernel's share of the same cost (it doubles the figure for its bookkeeping). Left to itself the kernel
/// would let it grow to 4 MiB; this much still carries 1 MB/s over a line of 100 ms.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Bytes of the peer that are discarded after the last answer, at most.
const LINGER_BYTES_MAX: usize = 256 * 1024;
/// Size of the pieces in which they are read.
const LINGER_READ_BYTES: usize = 8 * 1024;
/// Longest time for that.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Serves the connection until it ends, either side's wish or the process's.
///
/// `permit` is its share of what bounds connections, to be held until then.
pub async fn serve(w: Rc<Worker>, socket: TcpStream, peer: Peer, permit: impl Sized + 'static) {
    // A frame is written whole, so waiting for more to send would only add delay.
    let _ = socket.set_nodelay(true);
    let _ = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER_BYTES);
    // A peer that vanished without a word acknowledges nothing: heartbeats would fill the kernel's buffer for
    // hours before a write stalls.
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&socket, WRITE_TIMEOUT.as_millis() as u32);
    let metrics = &w.app.metrics;
    let socket = WriteTimeout::new(socket, metrics.slow.clone(), metrics.dropped.clone());
    let counted = Counted::new(&w);
    let (address_permit, refused) = match w.app.limits.connect(peer) {
        Ok(address_permit) => (address_permit, None),
        Err(limited) => (None, Some(limited)),
    };
    match serve_http(&w, socket, (peer, refused), true).await {
        HttpOutcome::Ended(socket) => linger(socket).await,
        HttpOutcome::Detached(stream, socket) => {
            // A task of its own, no larger than what is left. This one, with all of hyper in it, ends here,
            // and what it held is whole for the next connection.
            tokio::task::spawn_local(async move {
                let _held = (address_permit, counted, permit);
                if let Some(batcher) = &w.batcher {
                    let socket = stream.serve(&w.app.drain, batcher, socket).await;
                    Box::pin(linger(socket)).await;
                }
            });
        }
    }
}

/// The same over a socket in the file system. Its streams stay with hyper.
pub async fn serve_unix(w: Rc<Worker>, socket: UnixStream, peer: Peer, _permit: impl Sized + 'static) {
    let metrics = &w.app.metrics;
    let socket = WriteTimeout::new(socket, metrics.slow.clone(), metrics.dropped.clone());
    let _counted = Counted::new(&w);
    match serve_http(&w, socket, (peer, None), false).await {
        HttpOutcome::Ended(socket) | HttpOutcome::Detached(_, socket) => linger(socket).await,
    }
}

/// The end of hyper's part.
enum HttpOutcome<T> {
    /// All that was to be answered is.
    Ended(WriteTimeout<T>),
    /// The connection has become a stream that goes on without hyper.
    Detached(DetachedStream, WriteTimeout<T>),
}

/// Counts the connection for as long as it is there, also when its task panics.
struct Counted(Rc<Worker>);

impl Counted {
    fn new(w: &Rc<Worker>) -> Self {
        w.app.metrics.connections.inc();
        Self(Rc::clone(w))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.app.metrics.connections.dec();
    }
}

/// Speaks HTTP until the last answer is written, or a stream leaves; gives the socket back. A connection that
/// is one too many is answered once, within moments.
async fn serve_http<T: AsyncRead + AsyncWrite + PeerSocket + Unpin + 'static>(
    w: &Rc<Worker>,
    socket: WriteTimeout<T>,
    (peer, refused): (Peer, Option<Limited>),
    may_leave: bool,
) -> HttpOutcome<T> {
    let head_timeout = if refused.is_some() { REFUSED_HEAD_TIMEOUT } else { HEAD_READ_TIMEOUT };
    let state = socket.state();
    let detached_stream: Rc<Cell<Option<DetachedStream>>> = Rc::default();
    let has_asked: Rc<Cell<bool>> = Rc::default();
    let service = service_fn(|request| {
        let (w, state, detached_stream) = (Rc::clone(w), Rc::clone(&state), Rc::clone(&detached_stream));
        let has_asked = Rc::clone(&has_asked);
        let refused = refused.clone();
        Box::pin(async move {
            // Earlier answers must be with the kernel: hyper's buffer goes with hyper. (hyper 1.12 reads the
            // next request only then; nothing promises it.)
            let may_detach =
                may_leave && w.batcher.is_some() && !state.behind.get() && detached::can_detach(&request);
            let is_refused = refused.is_some();
            has_asked.set(true);
            let mut response = route::answer(&w, peer, refused, request).await;
            // A process that will end says so in each answer: its client takes another connection, and no
            // later request of it meets the close.
            let is_last = w.app.drain.is_announced() && !matches!(response.body(), Body::Events(_));
            if is_refused || is_last {
                http::close(&mut response);
            }
            let mut is_stream = false;
            if let Body::Events(stream) = response.body_mut() {
                is_stream = true;
                stream.obey(Rc::clone(&state.asked));
            }
            state.streaming.set(is_stream);
            state.given_up.replace(response.body_mut().take_given_up());
            if may_detach && let Some(stream) = DetachedStream::take(&mut response) {
                detached_stream.set(Some(stream));
                return pending().await;
            }
            Ok::<hyper::Response<Body>, Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Who sends no more may wait for the answer all the same.
        .half_close(true)
        .header_read_timeout(head_timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(OUTPUT_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service);
    let ended = {
        // Boxed when the process is to end, so that no connection is larger for it before.
        let mut end = pin!(async {
            w.app.drain.wait().await;
            if !has_asked.get() {
                Box::pin(tokio::time::sleep(FIRST_REQUEST_GRACE)).await;
            }
        });
        let mut draining = false;
        poll_fn(|cx| {
            if !draining && end.as_mut().poll(cx).is_ready() {
                draining = true;
                // An idle connection ends now; a request is answered first; an open stream sees the flag when
                // it is polled, a line below.
                Pin::new(&mut connection).graceful_shutdown();
            }
            let polled = connection.poll_without_shutdown(cx);
            match detached_stream.take() {
                Some(stream) if polled.is_pending() => Poll::Ready(Err(stream)),
                _ => polled.map(Ok),
            }
        })
        .await
    };
    let parts = connection.into_parts();
    let mut socket = parts.io.into_inner();
    let ended = match ended {
        Ok(ended) => ended,
        Err(stream) => return HttpOutcome::Detached(stream, socket),
    };
    let final_response = match ended {
        Err(error) if error.is_timeout() && !parts.read_buf.is_empty() => {
            w.app.metrics.error("slow-head");
            w.app.refused.refused(Client::of(peer.address).counted(), "slow-head");
            let limit = head_timeout.as_secs();
            final_response(
                "408 Request Timeout",
                &format!("The head of a request must arrive within {limit} seconds"),
            )
        }
        Err(error) if error.is_parse() && parts.read_buf.starts_with(HTTP2_PREFACE) => {
            final_response("400 Bad Request", "This server speaks HTTP/1.1 only")
        }
        Err(error) if error.is_incomplete_message() && !parts.read_buf.is_empty() => {
            final_response("400 Bad Request", "The head of the request ends before its empty line")
        }
        Err(error) => {
            if error.is_parse() {
                w.app.metrics.error("not-http");
            }
            tracing::debug!(%error, "a connection ended");
            return HttpOutcome::Ended(socket);
        }
        Ok(()) => return HttpOutcome::Ended(socket),
    };
    let _ = socket.write_all(final_response.as_bytes()).await;
    HttpOutcome::Ended(socket)
}

/// A last answer, written past hyper.
fn final_response(status: &str, sentence: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n{}\r\n{sentence}\n",
        sentence.len() + 1,
        http::date_line()
    )
}

/// Says that nothing more comes, and discards a bounded rest of what the peer sends.
async fn linger<T: AsyncRead + AsyncWrite + PeerSocket + Unpin>(mut socket: WriteTimeout<T>) {
    if !socket.can_linger() || socket.shutdown().await.is_err() {
        return;
    }
    let discard = async {
        // On the heap and only now: an array here would make every connection's task larger by it.
        let mut sink = vec![0; LINGER_READ_BYTES];
        let mut discarded = 0;
        while discarded < LINGER_BYTES_MAX {
            match socket.read(&mut sink).await {
                Ok(0) | Err(_) => return,
                Ok(n) => discarded += n,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER_TIMEOUT, discard).await;
}
