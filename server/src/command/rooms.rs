//! The rooms that a command is asked for by `--room`.

use millchat::RoomName;
use millchat::log::Record;

/// The rooms that a command is about.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct Rooms {
    /// Only this room; give it again for more rooms [default: all]
    #[arg(long = "room", value_name = "ROOM", value_parser = parse_room)]
    names: Vec<RoomName>,
}

impl Rooms {
    /// Returns true if all rooms are meant.
    pub fn are_all(&self) -> bool {
        self.names.is_empty()
    }

    /// The names that were given.
    pub fn names(&self) -> &[RoomName] {
        &self.names
    }

    /// Returns true if a room is one of these.
    pub fn contains(&self, room: &RoomName) -> bool {
        self.are_all() || self.names.contains(room)
    }

    /// Returns true if a record is one of these rooms. A record outside the rooms, such as a ban, goes only
    /// with all of them.
    pub fn includes(&self, record: &Record) -> bool {
        self.are_all() || record.event.as_ref().is_some_and(|event| self.contains(&event.room))
    }
}

fn parse_room(text: &str) -> Result<RoomName, String> {
    RoomName::new(text).map_err(|error| error.to_string())
}
