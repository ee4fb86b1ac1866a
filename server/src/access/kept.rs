//! Roles and bans that are kept in the log, beside those of the settings: their keys and texts.

use millchat::{Chat, RoomName, SendError, Timestamp, Value};

use super::role::Role;

/// The kinds of values of roles and of bans from rooms.
pub const ROLE: &str = "role";
pub const BAN: &str = "ban";
/// The beginning of the text of a ban.
const BANNED: &str = "banned";

/// Something that is kept for somebody until a time, or until it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<T> {
    /// The thing.
    pub value: T,
    /// Its end, if it has one.
    pub until: Option<Timestamp>,
}

fn key(kind: &str, room: &RoomName, author: &str) -> String {
    [kind, "/", room.as_str(), "/", author].concat()
}

/// Returns the key of the roles of a room, up to the author.
pub fn roles_of(room: &RoomName) -> String {
    key(ROLE, room, "")
}

/// Returns the key of the bans from a room, up to the author.
pub fn bans_of(room: &RoomName) -> String {
    key(BAN, room, "")
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
    let value = chat.value(&key(ROLE, room, author))?;
    let (role, _) = role_in(&value)?;
    Some(Kept { value: role, until: value.until })
}

/// Returns the text of a ban from a room: who it is for is in its key, and here is the role of whoever laid it.
pub fn ban_text(of: Option<Role>) -> String {
    of.map_or_else(|| BANNED.to_owned(), |role| format!("{BANNED} {}", role.as_str()))
}

/// Reads such a text. One that names no role that can be given is an operator's.
pub fn ban_in(value: &Value) -> Role {
    value.text.split_once(' ').and_then(|(_, word)| Role::given(word)).unwrap_or(Role::Operator)
}

/// Returns the role of whoever banned an author from a room, if they are banned from it.
pub fn ban(chat: &Chat, room: &RoomName, author: &str) -> Option<Role> {
    chat.value(&key(BAN, room, author)).as_ref().map(ban_in)
}

/// Refuses one more value under a prefix that has as many as it may; one that is there may be replaced. Those who
/// set one at the same moment may be a few over it.
pub fn refuse_full(
    chat: &Chat,
    (prefix, rest): (&str, &str),
    max: usize,
    what: &'static str,
) -> Result<(), SendError> {
    let is_new = chat.value(&format!("{prefix}{rest}")).is_none();
    if is_new && chat.values_from(prefix, None, max).len() >= max {
        return Err(SendError::TooMany(what));
    }
    Ok(())
}
