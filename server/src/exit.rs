//! Exit codes of the process, when it does not end well.

/// It cannot start as it was told to.
pub const EXIT_REFUSED: u8 = 2;
/// It ran, and ended badly.
pub const EXIT_FAILED: u8 = 1;
