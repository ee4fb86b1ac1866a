//! Roles: what somebody is in a room, from nothing to the operator, each with all rights of the one before.

/// A role in a room. The order is that of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Reader,
    /// Posts, reacts, and changes their own messages.
    Writer,
    /// Looks after the room: takes messages of others away, closes it, bans from it.
    Moderator,
    /// Empties the room, and gives roles.
    Owner,
    /// A person who has these rights in all rooms, and bans everywhere.
    Operator,
    /// The holder of the admin token: an operator who also has the keys and the backup.
    Admin,
}

impl Role {
    /// All roles, the lowest first.
    pub const ALL: [Self; 6] =
        [Self::Reader, Self::Writer, Self::Moderator, Self::Owner, Self::Operator, Self::Admin];
    /// The roles that somebody can be given in a room, the lowest first.
    pub const GIVEN: [Self; 4] = [Self::Reader, Self::Writer, Self::Moderator, Self::Owner];

    /// Returns the word for it, as programs read it: both kinds of operator have the same.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
            Self::Operator | Self::Admin => "operator",
        }
    }

    /// Returns the role that can be given and has this word for it.
    pub fn given(word: &str) -> Option<Self> {
        Self::GIVEN.into_iter().find(|role| role.as_str() == word)
    }
}
