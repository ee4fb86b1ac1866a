//! The decision about one request: who asks, what they are in the room, and if that is enough.
//!
//! It looks at memory only, and at nothing that is in the room: the answer for a room with events is the one
//! for a room without.

use std::sync::Arc;

use millchat::{Author, AuthorKind, Chat, RoomName, Timestamp};

use super::bans;
use super::denial::Denial;
use super::kept;
use super::pattern::Pattern;
use super::role::Role;
use super::rules::Rules;
use super::settings::{Creator, NewRooms};
use super::table::{Action, allows};
use super::visitors;
use crate::identity::operator::AdminToken;
use crate::identity::{Person, TokenError};

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person, or why the request proves nobody.
    pub person: Result<Arc<Person>, TokenError>,
    /// The admin token, if the request has it.
    pub admin: Option<Arc<AdminToken>>,
}

impl Caller {
    /// Somebody who proved nothing, for this reason.
    pub fn nobody(why: TokenError) -> Self {
        Self { person: Err(why), admin: None }
    }

    /// Somebody who proved who they are, or did not.
    pub fn of(person: Result<Person, TokenError>) -> Self {
        Self { person: person.map(Arc::new), admin: None }
    }

    /// Returns the author of what they write, or why there is none.
    pub fn author(&self) -> Result<&Author, Denial> {
        self.person.as_ref().map(|person| &person.author).map_err(|error| Denial::Nobody(*error))
    }
}

/// Somebody in a room, as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The role, if they have one.
    pub role: Option<Role>,
    /// True if they are banned: then they are nobody there, and write nothing.
    pub is_banned: bool,
    /// The time from which the role may be another, if a role that was given ends then.
    pub until: Option<Timestamp>,
}

/// Returns what somebody is in a room.
pub fn standing(rules: &Rules, chat: &Chat, caller: &Caller, room: &RoomName) -> Standing {
    let table = rules.of(room);
    let open = table.guests();
    let to_read = open.role().map(|role| role.min(Role::Reader));
    if caller.admin.is_some() {
        return Standing { role: Some(Role::Admin), is_banned: false, until: None };
    }
    let Ok(person) = &caller.person else {
        // Who writes is somebody.
        return Standing { role: to_read, is_banned: false, until: None };
    };
    if rules.is_operator(person) {
        return Standing { role: Some(Role::Operator), is_banned: false, until: None };
    }
    let banned = Standing { role: to_read, is_banned: true, until: None };
    if person.ids().any(|id| bans::is_banned(chat, id)) {
        return banned;
    }
    // A credential that says in which rooms it may write writes in no other.
    let open = if person.grants.is_some() { to_read } else { open.role() };
    let is_own = person.grants.is_none() && visitors::is_own(chat, table, room, person);
    let own = is_own.then_some(Role::Writer);
    let lasting = open.max(own).max(granted(person, room)).max(rules.role(room, person));
    let given =
        person.ids().filter_map(|id| kept::role(chat, room, id)).max_by_key(|kept| (kept.value, kept.until));
    let given = given.filter(|kept| Some(kept.value) > lasting);
    let role = lasting.max(given.map(|kept| kept.value));
    // A ban from the room by somebody below them is none. Who bans cannot see all that the settings say of whom.
    if person.ids().filter_map(|id| kept::ban(chat, room, id)).any(|by| Some(by) >= role) {
        return banned;
    }
    Standing { role, is_banned: false, until: given.and_then(|kept| kept.until) }
}

/// Returns the role that the person's own credential gives them in a room.
pub fn granted(person: &Person, room: &RoomName) -> Option<Role> {
    let grants = person.grants.iter().flat_map(|grants| grants.iter());
    let matching = grants.filter(|(pattern, _)| pattern.parse().is_ok_and(|it: Pattern| it.matches(room)));
    matching.filter_map(|(_, role)| Role::given(role)).max()
}

/// Decides if somebody may do something in a room; returns what they are in it.
pub fn decide(
    rules: &Rules,
    chat: &Chat,
    caller: &Caller,
    room: &RoomName,
    action: Action,
) -> Result<Standing, Denial> {
    if !rules.has(room) {
        return Err(Denial::UnknownRoom);
    }
    let standing = standing(rules, chat, caller, room);
    if allows(standing.role, action) {
        return Ok(standing);
    }
    if let Err(error) = caller.person {
        return Err(Denial::Nobody(error));
    }
    // Whether the room has events is looked at when it is their turn, and not here.
    let may_own = action == Action::Post && !standing.is_banned && owns_beginning(rules, caller, room);
    if may_own && may_begin(rules.new_rooms, caller, standing.role).is_ok() {
        return Ok(standing);
    }
    Err(denial(standing, action))
}

/// Refuses what somebody who stands so may not do.
pub fn refuse(standing: Standing, action: Action) -> Result<(), Denial> {
    if allows(standing.role, action) { Ok(()) } else { Err(denial(standing, action)) }
}

fn denial(standing: Standing, action: Action) -> Denial {
    match (standing.role, action) {
        (None, _) => Denial::NotMember,
        (Some(_), _) if standing.is_banned => Denial::Banned,
        (Some(Role::Reader), Action::Write | Action::Post) => Denial::ReadOnly,
        (Some(_), action) => Denial::NeedsRole(action),
    }
}

/// Returns true if somebody who writes the first event of a room owns it. A credential that says in which rooms it
/// may write makes nobody an owner.
pub fn owns_beginning(rules: &Rules, caller: &Caller, room: &RoomName) -> bool {
    let is_whole = caller.admin.is_none() && caller.person.as_ref().is_ok_and(|it| it.grants.is_none());
    is_whole && rules.of(room).creator == Creator::Owner
}

/// Decides if somebody may do something that is about no room.
pub fn decide_outside(rules: &Rules, caller: &Caller, action: Action) -> Result<(), Denial> {
    let role = match &caller.person {
        _ if caller.admin.is_some() => Some(Role::Admin),
        Ok(person) if rules.is_operator(person) => Some(Role::Operator),
        _ => None,
    };
    match &caller.person {
        _ if allows(role, action) => Ok(()),
        Err(error) => Err(Denial::Nobody(*error)),
        Ok(_) => Err(Denial::NeedsRole(action)),
    }
}

/// Decides if somebody of this role may write the first event of a room. Its owners may, and operators: else
/// nobody could ever begin a room where nobody may.
pub fn may_begin(new_rooms: NewRooms, caller: &Caller, role: Option<Role>) -> Result<(), Denial> {
    let is_guest = caller.author().map_or(true, |author| author.kind == AuthorKind::Guest);
    let may = match new_rooms {
        NewRooms::Anyone => true,
        NewRooms::SignedIn => !is_guest || role >= Some(Role::Owner),
        NewRooms::Nobody => role >= Some(Role::Owner),
    };
    if may { Ok(()) } else { Err(Denial::NoNewRooms) }
}
