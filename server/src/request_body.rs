//! The body of a request as handlers get it.
//!
//! A request is often refused before its body has arrived. By HTTP/2 the answer then ends with a reset of the
//! stream, which is right by the standard (RFC 9113, 8.1) and makes some clients lose the answer, curl 7.88 among
//! them. So the rest of a body that nobody reads is discarded here for a moment, and the stream ends in order.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Version};

/// Longest time for which the rest of a body is discarded.
const LATE_BODY_WAIT: Duration = Duration::from_secs(1);
/// Most bytes of it. A client that sends more learns by the reset that nobody wants them.
const LATE_BODY_BYTES_MAX: usize = 64 * 1024;

/// A body that is on its way.
pub struct RequestBody {
    /// `None` once it is dropped.
    incoming: Option<Incoming>,
    is_http2: bool,
}

/// Returns a request as handlers get it.
pub fn wrapped(request: Request<Incoming>) -> Request<RequestBody> {
    let is_http2 = request.version() == Version::HTTP_2;
    request.map(|incoming| RequestBody { incoming: Some(incoming), is_http2 })
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let rest = self.incoming.take().filter(|rest| self.is_http2 && !rest.is_end_stream());
        let Some(rest) = rest.filter(|rest| rest.size_hint().lower() <= LATE_BODY_BYTES_MAX as u64) else {
            return;
        };
        // A stream counts as open for so long: a connection has a bounded number.
        tokio::task::spawn_local(tokio::time::timeout(LATE_BODY_WAIT, discard(rest)));
    }
}

async fn discard(mut rest: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > LATE_BODY_BYTES_MAX {
            return;
        }
    }
}
