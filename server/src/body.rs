//! Bodies of requests, read within limits: no handler reads one by itself.
//!
//! A body is bounded in bytes by what its route takes and in time by [`READ_TIMEOUT`]. The memory of all
//! bodies that have not arrived whole is bounded by [`READING_BYTES_MAX`], in shares by address: when it is
//! full, the address that holds the most loses the body that has been arriving for the longest time. A body
//! that comes in one piece, as nearly all do, needs none of it. An oversized body is answered without being
//! read to its end; the connection then closes and its owner discards a little more so that the answer
//! arrives.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;

use crate::byte_budget::{ByteBudget, Claim, GivenUp};
use crate::client_ip::client;
use crate::request_body::RequestBody;

/// Largest body that can hold a message, in bytes: room for 64 KiB of content in which every byte is a JSON
/// escape.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Largest body that holds a name or a language, in bytes. A name too long still fits, so that its sender
/// gets the rule for names instead of this limit.
pub const NAME_BYTES_MAX: usize = 4 * 1024;
/// Longest time that a body may take to arrive.
pub const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Memory for bodies that have not arrived whole, of the whole process, in bytes.
pub const READING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is, or says it is, over the limit.
    #[error("the request's body is over the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the request's body did not arrive within {} seconds", READ_TIMEOUT.as_secs())]
    Slow,
    /// The client went away or its framing is wrong.
    #[error("the request's body ended early or is framed wrongly")]
    Broken,
    /// The memory for bodies is full, and this address holds the most of it.
    #[error(
        "bodies that have not arrived whole fill {READING_BYTES_MAX} bytes, and your address has the most of \
         them; come back in a moment"
    )]
    Busy,
}

/// Reads a body of at most `limit` bytes. After an error the answer must carry [`crate::http::close`], since
/// the rest of the body is still on its way and cannot be told from a next request.
pub async fn read(
    reading: &Arc<ByteBudget>,
    req: Request<RequestBody>,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let address = client(&req).share();
    let body = req.into_body();
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    match tokio::time::timeout(READ_TIMEOUT, gather(body, limit, (reading, address))).await {
        Ok(read) => read,
        Err(_elapsed) => Err(BodyError::Slow),
    }
}

async fn gather<B>(
    mut body: B,
    limit: usize,
    (reading, address): (&Arc<ByteBudget>, IpAddr),
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut all = Vec::new();
    let mut held: Option<(Claim, GivenUp)> = None;
    loop {
        let frame = poll_fn(|cx| {
            if held.as_mut().is_some_and(|(_, given_up)| given_up.poll(cx)) {
                return Poll::Ready(Err(BodyError::Busy));
            }
            Pin::new(&mut body).poll_frame(cx).map(Ok)
        });
        let Some(frame) = frame.await? else { return Ok(all.into()) };
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        let len = all.len() + data.len();
        if len > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if all.is_empty() && body.is_end_stream() {
            // Nearly every body is one piece: it is handed on without a copy.
            return Ok(data);
        }
        if len > all.capacity() {
            // Twice as much each time, and no more than is claimed.
            let capacity = len.max(2 * all.capacity()).min(limit);
            let more = capacity - all.capacity();
            match &mut held {
                Some((claim, _)) => claim.grow(more).map_err(|_| BodyError::Busy)?,
                None => held = Some(reading.claim(address, more).map_err(|_| BodyError::Busy)?),
            }
            all.reserve_exact(capacity - all.len());
        }
        all.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::Ipv4Addr;

    use futures_util::{StreamExt, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;
    use crate::byte_budget::tests::{budget, held};

    const ADA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const BOB: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn pieces(pieces: &[&'static [u8]]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))).collect();
        StreamBody::new(stream::iter(frames))
    }

    fn endless(piece: &'static [u8]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let begun = stream::iter([Ok(Frame::data(Bytes::from_static(piece)))]);
        StreamBody::new(begun.chain(stream::pending()))
    }

    /// Polls once; gives what it came to, if it did.
    async fn poll<F: Future + Unpin>(read: &mut F) -> Option<F::Output> {
        poll_fn(|cx| match Pin::new(&mut *read).poll(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_however_it_is_cut() {
        let room = budget(100);
        for cut in [&[&b"0123456789"[..]][..], &[b"01234", b"", b"56789"], &[b"0", b"1234", b"56789"]] {
            let read = gather(pieces(cut), 10, (&room, ADA)).await;
            assert_eq!(read.as_deref(), Ok(&b"0123456789"[..]));
            let read = gather(pieces(cut), 9, (&room, ADA)).await;
            assert_eq!(read, Err(BodyError::TooLarge { limit: 9 }));
        }
        assert_eq!(held(&room), 0, "what was held is given back");
    }

    #[tokio::test]
    async fn a_body_in_one_piece_needs_none_of_the_budget() {
        let whole = http_body_util::Full::new(Bytes::from_static(b"0123456789"));
        let read = gather(whole, 10, (&budget(0), ADA)).await;
        assert_eq!(read.as_deref(), Ok(&b"0123456789"[..]));
    }

    #[tokio::test]
    async fn bodies_that_do_not_end_hold_a_bounded_number_of_bytes_and_none_of_others() {
        let room = budget(10);
        let mut first = Box::pin(gather(endless(b"0123"), 100, (&room, ADA)));
        let mut second = Box::pin(gather(endless(b"0123"), 100, (&room, ADA)));
        assert!(poll(&mut first).await.is_none() && poll(&mut second).await.is_none());
        assert_eq!(held(&room), 8);
        // Bob does not fit beside both, and it is the older one of Ada's that makes room.
        let bobs = gather(pieces(&[b"01", b"2"]), 100, (&room, BOB)).await;
        assert_eq!(bobs.as_deref(), Ok(&b"012"[..]));
        assert_eq!(poll(&mut first).await, Some(Err(BodyError::Busy)));
        assert!(poll(&mut second).await.is_none());
        assert_eq!(held(&room), 4);
        // What would hold more than any other, and has nothing older, is refused itself.
        let large = gather(pieces(&[b"0123456", b"7"]), 100, (&room, BOB)).await;
        assert_eq!(large, Err(BodyError::Busy));
        drop(second);
        assert_eq!(held(&room), 0);
    }

    #[tokio::test]
    async fn what_a_body_holds_is_what_it_counts_for() {
        let room = budget(1_000);
        let pieces = stream::iter([&[0_u8; 30][..], &[0; 1], &[0; 10], &[0; 50]])
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from_static(piece))));
        let mut read = Box::pin(gather(StreamBody::new(pieces.chain(stream::pending())), 100, (&room, ADA)));
        assert!(poll(&mut read).await.is_none());
        assert_eq!(held(&room), 100, "doubled twice, and no more than the limit");
    }
}
