//! Denials: why somebody may not do something. They say nothing of what is in the room, so they are the same
//! for one with events and for one without.

use super::role::Role;
use super::table::{Action, lowest};
use crate::identity::TokenError;
use crate::problem::{Kind, Problem};

/// The reason why somebody may not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// There is no room of this name, by the operator's list.
    UnknownRoom,
    /// It needs somebody, and the request proves nobody.
    Nobody(TokenError),
    /// The room is for its members, and the person is none.
    NotMember,
    /// The person may only read.
    ReadOnly,
    /// The person's role is too low.
    NeedsRole(Action),
    /// It is done to somebody whose role is higher than the person's own.
    Above,
    /// The person may not write the first event of a room.
    NoNewRooms,
    /// The person is banned.
    Banned,
}

impl Denial {
    /// Returns the kind of problem that programs are told.
    pub fn kind(&self) -> Kind {
        match self {
            Self::UnknownRoom => Kind::UnknownRoom,
            Self::Nobody(error) => Kind::from(*error),
            Self::NotMember => Kind::NotMember,
            Self::ReadOnly => Kind::ReadOnly,
            Self::NeedsRole(_) | Self::Above => Kind::NeedsRole,
            Self::NoNewRooms => Kind::NoNewRooms,
            Self::Banned => Kind::Banned,
        }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let kind = denial.kind();
        let detail = match denial {
            Denial::Nobody(error) => return error.into(),
            Denial::UnknownRoom => "this server has no room of this name, and none can be made".to_owned(),
            Denial::NotMember => {
                "the room is for its members, and the author of this token is none of them".to_owned()
            }
            Denial::ReadOnly => "the author of this token may read this room, and not write in it".to_owned(),
            Denial::NeedsRole(action) => {
                let role = lowest(action).map_or("operator", Role::as_str);
                format!("this needs the role `{role}`, or a higher one")
            }
            Denial::Above => "the role of that author is higher than yours".to_owned(),
            Denial::NoNewRooms => {
                "the author of this token may not write the first event of a room".to_owned()
            }
            Denial::Banned => "the author is banned, and may not write".to_owned(),
        };
        Self::new(kind, detail)
    }
}
