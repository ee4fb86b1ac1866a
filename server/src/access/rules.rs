//! The rules: the settings of rooms as they apply now. A reload puts others in their place.

use std::sync::LazyLock;

use millchat::RoomName;

use super::holder::Holder;
use super::pattern::Pattern;
use super::role::Role;
use super::settings::{NewRooms, RoomSettings};
use crate::identity::Person;

static OF_ALL: LazyLock<RoomSettings> = LazyLock::new(RoomSettings::of_all);

/// The settings of rooms, together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The rooms that there may be; `None`: all.
    pub rooms: Option<Vec<Pattern>>,
    /// Those who may write a room's first event.
    pub new_rooms: NewRooms,
    /// The `[[room]]` tables. The first that matches counts.
    pub tables: Vec<RoomSettings>,
    /// The people who have all rights that the admin token has, but for the keys and the backup.
    pub operators: Vec<Holder>,
}

impl Rules {
    /// Returns true if there may be a room of this name.
    pub fn has(&self, room: &RoomName) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|pattern| pattern.matches(room)))
    }

    /// Returns the settings of a room.
    pub fn of(&self, room: &RoomName) -> &RoomSettings {
        self.tables.iter().find(|table| table.name.matches(room)).unwrap_or(&OF_ALL)
    }

    /// Returns true if the settings make the person an operator.
    pub fn is_operator(&self, person: &Person) -> bool {
        self.operators.iter().any(|holder| holder.is(person))
    }

    /// Returns the highest role that the settings give the person in a room, by the lists of its table.
    pub fn role(&self, room: &RoomName, person: &Person) -> Option<Role> {
        let lists = self.of(room).lists().into_iter();
        lists
            .filter(|(_, holders)| holders.iter().any(|holder| holder.is(person)))
            .map(|(role, _)| role)
            .max()
    }
}
