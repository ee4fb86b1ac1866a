//! Deeds of moderators and owners to people of a room: give and take back roles, ban and unban. Nobody does
//! it to somebody of a higher role than their own, and nobody gives a higher one. A ban has the role of whoever laid
//! it, and counts for nobody above.
//!
//! Each is a value in the log that names who did it, durable when it is answered, and in force for everything
//! that is committed later.

use std::sync::Arc;

use millchat::{Author, AuthorKind, Chat, NewValue, Replaces, RoomName, SendError, Timestamp, Value};

use super::authority::{Allowed, Authority};
use super::decide::Caller;
use super::denial::Denial;
use super::kept::{ban_in, ban_text, bans_of, refuse_full, role_in, role_text, roles_of};
use super::role::Role;
use super::table::allows_to;
use crate::identity::{Person, TokenError, Via};

/// Most roles that are kept, in all rooms together.
pub const ROLES_MAX: usize = 100_000;
/// Roles of these that those who begin rooms leave.
pub const ROLES_RESERVED: usize = 20_000;
/// Most bans from rooms that are kept, in all rooms together.
pub const ROOM_BANS_MAX: usize = 100_000;
/// Most of these roles in one room.
pub const ROLES_OF_ROOM_MAX: usize = 1_000;
/// The refusal of one more.
const ROLES_FULL: &str = "roles in this room; at most 1,000 are kept";
/// Most bans from one room.
pub const BANS_OF_ROOM_MAX: usize = 1_000;
/// The refusal of one more.
const BANS_FULL: &str = "bans from this room; at most 1,000 are kept";
/// Tries to replace a value that others replace at the same moment.
const TRIES_MAX: usize = 16;

/// A role that is kept, as it is listed.
pub struct Member {
    /// The author who has it.
    pub author_id: Arc<str>,
    /// Their name when they got it, if it was known.
    pub name: Option<Arc<str>>,
    /// The role.
    pub role: Role,
    /// The value that keeps it.
    pub value: Value,
}

/// Refuses a deed to somebody who stands above whoever does it. What the settings say by groups is not known of
/// somebody who is not here.
pub fn refuse_above(
    authority: &Authority,
    by: &Allowed,
    room: &RoomName,
    target: &str,
) -> Result<(), Denial> {
    let author = Author { id: target.into(), name: target.into(), kind: AuthorKind::User };
    let person = Person::new(author, Via::Guest, None);
    let target = authority.standing(&Caller::of(Ok::<_, TokenError>(person)), room);
    if allows_to(by.standing.role, by.action(), target.role) { Ok(()) } else { Err(Denial::Above) }
}

/// Refuses a role to somebody who has none in a room where as many are kept as may be.
pub fn refuse_too_many_roles(chat: &Chat, room: &RoomName, target: &str) -> Result<(), SendError> {
    refuse_full(chat, (&roles_of(room), target), ROLES_OF_ROOM_MAX, ROLES_FULL)
}

/// Refuses one more value of a kind in a room that anybody may begin, once all take three fifths of what there can be:
/// the rest is for other rooms. Whoever comes at the same moment may be over it.
pub fn refuse_begun(authority: &Authority, room: &RoomName, kind: &str, max: usize) -> Result<(), SendError> {
    let is_full = authority.has_creator(room) && authority.chat().values_count(kind) >= max / 5 * 3;
    if is_full {
        Err(SendError::TooMany("values of this kind in rooms that anybody may begin"))
    } else {
        Ok(())
    }
}

/// Gives somebody a role in a room, in place of the one that they were given before.
pub async fn give(
    chat: &Chat,
    room: &RoomName,
    (target, name): (&str, Option<&str>),
    role: Role,
    by: Author,
) -> Result<(), SendError> {
    refuse_too_many_roles(chat, room, target)?;
    chat.set_value(&(roles_of(room) + target), of(role_text(role, name), None, by, ROLES_MAX)).await.map(drop)
}

/// Makes somebody the owner of a room that they begin. Such roles are at most a part of all.
pub async fn own(chat: &Chat, room: &RoomName, author: Author) -> Result<(), SendError> {
    let (key, text) = (roles_of(room) + &*author.id, role_text(Role::Owner, Some(&author.name)));
    chat.set_value(&key, of(text, None, author, ROLES_MAX - ROLES_RESERVED)).await.map(drop)
}

/// Returns true if somebody was given a role in a room.
pub fn has_role(chat: &Chat, room: &RoomName, target: &str) -> bool {
    chat.value(&(roles_of(room) + target)).is_some()
}

