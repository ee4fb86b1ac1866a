//! Invitations: whoever has the secret of one gets a role in its room, until it is used up or expires. The log has
//! a hash of the secret only.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::{Author, Chat, NewValue, Replaces, RoomName, SendError, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::kept::refuse_full;
use super::role::Role;

/// Most invitations that are kept, in all rooms together.
pub const INVITATIONS_MAX: usize = 10_000;
/// The kind of their values. Nobody has a right by one before it is used.
pub const KIND: &str = ".invitation";
/// Most of them to one room.
pub const INVITATIONS_OF_ROOM_MAX: usize = 100;
/// The refusal of one more.
const ROOM_FULL: &str = "invitations to this room; at most 100 are kept";
/// Most times that an invitation can be used.
pub const USES_MAX: u32 = 1_000;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Longest secret that is looked at, in characters.
const SECRET_LEN_MAX: usize = 64;
/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 32;
/// Tries to use an invitation that others use at the same moment.
const TRIES_MAX: usize = 16;

/// An invitation, as the log keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    role: String,
    uses: u32,
}

/// An invitation that is listed.
pub struct Invitation {
    /// Its id.
    pub id: Arc<str>,
    /// The role that it gives.
    pub role: Role,
    /// The times that it can still be used.
    pub uses: u32,
    /// The value that keeps it.
    pub value: Value,
}

/// The use of an invitation that failed.
#[derive(Debug)]
pub enum UseError {
    /// There is none: it never was, is used up, expired, or was taken back.
    Unknown,
    /// It could not be stored.
    Send(SendError),
}

fn prefix(room: &RoomName) -> String {
    format!("{KIND}/{room}/")
}

fn id_of(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex()[..ID_DIGITS].to_owned()
}

fn read(value: &Value) -> Option<(Role, u32)> {
    let stored: Stored = serde_json::from_str(&value.text).ok()?;
    Some((Role::given(&stored.role)?, stored.uses))
}

fn new_value(
    role: Role,
    uses: u32,
    until: Option<Timestamp>,
    by: Option<Author>,
    replaces: Replaces,
) -> NewValue {
    let stored = Stored { role: role.as_str().to_owned(), uses };
    let text = serde_json::to_string(&stored).expect("a word and a number");
    NewValue { text, until, by, replaces, limit: INVITATIONS_MAX }
}

/// Makes an invitation. Returns its id and its secret, which nobody can learn later.
pub async fn invite(
    chat: &Chat,
    room: &RoomName,
    (role, uses): (Role, u32),
    until: Timestamp,
    by: Author,
) -> Result<(String, String), SendError> {
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>());
    let id = id_of(&secret);
    let (prefix, new) = (prefix(room), new_value(role, uses, Some(until), Some(by), Replaces::Absent));
    refuse_full(chat, (&prefix, &id), INVITATIONS_OF_ROOM_MAX, ROOM_FULL)?;
    chat.set_value(&(prefix + &id), new).await?;
    Ok((id, secret))
}

/// Returns the invitations of a room.
pub fn list(chat: &Chat, room: &RoomName) -> Vec<Invitation> {
    let prefix = prefix(room);
    let invitation = |(key, value): (Arc<str>, Value)| {
        let (role, uses) = read(&value)?;
        Some(Invitation { id: key[prefix.len()..].into(), role, uses, value })
    };
    chat.values(&prefix).into_iter().filter_map(invitation).collect()
}

/// Takes an invitation back; nothing happens when there is none.
pub async fn take_back(chat: &Chat, room: &RoomName, id: &str, by: Author) -> Result<(), SendError> {
    match chat.remove_value(&(prefix(room) + id), Some(by)).await {
        Err(SendError::UnknownValue) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Takes back the invitations to a room that somebody made: they would come back by one.
pub async fn take_back_of(chat: &Chat, room: &RoomName, maker: &str, by: &Author) -> Result<(), SendError> {
    let made = list(chat, room).into_iter();
    for one in made.filter(|one| one.value.by.as_ref().is_some_and(|author| *author.id == *maker)) {
        take_back(chat, room, &one.id, by.clone()).await?;
    }
    Ok(())
}

/// Returns the role that an invitation gives, and uses nothing of it.
pub fn role(chat: &Chat, room: &RoomName, secret: &str) -> Option<Role> {
    let is_secret = secret.len() <= SECRET_LEN_MAX;
    read(&chat.value(&(prefix(room) + &id_of(secret))).filter(|_| is_secret)?).map(|(role, _)| role)
}

/// Uses an invitation once. The writer decides in order, so it is used as often as it may be and no more.
pub async fn take(chat: &Chat, room: &RoomName, secret: &str) -> Result<Role, UseError> {
    let key = prefix(room) + &id_of(secret);
    for _ in 0..TRIES_MAX {
        let Some(value) = chat.value(&key) else { return Err(UseError::Unknown) };
        let Some((role, uses)) = read(&value) else { return Err(UseError::Unknown) };
        let outcome = if uses > 1 {
            let replaces = Replaces::Position(value.position);
            chat.set_value(&key, new_value(role, uses - 1, value.until, value.by, replaces)).await
        } else {
            chat.remove_value(&key, None).await
        };
        match outcome {
            Ok(_) => return Ok(role),
            Err(SendError::ValueChanged | SendError::UnknownValue) => {}
            Err(error) => return Err(UseError::Send(error)),
        }
    }
    Err(UseError::Send(SendError::ValueChanged))
}
