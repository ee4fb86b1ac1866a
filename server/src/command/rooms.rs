//! The rooms that a command is asked for by `--room`.

use millchat::RoomName;
use millchat::log::Record;

/// Which rooms a command is about.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct Rooms {
    /// Only this room; give it again for more rooms [default: all]
    #[arg(long = "room", value_name = "ROOM", value_parser = parse_room)]
    names: Vec<RoomName>,
}

impl Rooms {
    /// Whether all rooms are meant.
    pub fn all(&self) -> bool {
        self.names.is_empty()
    }

    /// The names that were given.
    pub fn names(&self) -> &[RoomName] {
        &self.names
    }

    /// Whether a room is one of these.
    pub fn has(&self, room: &RoomName) -> bool {
        self.all() || self.names.contains(room)
    }

    /// Whether a record is one of these rooms. What stands outside the rooms, such as a ban, goes only with all of
    /// them.
    pub fn take(&self, record: &Record) -> bool {
        self.all() || record.event.as_ref().is_some_and(|event| self.has(&event.room))
    }
}

fn parse_room(text: &str) -> Result<RoomName, String> {
    RoomName::new(text).map_err(|error| error.to_string())
}
