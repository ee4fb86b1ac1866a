//! HTTP/1.1 on one connection: plain, or by TLS.
//!
//! hyper speaks it and answers what does not parse (400, 414, 431). Here is what it leaves out: a 408 for a
//! request whose head stopped half way, a 400 for one that ends there and for the preface of HTTP/2, the way
//! out of hyper for streams, and the end of the process.

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
use tokio::io::AsyncWriteExt;

use crate::app::Worker;
use crate::client_ip::{Client, Peer};
use crate::detached::{self, DetachedStream};
use crate::http::{self, Body};
use crate::http_socket::HttpSocket;
use crate::limit::Limited;
use crate::request_body;
use crate::route;

/// Longest time for the head of a request, and for a connection to idle between two requests.
pub const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(15);
/// The same for a connection that is one too many.
pub const REFUSED_HEAD_TIMEOUT: Duration = Duration::from_secs(1);
/// Time that a connection which has asked nothing yet has for its first request when the process is to end.
/// It was accepted, so no other process will answer it.
pub const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);
/// Largest head of a request, in bytes: room for many cookies; more is answered 431. So are more than 100
/// header fields, which is hyper's own limit: to name another would move its table from the stack to the
/// heap.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// hyper takes frames of a stream until it holds this much that the socket did not. Together with
/// [`crate::connection::SEND_BUFFER_BYTES`] it is what a reader that stopped reading costs; it bounds the head
/// too.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// The end of hyper's part.
pub enum HttpOutcome<S> {
    /// All that was to be answered is.
    Ended(S),
    /// The connection has become a stream that goes on without hyper.
    Detached(DetachedStream, S),
}

/// Speaks HTTP until the last answer is written, or a stream leaves; gives the socket back. A connection that
/// is one too many is answered once, within moments.
pub async fn serve<S: HttpSocket>(
    w: &Rc<Worker>,
    socket: S,
    (peer, refused): (Peer, Option<Limited>),
    may_leave: bool,
) -> HttpOutcome<S> {
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
                may_leave && w.detached.is_some() && !state.behind.get() && detached::can_detach(&request);
            let is_refused = refused.is_some();
            has_asked.set(true);
            let mut response = route::answer(&w, peer, refused, request_body::wrapped(request)).await;
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
    if socket.write_all(final_response.as_bytes()).await.is_ok() {
        let _ = socket.flush().await;
    }
    HttpOutcome::Ended(socket)
}

/// A last answer, written past hyper.
pub fn final_response(status: &str, sentence: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n{}\r\n{sentence}\n",
        sentence.len() + 1,
        http::date_line()
    )
}
