//! The body of an answer as HTTP/2 takes it: in pieces, which are handed over when the window of the stream
//! has room.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::stream::StreamState;
use crate::http::Body;

/// Largest piece, in bytes: one frame of the size that every peer takes. It is held for a stream beside
/// [`super::connection::OUTPUT_BYTES_MAX`].
const PIECE_BYTES_MAX: usize = 16 * 1024;
/// An answer of more bytes ends by a piece of one byte. hyper forgets a stream once it has handed over its last
/// piece, and the window may have no room for that: then nobody would count the time. That of one byte fits,
/// or is waited for.
const TAIL_BYTES_MAX: usize = 1024;

/// The body, and the state that its stream's task looks at.
pub struct SlicedBody {
    body: Body,
    /// The rest of a chunk of the body.
    rest: Bytes,
    state: Rc<StreamState>,
}

impl SlicedBody {
    /// Wraps the body of an answer.
    pub fn new(body: Body, state: Rc<StreamState>) -> Self {
        Self { body, rest: Bytes::new(), state }
    }
}

/// Takes the next piece off a chunk; `ends`: nothing comes after it.
fn piece(rest: &mut Bytes, ends: bool) -> Bytes {
    let bytes = match rest.len() {
        len if len > PIECE_BYTES_MAX => PIECE_BYTES_MAX,
        len if ends && len > TAIL_BYTES_MAX => len - 1,
        len => len,
    };
    rest.split_to(bytes)
}

impl HttpBody for SlicedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        // Until this call the piece before was in hyper's hands.
        this.state.has_taken();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => this.rest = frame.into_data().unwrap_or_default(),
                None => return Poll::Ready(None),
                Some(Err(never)) => match never {},
            }
        }
        let piece = piece(&mut this.rest, this.body.is_end_stream());
        this.state.hand_over(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn pieces(body: Body) -> Vec<(usize, bool)> {
        let mut body = SlicedBody::new(body, Rc::default());
        let mut cx = Context::from_waker(Waker::noop());
        let mut pieces = Vec::new();
        while !body.is_end_stream() {
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.into_data().unwrap_or_default().len();
                    pieces.push((bytes, body.is_end_stream()));
                }
                _ => panic!("it is all there"),
            }
        }
        pieces
    }

    #[test]
    fn a_large_answer_goes_in_pieces_of_which_the_last_has_one_byte() {
        let full = |bytes: usize| Body::Full(Some(vec![0; bytes].into()));
        assert_eq!(pieces(Body::empty()), []);
        assert_eq!(pieces(full(TAIL_BYTES_MAX)), [(TAIL_BYTES_MAX, true)]);
        assert_eq!(pieces(full(TAIL_BYTES_MAX + 1)), [(TAIL_BYTES_MAX, false), (1, true)]);
        let large = pieces(full(3 * PIECE_BYTES_MAX + 5_000));
        assert_eq!(large[..3], [(PIECE_BYTES_MAX, false); 3]);
        assert_eq!(large[3..], [(4_999, false), (1, true)]);
    }
}
