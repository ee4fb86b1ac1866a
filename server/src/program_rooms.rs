//! The rooms of a program of the settings, a bot or a webhook: some by name, or all.

use millchat::RoomName;
use serde::Deserialize;

/// Most rooms that one table names.
const ROOMS_MAX: usize = 32;
/// The word for all rooms.
const ALL_ROOMS: &str = "*";

/// The rooms of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramRooms {
    /// All of them.
    All,
    /// Those of these names.
    Named(Vec<RoomName>),
}

/// The messages in its rooms that are for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Those that mention it.
    #[default]
    Mention,
    /// All that people write.
    All,
}

impl When {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::All => "all",
        }
    }
}

impl ProgramRooms {
    /// Reads the names of a table. The error is a sentence about `rooms`.
    pub fn read(names: &[String]) -> Result<Self, String> {
        if names == [ALL_ROOMS] {
            return Ok(Self::All);
        }
        if names.is_empty() || names.len() > ROOMS_MAX {
            return Err(format!("`rooms` has 1 to {ROOMS_MAX} names, or is [\"{ALL_ROOMS}\"] for all"));
        }
        let room = |name: &String| {
            RoomName::new(name).map_err(|error| format!("`rooms`: `{name}` is no name of a room: {error}"))
        };
        names.iter().map(room).collect::<Result<_, _>>().map(Self::Named)
    }

    /// Returns true if a room is among them.
    pub fn contains(&self, room: &RoomName) -> bool {
        match self {
            Self::All => true,
            Self::Named(rooms) => rooms.contains(room),
        }
    }
}
