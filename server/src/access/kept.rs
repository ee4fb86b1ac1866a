//! Roles and bans that are kept in the log, beside those of the settings: their keys and texts.

use millchat::{Chat, RoomName, Timestamp, Value};

use super::role::Role;

/// Something that is kept for somebody until a time, or until it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<T> {
    /// The thing.
    pub value: T,
    /// Its end, if it has one.
    pub until: Option<Timestamp>,
}

/// Returns the key of the roles of a room, up to the author.
pub fn roles_of(room: &RoomName) -> String {
    format!("role/{room}/")
}

/// Returns the key of the bans from a room, up to the author.
pub fn bans_of(room: &RoomName) -> String {
    format!("ban/{room}/")
}

/// Returns the text of a role that is kept: its word, and the name of who has it, if that is known.
pub fn role_text(role: Role, name: Option<&str>) -> String {
    name.map_or_else(|| role.as_str().to_owned(), |name| format!("{} {name}", role.as_str()))
}

/// Reads such a text.
pub fn role_in(value: &Value) -> Option<(Role, Option<&str>)> {
    let (word, name) =
        value.text.split_once(' ').map_or((&*value.text, None), |(word, name)| (word, Some(name)));
    Some((Role::given(word)?, name))
}

/// Returns the role that was given to an author in a room.
pub fn role(chat: &Chat, room: &RoomName, author: &str) -> Option<Kept<Role>> {
    let value = chat.value(&(roles_of(room) + author))?;
    let (role, _) = role_in(&value)?;
    Some(Kept { value: role, until: value.until })
}

/// Returns true if an author is banned from a room, or from all.
pub fn is_banned(chat: &Chat, room: &RoomName, author: &str) -> bool {
    chat.is_banned(author) || chat.value(&(bans_of(room) + author)).is_some()
}
