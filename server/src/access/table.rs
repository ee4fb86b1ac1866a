//! The table of rights: what each role may do. There is no other place that decides this; the routes say in
//! their tables which action they are, and the router asks here before it calls a handler.

use super::role::Role;

/// Something that is done by a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// About no room, and nothing that anybody may not do.
    Anything,
    /// About a room that there may be, and nothing that is in it.
    Visit,
    /// Read the room: history, stream, search, presence.
    Read,
    /// React and type; change one's own messages.
    Write,
    /// Post a message, which may be the first of a room whose creator owns it.
    Post,
    /// Look after the room: take messages of others away, close and open it, ban from it.
    Moderate,
    /// Empty the room; give and remove roles.
    Own,
    /// Look after the server: bans everywhere, tokens, sessions.
    Operate,
    /// The keys and the backup: whoever has them is everybody.
    Keys,
}

/// A line of the table: the action, and if it is allowed with no role, to a reader, a writer, a moderator, an
/// owner, an operator, and the holder of the admin token.
type Line = (Action, [bool; 7]);

const YES: bool = true;
const NO: bool = false;

#[rustfmt::skip]
const TABLE: [Line; 9] = [
    //                  no role, reader, writer, moderator, owner, operator, admin token
    (Action::Anything, [YES,     YES,    YES,    YES,       YES,   YES,      YES]),
    (Action::Visit,    [YES,     YES,    YES,    YES,       YES,   YES,      YES]),
    (Action::Read,     [NO,      YES,    YES,    YES,       YES,   YES,      YES]),
    (Action::Write,    [NO,      NO,     YES,    YES,       YES,   YES,      YES]),
    (Action::Post,     [NO,      NO,     YES,    YES,       YES,   YES,      YES]),
    (Action::Moderate, [NO,      NO,     NO,     YES,       YES,   YES,      YES]),
    (Action::Own,      [NO,      NO,     NO,     NO,        YES,   YES,      YES]),
    (Action::Operate,  [NO,      NO,     NO,     NO,        NO,    YES,      YES]),
    (Action::Keys,     [NO,      NO,     NO,     NO,        NO,    NO,       YES]),
];

/// Returns true if somebody of this role may do it.
pub fn allows(role: Option<Role>, action: Action) -> bool {
    let column = match role {
        None => 0,
        Some(Role::Reader) => 1,
        Some(Role::Writer) => 2,
        Some(Role::Moderator) => 3,
        Some(Role::Owner) => 4,
        Some(Role::Operator) => 5,
        Some(Role::Admin) => 6,
    };
    TABLE.iter().any(|(of, allowed)| *of == action && allowed[column])
}

/// Returns the lowest role that may do it, if nobody without a role may.
pub fn lowest(action: Action) -> Option<Role> {
    Role::ALL.into_iter().find(|role| allows(Some(*role), action)).filter(|_| !allows(None, action))
}

/// Returns true if somebody of this role may do it to somebody of that role: to nobody who is above them.
pub fn allows_to(role: Option<Role>, action: Action, to: Option<Role>) -> bool {
    allows(role, action) && to <= role
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_rights_of_the_one_below() {
        let roles: Vec<_> = std::iter::once(None).chain(Role::ALL.map(Some)).collect();
        for (action, _) in TABLE {
            let allowed: Vec<bool> = roles.iter().map(|role| allows(*role, action)).collect();
            assert!(allowed.is_sorted(), "{action:?}: {allowed:?}");
        }
        assert!(roles.is_sorted());
    }
}
