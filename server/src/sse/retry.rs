//! The delay after which a reader comes back.

use std::ops::RangeInclusive;

use rand::RngExt;

/// Wait of a reader before it comes back, drawn for each: thousands of readers that lost their server at once
/// must not return at once.
const RETRY_MS: RangeInclusive<u32> = 1_000..=4_000;

/// Appends the time that the reader waits before it returns, once this stream has ended.
pub fn write_retry(out: &mut Vec<u8>) {
    let retry_ms = rand::rng().random_range(RETRY_MS);
    out.extend_from_slice(format!("retry: {retry_ms}\n\n").as_bytes());
}
