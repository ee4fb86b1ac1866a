//! A pack between its preparation and the commit that takes it along.

use crate::event::{Position, RoomName};

/// A pack on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::log::redb) struct Prepared {
    pub room: RoomName,
    /// The event before those that it covers.
    pub from: Position,
    /// The oldest event that it covers.
    pub oldest: Position,
    /// The newest.
    pub to: Position,
    pub bytes: Vec<u8>,
    /// True if older events of the room have no pack.
    pub goes_on: bool,
}
