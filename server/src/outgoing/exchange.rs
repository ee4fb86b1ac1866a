//! One request and its answer on a connection of its own.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::error::CallError;

/// Sends the request, and returns the whole answer. The connection ends with it, or when the caller gives up.
pub async fn exchange<S>(
    socket: S,
    request: Request<Full<Bytes>>,
    host: &str,
    limit: usize,
) -> Result<Response<Bytes>, CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |source| CallError::Http { host: host.to_owned(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        if head.status.is_redirection() {
            return Err(CallError::Redirect { host: host.to_owned(), status: head.status });
        }
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            match error.downcast::<hyper::Error>() {
                Ok(source) => broken(*source),
                Err(other) => {
                    debug_assert!(other.is::<LengthLimitError>(), "a body breaks, or is too long");
                    CallError::TooLarge { host: host.to_owned(), limit }
                }
            }
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    // Not spawned: the connection lives as long as its one call.
    tokio::select! {
        biased;
        answered = &mut answer => answered,
        // What it says is said by the answer too.
        _ = &mut connection => answer.await,
    }
}
