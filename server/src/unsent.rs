//! Answers that wait for their client to take them.
//!
//! A stream holds little, since it is made as it is taken. Any other answer is in memory whole until the
//! kernel has the last byte of it, for as long as [`crate::write_timeout`] lets its client take. So all large
//! answers together are bounded by [`UNSENT_BYTES_MAX`]. When that is full, the connection of the oldest
//! answer of the address that holds the most ends.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::byte_budget::{BudgetFull, ByteBudget, Claim};
use crate::http::{Body, Response};

/// Bytes of all answers that wait to be taken, of the whole process.
pub const UNSENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A smaller answer is not counted: its connection's buffers hold more.
pub const UNSENT_COUNTED_MIN: usize = 16 * 1024;

/// The bytes of an answer, and their share of the budget: they are freed together, when the last of them is
/// with the kernel.
struct Held {
    bytes: Box<[u8]>,
    _claim: Claim,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Counts a large answer for as long as its bytes are there. The bytes of others, such as the assets of the
/// program, are not counted.
pub fn count(
    budget: &Arc<ByteBudget>,
    address: IpAddr,
    mut answer: Response,
) -> Result<Response, BudgetFull> {
    let Body::Full(Some(bytes)) = answer.body_mut() else { return Ok(answer) };
    if bytes.len() < UNSENT_COUNTED_MIN || !bytes.is_unique() {
        return Ok(answer);
    }
    let (claim, given_up) = budget.claim(address, bytes.len())?;
    // As large as the claim says: what a vector has in reserve is freed here.
    let bytes = Vec::from(std::mem::take(bytes)).into_boxed_slice();
    let bytes = Bytes::from_owner(Held { bytes, _claim: claim });
    *answer.body_mut() = Body::Counted { bytes: Some(bytes), given_up: Some(given_up) };
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use hyper::body::Body as _;

    use super::*;
    use crate::byte_budget::tests::{budget, held};
    use crate::http;

    #[test]
    fn a_large_answer_counts_until_the_last_of_its_bytes_is_gone() {
        let budget = budget(UNSENT_BYTES_MAX);
        let address = [192, 0, 2, 1].into();
        let large = "x".repeat(3 * UNSENT_COUNTED_MIN);
        let mut reserved = String::with_capacity(1 << 20);
        reserved.push_str(&large);
        let mut answer = count(&budget, address, http::html(StatusCode::OK, reserved)).unwrap();
        assert_eq!(held(&budget), large.len(), "the vector's reserve is freed and not counted");
        assert_eq!(answer.body().size_hint().exact(), Some(large.len() as u64));
        let Body::Counted { bytes, .. } = answer.body_mut() else { panic!("it counts") };
        let mut bytes = bytes.take().unwrap();
        assert_eq!(bytes, large.as_bytes());
        drop(answer);
        drop(bytes.split_to(UNSENT_COUNTED_MIN));
        assert_eq!(held(&budget), large.len(), "the memory of a part is freed with the rest");
        drop(bytes);
        assert_eq!(held(&budget), 0);
    }

    #[test]
    fn what_is_small_and_what_belongs_to_the_program_does_not_count() {
        static ASSET: [u8; 100_000] = [0; 100_000];
        let budget = budget(UNSENT_BYTES_MAX);
        for body in [Bytes::from_static(&ASSET), vec![0; UNSENT_COUNTED_MIN - 1].into(), Bytes::new()] {
            let answer = count(&budget, [192, 0, 2, 1].into(), http::text(StatusCode::OK, body)).unwrap();
            assert!(matches!(answer.body(), Body::Full(_)));
            assert_eq!(held(&budget), 0);
        }
    }
}
