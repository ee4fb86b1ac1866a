//! Bodies of requests, read within limits: no handler reads one by itself.
//!
//! A body is bounded in bytes by what its route takes, in time by [`READ_TIMEOUT`], and all bodies that are
//! being read at one moment by [`READING_BYTES_MAX`]: each byte that has arrived counts until its body is
//! whole, so that a thousand bodies that stop before their end cannot fill the memory. An oversized body is
//! answered without being read to its end; the connection then closes and its owner discards a little more so
//! that the answer arrives.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Largest body that can hold a message, in bytes: room for 64 KiB of content in which every byte is a JSON
/// escape.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Largest body that holds a name, in bytes. A name far too long still fits, so that its sender gets the rule
/// for names instead of this limit.
pub const NAME_BYTES_MAX: usize = 128 * 1024;
/// Longest time that a body may take to arrive.
pub const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of all bodies that are being read now, of the whole process.
const READING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A permit for each byte; taken as bytes arrive, given back when their body is whole or given up.
static READING: Semaphore = Semaphore::const_new(READING_BYTES_MAX);

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
    /// Others fill the room for bodies.
    #[error("{READING_BYTES_MAX} bytes of other requests are being read; come back in a moment")]
    Busy,
}

/// Reads a body of at most `limit` bytes. After an error the answer must carry [`crate::http::close`], since
/// the rest of the body is still on its way and cannot be told from a next request.
pub async fn read(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match tokio::time::timeout(READ_TIMEOUT, gather(body, limit, &READING)).await {
        Ok(read) => read,
        Err(_elapsed) => Err(BodyError::Slow),
    }
}

async fn gather<B>(mut body: B, limit: usize, room: &Semaphore) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut held: Option<SemaphorePermit<'_>> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        let bytes = u32::try_from(data.len()).map_err(|_| BodyError::TooLarge { limit })?;
        let permit = room.try_acquire_many(bytes).map_err(|_| BodyError::Busy)?;
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        if first.is_empty() && all.is_empty() {
            // Nearly every body is one piece: it is handed on without a copy.
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use futures_util::{StreamExt, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn pieces(pieces: &[&'static [u8]]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))).collect();
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_however_it_is_cut() {
        let room = Semaphore::new(100);
        for cut in [&[&b"0123456789"[..]][..], &[b"01234", b"", b"56789"], &[b"0", b"1234", b"56789"]] {
            assert_eq!(gather(pieces(cut), 10, &room).await.as_deref(), Ok(&b"0123456789"[..]));
            assert_eq!(gather(pieces(cut), 9, &room).await, Err(BodyError::TooLarge { limit: 9 }));
        }
        assert_eq!(room.available_permits(), 100, "what was held is given back");
    }

    #[tokio::test]
    async fn bodies_that_do_not_end_hold_a_bounded_number_of_bytes_and_no_more_of_others() {
        let room = Semaphore::new(10);
        let begun = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"01234567")))]);
        let mut endless = Box::pin(gather(StreamBody::new(begun.chain(stream::pending())), 100, &room));
        let poll = poll_fn(|cx| Poll::Ready(Pin::new(&mut endless).poll(cx).is_pending())).await;
        assert!(poll && room.available_permits() == 2);
        assert_eq!(gather(pieces(&[b"012"]), 100, &room).await, Err(BodyError::Busy));
        assert_eq!(gather(pieces(&[b"01"]), 100, &room).await.as_deref(), Ok(&b"01"[..]));
        drop(endless);
        assert!(gather(pieces(&[b"012"]), 100, &room).await.is_ok());
    }
}
