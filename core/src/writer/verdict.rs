//! The verdict on a send.

use crate::cause::Cause;
use crate::error::SendError;
use crate::event::Receipt;
use crate::log::LogError;

/// The outcome of one pending send.
pub(crate) enum Verdict {
    /// It is the batch's nth record.
    Event(usize),
    /// It is a record already: its key has made it, or what it asks for is in force.
    Replay(Receipt),
    Rejected(SendError),
    /// Rejected because of another send of the batch: holds only if the batch is stored.
    RejectedByBatch(SendError),
}

impl From<SendError> for Verdict {
    fn from(error: SendError) -> Self {
        Self::Rejected(error)
    }
}

/// The log cannot be read: nothing was stored.
pub(crate) fn unreadable(error: LogError) -> SendError {
    SendError::Unavailable(Cause::new(error))
}
