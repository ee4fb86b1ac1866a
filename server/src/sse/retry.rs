//! The delay after which a reader comes back.

use std::ops::RangeInclusive;

use rand::RngExt;

/// Wait of a reader before it comes back, drawn for each: thousands of readers that lost their server at once
/// must not return at once.
const RETRY_MS: RangeInclusive<u32> = 1_000..=4_000;

/// The same of a reader that may not read: it looks now and then if it may.
const RETRY_DENIED_MS: RangeInclusive<u32> = 30_000..=60_000;

/// Longest time for which a reader that was refused is told to wait, in seconds: a browser takes a much
/// longer one for none.
const RETRY_AFTER_SECONDS_MAX: u64 = 3_600;

/// Appends the time that a reader which was refused waits: until it may come, and a little more that is
/// drawn.
pub fn write_retry_after(seconds: u64, out: &mut Vec<u8>) {
    let drawn_ms = u64::from(rand::rng().random_range(RETRY_MS));
    let retry_ms = seconds.min(RETRY_AFTER_SECONDS_MAX) * 1_000 + drawn_ms;
    out.extend_from_slice(format!("retry: {retry_ms}\n\n").as_bytes());
}

/// Appends the time that the reader waits before it returns, once this stream has ended.
pub fn write_retry(out: &mut Vec<u8>) {
    write_retry_after(0, out);
}

/// Appends the time that a reader which may not read waits.
pub fn write_retry_denied(out: &mut Vec<u8>) {
    let retry_ms = rand::rng().random_range(RETRY_DENIED_MS);
    out.extend_from_slice(format!("retry: {retry_ms}\n\n").as_bytes());
}