/// Takes back the role that somebody was given; nothing happens when they have none.
pub async fn take_back(chat: &Chat, room: &RoomName, target: &str, by: Author) -> Result<(), SendError> {
    removed(chat.remove_value(&(roles_of(room) + target), Some(by)).await.map(drop))
}

/// Gives somebody a role in a room, unless they have been given it or a higher one, also at this moment. Returns the
/// role that they have been given then.
pub async fn raise(
    chat: &Chat,
    room: &RoomName,
    (target, name): (&str, &str),
    role: Role,
    by: Author,
) -> Result<Role, SendError> {
    refuse_too_many_roles(chat, room, target)?;
    let mut given = role;
    let new = |kept: Option<&Value>| {
        given = kept.and_then(role_in).map_or(role, |(kept, _)| kept.max(role));
        let is_there = kept.is_some_and(|kept| role_in(kept).is_some_and(|(kept, _)| kept >= role));
        let text = role_text(role, Some(name));
        (!is_there).then(|| of(text, None, by.clone(), ROLES_MAX))
    };
    replace(chat, &(roles_of(room) + target), new).await?;
    Ok(given)
}

/// Bans somebody from a room, for good or until a time, by the right of this role.
pub async fn ban(
    chat: &Chat,
    room: &RoomName,
    target: &str,
    until: Option<Timestamp>,
    (role, by): (Option<Role>, Author),
) -> Result<(), SendError> {
    refuse_full(chat, (&bans_of(room), target), BANS_OF_ROOM_MAX, BANS_FULL)?;
    let new = |kept: Option<&Value>| {
        // A ban by somebody higher does not become one by somebody lower.
        let role = role.max(kept.map(ban_in));
        Some(of(ban_text(role), until, by.clone(), ROOM_BANS_MAX))
    };
    replace(chat, &(bans_of(room) + target), new).await
}

fn of(text: String, until: Option<Timestamp>, by: Author, limit: usize) -> NewValue {
    NewValue { text, until, by: Some(by), replaces: Replaces::Any, limit }
}

/// Sets a value that is made of the one that it replaces; `None` leaves that. If others change it at the same
/// moment, it is made again.
async fn replace(
    chat: &Chat,
    key: &str,
    mut new: impl FnMut(Option<&Value>) -> Option<NewValue>,
) -> Result<(), SendError> {
    for _ in 0..TRIES_MAX {
        let kept = chat.value(key);
        let Some(new) = new(kept.as_ref()) else { return Ok(()) };
        let replaces = kept.map_or(Replaces::Absent, |kept| Replaces::Position(kept.position));
        match chat.set_value(key, NewValue { replaces, ..new }).await {
            Err(SendError::ValueChanged) => {}
            outcome => return outcome.map(drop),
        }
    }
    Err(SendError::ValueChanged)
}

/// Takes a ban from a room back; nothing happens when there is none.
pub async fn unban(chat: &Chat, room: &RoomName, target: &str, by: Author) -> Result<(), SendError> {
    removed(chat.remove_value(&(bans_of(room) + target), Some(by)).await.map(drop))
}

fn removed(outcome: Result<(), SendError>) -> Result<(), SendError> {
    if matches!(outcome, Err(SendError::UnknownValue)) { Ok(()) } else { outcome }
}

/// Returns roles that were given in a room, by author: those after one of them, at most `count`.
pub fn members(chat: &Chat, room: &RoomName, after: Option<&str>, count: usize) -> Vec<Member> {
    let member = |(author_id, value): (Arc<str>, Value)| {
        let (role, name) = role_in(&value)?;
        Some(Member { author_id, name: name.map(Arc::from), role, value })
    };
    list(chat, &roles_of(room), after, count).into_iter().filter_map(member).collect()
}

/// Returns bans from a room, by author: those after one of them, at most `count`.
pub fn bans(chat: &Chat, room: &RoomName, after: Option<&str>, count: usize) -> Vec<(Arc<str>, Value)> {
    list(chat, &bans_of(room), after, count)
}

/// Returns the values of a prefix by the rest of their keys.
fn list(chat: &Chat, prefix: &str, after: Option<&str>, count: usize) -> Vec<(Arc<str>, Value)> {
    let after = after.map(|after| format!("{prefix}{after}"));
    let values = chat.values_from(prefix, after.as_deref(), count).into_iter();
    values.map(|(key, value)| (Arc::from(&key[prefix.len()..]), value)).collect()
}
