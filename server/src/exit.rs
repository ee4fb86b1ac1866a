//! Exit codes of the process, when it does not end well.

/// The server cannot start with its settings.
pub const EXIT_REFUSED: u8 = 2;
/// The server or command ran, and ended badly.
pub const EXIT_FAILED: u8 = 1;
/// The command has done its work, but for damaged records that it skipped because it was told to.
pub const EXIT_SKIPPED: u8 = 3;
