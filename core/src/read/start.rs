//! The position at which a subscription begins, as it was asked for.

use crate::event::EventId;
#[cfg(doc)]
use crate::limits::HISTORY_MAX;

/// The position at which a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// The newest N events of the room (at most [`HISTORY_MAX`]), then what comes.
    Last(usize),
    /// The events of the room after this one, also where its position belongs to another room.
    After(EventId),
    /// The reader gave an id that is none: the subscription reports a reset, and joins as for the first time.
    Malformed,
}
