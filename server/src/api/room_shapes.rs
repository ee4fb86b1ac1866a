//! The shapes of JSON about rooms and their people: the list, roles, bans, invitations, flags, tickets.

use millchat::{RoomName, Value};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::access::deeds;
use crate::access::flags;
use crate::access::invitations;
use crate::schema::{Author, Span, Time};

/// A role to be given.
#[derive(Deserialize, ToSchema)]
pub struct GivenRole {
    /// `reader`, `writer`, `moderator` or `owner`.
    #[schema(example = "writer")]
    pub role: String,
    /// The name that the list of members shows, if it is known.
    #[schema(example = "Ada")]
    pub name: Option<String>,
}

/// The roles that were given in a room. Those of the operator's settings are not among them.
#[derive(Serialize, ToSchema)]
pub struct Members<'a> {
    /// By author's id, at most 1,000.
    pub members: Vec<Member<'a>>,
    /// Ask again with `after` set to this for the next ones; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<&'a str>,
}

/// A role that was given in a room.
#[derive(Serialize, ToSchema)]
pub struct Member<'a> {
    /// The author who has it.
    #[schema(example = "g_4kqv6mzd2xw7yrbtfn3a")]
    pub author_id: &'a str,
    /// Their name when they got it, if it was known.
    #[schema(example = "Ada")]
    pub name: Option<&'a str>,
    /// `reader`, `writer`, `moderator` or `owner`.
    #[schema(example = "writer")]
    pub role: &'static str,
    /// The author who gave it; their own who used an invitation.
    pub by: Option<Author<'a>>,
    /// When.
    pub since: Time,
}

impl<'a> Member<'a> {
    /// The shape of a member.
    pub fn of(member: &'a deeds::Member) -> Self {
        Self {
            author_id: &member.author_id,
            name: member.name.as_deref(),
            role: member.role.as_str(),
            by: member.value.by.as_ref().map(Author::of),
            since: Time(member.value.set_at),
        }
    }
}

/// The end of a ban from a room.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BanUntil {
    /// A time to come; absent: for good.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-01-31T12:00:00Z")]
    pub until: Option<String>,
}

/// The bans from a room.
#[derive(Serialize, ToSchema)]
pub struct RoomBans<'a> {
    /// By author's id, at most 1,000.
    pub bans: Vec<RoomBan<'a>>,
    /// Ask again with `after` set to this for the next ones; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<&'a str>,
}

/// A ban from a room.
#[derive(Serialize, ToSchema)]
pub struct RoomBan<'a> {
    /// The author who is banned.
    #[schema(example = "g_4kqv6mzd2xw7yrbtfn3a")]
    pub author_id: &'a str,
    /// The author who laid it.
    pub by: Option<Author<'a>>,
    /// When.
    pub since: Time,
    /// Its end; null: for good.
    pub until: Option<Time>,
}

impl<'a> RoomBan<'a> {
    /// The shape of a ban.
    pub fn of(author_id: &'a str, ban: &'a Value) -> Self {
        let (by, until) = (ban.by.as_ref().map(Author::of), ban.until.map(Time));
        Self { author_id, by, since: Time(ban.set_at), until }
    }
}

/// An invitation to be made.
#[derive(Deserialize, ToSchema)]
pub struct NewInvitation {
    /// `reader`, `writer`, `moderator` or `owner`; not above your own.
    #[schema(example = "writer")]
    pub role: String,
    /// The time for which it is good, 1h to 30d; 7d when absent.
    pub expires_in: Option<Span>,
    /// The times that it can be used, 1 to 1,000; once when absent.
    #[schema(example = 1)]
    pub uses: Option<u32>,
}

/// An invitation that was made. Its secret is shown only here.
#[derive(Serialize, ToSchema)]
pub struct NewInvitationMade {
    /// By which it is taken back.
    pub id: String,
    /// The link. The secret is behind `#`, where no server and no proxy reads it.
    #[schema(example = "https://chat.example.org/team#invite=…")]
    pub url: String,
    /// Its end.
    pub expires_at: Time,
}

/// The invitations of a room that can still be used.
#[derive(Serialize, ToSchema)]
pub struct Invitations<'a> {
    /// By id.
    pub invitations: Vec<Invitation<'a>>,
}

