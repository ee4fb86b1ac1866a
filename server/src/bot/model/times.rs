//! The time that a server of models has.

use std::time::Duration;

/// Limits on the time of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// To a connection: the name of the host, TCP, TLS.
    pub connect: Duration,
    /// To the first piece. A server sends nothing, not even headers, while it loads the model, while others
    /// are before us, and while it reads the prompt; and it gives up loading when we give up waiting.
    pub first_piece: Duration,
    /// From one piece to the next.
    pub between_pieces: Duration,
    /// To the end of the answer.
    pub answer: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_piece: Duration::from_mins(5),
            between_pieces: Duration::from_mins(1),
            answer: Duration::from_mins(10),
        }
    }
}
