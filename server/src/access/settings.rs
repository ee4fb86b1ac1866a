//! The settings of rooms: which there may be, who may make new ones, and who may do what in them.

use clap::ValueEnum;
use millchat::{ROOM_NAME_BYTES_MAX, RoomName};
use serde::{Deserialize, Deserializer};

use super::holder::Holder;
use super::pattern::Pattern;
use super::role::Role;

/// Most patterns of the list of rooms, and most `[[room]]` tables.
pub const ROOM_SETTINGS_MAX: usize = 1_000;
/// Most people whom a list of the settings names.
pub const HOLDERS_MAX: usize = 1_000;
/// Letters behind the beginning of the name of a visitor's room: 100 bits.
pub const VISITOR_LETTERS: usize = 20;
/// Most bytes of that beginning.
pub const BEGINNING_BYTES_MAX: usize = ROOM_NAME_BYTES_MAX - VISITOR_LETTERS;
/// Most characters of the title of rooms.
const TITLE_CHARS_MAX: usize = 100;

/// Those who may write the first event of a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NewRooms {
    /// Everybody who may write in it.
    #[default]
    Anyone,
    /// Of these, those who signed in, and programs: nobody who is a guest.
    SignedIn,
    /// Nobody but the owners that the settings or a token name, and operators.
    Nobody,
}

/// The setting for those who write the first event of a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Creator {
    /// They own the room.
    Owner,
    /// They are nothing more than before.
    #[default]
    No,
}

/// The kind of a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Whoever has the address, as of a link; the list of rooms has it, and search engines are not kept out.
    Public,
    /// Whoever has the address.
    #[default]
    Link,
    /// Those who have a role in it.
    Members,
    /// One visitor, whose own it is, and those who have a role in it.
    Visitor,
}

/// The right of somebody who has no role in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guests {
    /// None.
    None,
    /// They read.
    Read,
    /// They read and write.
    Write,
}

impl Guests {
    /// Returns the role that the right amounts to.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Read => Some(Role::Reader),
            Self::Write => Some(Role::Writer),
        }
    }
}

/// A `[[room]]` table: the settings of all rooms that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoomSettings {
    /// The pattern.
    pub name: Pattern,
    /// The title that people read instead of the name.
    #[serde(default, deserialize_with = "title")]
    pub title: Option<String>,
    /// The role of who writes the first event.
    #[serde(default)]
    pub creator: Creator,
    /// The kind of the rooms.
    #[serde(default)]
    pub policy: Policy,
    /// The right of those without a role; unset, it follows from the policy.
    pub guests: Option<Guests>,
    /// Those who own the rooms.
    #[serde(default, deserialize_with = "holders")]
    pub owners: Vec<Holder>,
    /// Those who look after them.
    #[serde(default, deserialize_with = "holders")]
    pub moderators: Vec<Holder>,
    /// Those who write.
    #[serde(default, deserialize_with = "holders")]
    pub writers: Vec<Holder>,
    /// Those who read.
    #[serde(default, deserialize_with = "holders")]
    pub readers: Vec<Holder>,
}

impl RoomSettings {
    /// Returns all whom its lists name.
    pub fn holders(&self) -> impl Iterator<Item = &Holder> {
        [&self.owners, &self.moderators, &self.writers, &self.readers].into_iter().flatten()
    }

    /// Returns the settings of a room that no table matches.
    pub fn of_all() -> Self {
        Self {
            name: "*".parse().expect("a test reads it"),
            title: None,
            creator: Creator::default(),
            policy: Policy::default(),
            guests: None,
            owners: Vec::new(),
            moderators: Vec::new(),
            writers: Vec::new(),
            readers: Vec::new(),
        }
    }

    /// Returns the right of those without a role.
    pub fn guests(&self) -> Guests {
        let is_open = matches!(self.policy, Policy::Public | Policy::Link);
        self.guests.unwrap_or(if is_open { Guests::Write } else { Guests::None })
    }

    /// Returns the beginning of the names, if these are rooms of visitors.
    pub fn beginning(&self) -> Option<&str> {
        (self.policy == Policy::Visitor).then(|| self.name.beginning()).flatten()
    }

    /// Returns true if the room is the desk of rooms of visitors.
    pub fn is_desk(&self, room: &RoomName) -> bool {
        self.beginning() == Some(room.as_str())
    }

    /// Fails for rooms of visitors that cannot be some.
    fn check(&self) -> Result<(), String> {
        if self.policy != Policy::Visitor {
            return Ok(());
        }
        let beginning = self.name.beginning().filter(|it| it.len() <= BEGINNING_BYTES_MAX);
        if beginning.is_none() {
            return Err(format!(
                "`{}` is no name of rooms of visitors: with policy = \"visitor\" it is 1 to {BEGINNING_BYTES_MAX} \
                 characters and a star, such as support-*",
                self.name
            ));
        }
        if self.guests.is_some() || self.creator == Creator::Owner {
            return Err(format!(
                "`{}`: a room of policy = \"visitor\" is its visitor's own, so it has no `guests` and no `creator`",
                self.name
            ));
        }
        Ok(())
    }

    /// The lists of holders, each with its role.
    pub fn lists(&self) -> [(Role, &[Holder]); 4] {
        [
            (Role::Owner, &self.owners),
            (Role::Moderator, &self.moderators),
            (Role::Writer, &self.writers),
            (Role::Reader, &self.readers),
        ]
    }
}

fn title<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let title = String::deserialize(value)?;
    let length = title.chars().count();
    if !(1..=TITLE_CHARS_MAX).contains(&length)
        || title.trim() != title
        || title.chars().any(char::is_control)
    {
        let rule = format!(
            "`title` is 1 to {TITLE_CHARS_MAX} characters without control characters, and no space around them"
        );
        return Err(serde::de::Error::custom(rule));
    }
    Ok(Some(title))
}

/// Reads a list of holders, of at most [`HOLDERS_MAX`].
pub fn holders<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<Holder>, D::Error> {
    let holders = Vec::<Holder>::deserialize(value)?;
    if holders.len() > HOLDERS_MAX {
        let rule = format!("a list names at most {HOLDERS_MAX}; name a group of a login instead");
        return Err(serde::de::Error::custom(rule));
    }
    Ok(holders)
}

/// Reads the list of rooms: at least one pattern, at most [`ROOM_SETTINGS_MAX`].
pub fn rooms<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Vec<Pattern>>, D::Error> {
    let rooms = Vec::<Pattern>::deserialize(value)?;
    if rooms.is_empty() || rooms.len() > ROOM_SETTINGS_MAX {
        let rule = format!(
            "the list has 1 to {ROOM_SETTINGS_MAX} patterns, such as [\"lobby\", \"team-*\"]; leave it out to \
             allow every name"
        );
        return Err(serde::de::Error::custom(rule));
    }
    Ok(Some(rooms))
}

/// Reads the `[[room]]` tables, of at most [`ROOM_SETTINGS_MAX`].
pub fn tables<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<RoomSettings>, D::Error> {
    let tables = Vec::<RoomSettings>::deserialize(value)?;
    if tables.len() > ROOM_SETTINGS_MAX {
        let rule = format!("there are at most {ROOM_SETTINGS_MAX} of these tables");
        return Err(serde::de::Error::custom(rule));
    }
    tables.iter().try_for_each(RoomSettings::check).map_err(serde::de::Error::custom)?;
    Ok(tables)
}
