//! The bounds of one call.

use std::time::Duration;

/// Longest time of a call, from the name of the host to the last byte of the answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest body of an answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The bounds of one call. Those of a caller are never above the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes of the answer's body.
    pub bytes_max: usize,
    /// Longest time of the whole call.
    pub timeout: Duration,
    /// Addresses of private networks and of this machine are refused, and plain HTTP too.
    pub is_global_only: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes_max: ANSWER_BYTES_MAX, timeout: CALL_TIMEOUT, is_global_only: false }
    }
}