/// An invitation, without its secret.
#[derive(Serialize, ToSchema)]
pub struct Invitation<'a> {
    /// By which it is taken back.
    pub id: &'a str,
    /// The role that it gives.
    #[schema(example = "writer")]
    pub role: &'static str,
    /// The times that it can still be used.
    #[schema(example = 1)]
    pub uses: u32,
    /// Its maker.
    pub by: Option<Author<'a>>,
    /// Its end.
    pub expires_at: Option<Time>,
}

impl<'a> Invitation<'a> {
    /// The shape of an invitation.
    pub fn of(invitation: &'a invitations::Invitation) -> Self {
        Self {
            id: &invitation.id,
            role: invitation.role.as_str(),
            uses: invitation.uses,
            by: invitation.value.by.as_ref().map(Author::of),
            expires_at: invitation.value.until.map(Time),
        }
    }
}

/// Messages of an author were deleted.
#[derive(Serialize, ToSchema)]
pub struct AuthorDeleted {
    /// The number of messages that this request deleted, at most 100.
    #[schema(example = 12)]
    pub deleted: usize,
    /// Ask again with `before` set to this, until it is null: then there is nothing more of theirs.
    pub before: Option<u64>,
}

/// Messages of an author were deleted, in all rooms.
#[derive(Serialize, ToSchema)]
pub struct DeletedEverywhere {
    /// The number of messages that this request deleted, at most 100.
    #[schema(example = 12)]
    pub deleted: usize,
    /// The number of messages that this request left, since you may not write in their rooms now.
    #[schema(example = 0)]
    pub kept: usize,
    /// Ask again with `from` set to this, until it is null: then all rooms were looked into.
    pub next: Option<String>,
}

/// Rooms that may be listed to you.
#[derive(Serialize, ToSchema)]
pub struct ListedRooms {
    /// By name, at most 100.
    pub rooms: Vec<ListedRoom>,
    /// Ask again with `after` set to this, also when there are no rooms on this page; absent when there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
}

/// A room of the list.
#[derive(Serialize, ToSchema)]
pub struct ListedRoom {
    /// Its name.
    #[serde(serialize_with = "name_of")]
    #[schema(value_type = String, example = "lobby")]
    pub name: RoomName,
    /// Its title, if the operator gave it one.
    pub title: Option<String>,
    /// Its newest position.
    #[schema(example = 1207)]
    pub head: u64,
    /// The time of its newest event.
    pub last_at: Time,
    /// True if it is closed to writing.
    pub closed: bool,
    /// With `open=1`, in a room of a visitor: messages that nobody has answered but its visitor, at most 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unread: Option<usize>,
}

fn name_of<S: Serializer>(room: &RoomName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(room.as_str())
}

/// A ticket that was made.
#[derive(Serialize, ToSchema)]
pub struct TicketMade {
    /// The value of `ticket=` of the room's stream.
    pub ticket: String,
    /// Its end.
    pub expires_at: Time,
}

/// The secret of an invitation.
#[derive(Deserialize, ToSchema)]
pub struct Secret {
    /// The text behind `#invite=` of its link.
    pub secret: String,
}

/// An invitation was used.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    /// The role that you have now.
    #[schema(example = "writer")]
    pub role: &'static str,
}

/// The reason of a flag.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// At most 500 characters; may be absent.
    #[schema(example = "spam")]
    pub reason: Option<String>,
}

/// The flags of a room.
#[derive(Serialize, ToSchema)]
pub struct Flags<'a> {
    /// By message: those of at most 100 messages.
    pub flags: Vec<Flag<'a>>,
    /// Ask again with `after` set to this for the next ones; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<u64>,
}

/// A flag of a message.
#[derive(Serialize, ToSchema)]
pub struct Flag<'a> {
    /// The message.
    #[schema(example = 1207)]
    pub position: u64,
    /// The author who flagged it.
    pub by: Option<Author<'a>>,
    /// Why; may be empty.
    #[schema(example = "spam")]
    pub reason: &'a str,
    /// When.
    pub created_at: Time,
}

impl<'a> Flag<'a> {
    /// The shape of a flag.
    pub fn of(flag: &'a flags::Flag) -> Self {
        Self {
            position: flag.position,
            by: flag.value.by.as_ref().map(Author::of),
            reason: &flag.value.text,
            created_at: Time(flag.value.set_at),
        }
    }
}
