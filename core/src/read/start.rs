//! The place where a subscription begins, as it was asked for.

use crate::event::Place;
#[cfg(doc)]
use crate::limits::HISTORY_MAX;

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The newest N events of the room (at most [`HISTORY_MAX`]), then what comes.
    Last(usize),
    /// The events of the room after this place, also where its position belongs to another room.
    After(Place),
    /// What was given as a place is none: the subscription says so, and joins as for the first time.
    Malformed,
}
