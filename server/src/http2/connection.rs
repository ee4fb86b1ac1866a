//! A connection by HTTP/2, from its first byte to its end.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Sleep, sleep};

use super::body::SlicedBody;
use super::request::name_host;
use super::stream::{StreamExecutor, Streams};
use crate::app::Worker;
use crate::client_ip::Peer;
use crate::http::Body;
use crate::http_socket::HttpSocket;
use crate::http1::{FIRST_REQUEST_GRACE, HEAD_BYTES_MAX, HEAD_READ_TIMEOUT};
use crate::request_body;
use crate::route;

/// Requests and streams that a connection may have open at one time. Each counts as a connection of its
/// address.
const STREAMS_MAX: u32 = 128;
/// Bytes of an answer that are taken ahead of its client, for each stream.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a request's body that a client may send before they are read.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same for all requests of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Silence after which the client is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(20);
/// Longest time for its answer.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that a client may take back before they were looked at; more end the connection.
const PENDING_RESETS_MAX: usize = 20;
/// Time that a client has to close a connection on which nothing is open and that it was asked to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves the connection until it ends.
pub async fn serve(w: &Rc<Worker>, socket: impl HttpSocket, peer: Peer) {
    // Of the socket only progress is asked; how fast an answer is taken is a matter of its stream.
    socket.state().streaming.set(true);
    let (streams, has_asked) = (Rc::<Streams>::default(), Rc::<Cell<bool>>::default());
    let service = service_fn(|mut request| {
        let (w, mut refused, state) = (Rc::clone(w), None, streams.begin());
        has_asked.set(true);
        match Arc::clone(&w.app.connections).try_acquire_owned() {
            Ok(permit) => drop(state.permit.replace(Some(permit))),
            Err(_) => refused = Some(w.app.limits.full()),
        }
        Box::pin(async move {
            name_host(&mut request);
            let response = route::answer(&w, peer, refused, request_body::wrapped(request)).await;
            let (head, mut body) = response.into_parts();
            state.is_events.set(matches!(body, Body::Events(_)));
            state.given_up.replace(body.take_given_up());
            Ok::<_, Infallible>(Response::from_parts(head, SlicedBody::new(body, state)))
        })
    });
    let executor = StreamExecutor { w: Rc::clone(w), streams: Rc::clone(&streams) };
    let mut connection = pin!(
        http2::Builder::new(executor)
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX as u32)
            .max_send_buf_size(OUTPUT_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_TIMEOUT)
            .serve_connection(TokioIo::new(socket), service)
    );
    let drain = &w.app.drain;
    let mut announced = pin!(drain.wait_announced());
    let mut end = pin!(async {
        drain.wait().await;
        if !has_asked.get() {
            sleep(FIRST_REQUEST_GRACE).await;
        }
    });
    let (mut is_announced, mut leaving, mut idle) = (false, false, Idle::default());
    let ended = poll_fn(|cx| {
        is_announced = is_announced || announced.as_mut().poll(cx).is_ready();
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            let is_idle = idle.poll(cx, &streams, if leaving { LEAVE_TIMEOUT } else { HEAD_READ_TIMEOUT });
            if leaving {
                return if is_idle.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            // Whoever asked on it is told to take another connection, where a load balancer leads elsewhere.
            let is_last = has_asked.get() && is_announced;
            if !is_last && is_idle.is_pending() && end.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // What is open goes on. The client learns what was the last request that is answered.
            leaving = true;
            idle = Idle::default();
            connection.as_mut().graceful_shutdown();
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection by HTTP/2 ended");
    }
}

/// The time for which nothing has been open.
#[derive(Default)]
struct Idle(Option<Pin<Box<Sleep>>>);

impl Idle {
    /// Ready when it has been so for this time.
    fn poll(&mut self, cx: &mut Context<'_>, streams: &Streams, limit: Duration) -> Poll<()> {
        if !streams.are_none(cx) {
            self.0 = None;
            return Poll::Pending;
        }
        self.0.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
    }
}
