//! The people of a room: the roles that were given in it, and the bans from it.

use hyper::StatusCode;
use jiff::Timestamp as Moment;
use millchat::{AUTHOR_ID_BYTES_MAX, RoomName, Timestamp, is_value_key};
use percent_encoding::percent_decode_str;

use super::input;
use super::room_shapes::{BanUntil, GivenRole, Member, Members, RoomBan, RoomBans};
use crate::access::authority::Allowed;
use crate::access::role::Role;
use crate::access::{deeds, invitations, kept};
use crate::admin::operator::doer;
use crate::app::Worker;
use crate::body::{self, NAME_BYTES_MAX};
use crate::http::{self, Request};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;

/// People of a page.
const PAGE: usize = 1_000;

/// The roles that were given in a room. Those of the settings are not among them.
pub fn list(call: &Call<'_>, room: &RoomName) -> Answer {
    call.w.app.limits.read(&call.req)?;
    let after = http::query(&call.req, "after");
    let members = deeds::members(&call.w.app.chat, room, after.as_deref(), PAGE);
    let next = (members.len() == PAGE).then(|| members.last().map(|last| last.author_id.as_ref())).flatten();
    let members = members.iter().map(Member::of).collect();
    Ok(http::json(StatusCode::OK, &Members { members, next }))
}

/// Give somebody a role: not above your own, and not to somebody above you.
pub async fn give(call: Call<'_>, room: RoomName) -> Answer {
    let (target, by) = (author(&call)?, doer(&call)?);
    let Call { w, req, mut allowed, .. } = call;
    let GivenRole { role, name } = input::read(w, req, NAME_BYTES_MAX).await?;
    let role = given(&role)?;
    let name = name.map(|name| crate::sanitize::name(&name)).transpose()?;
    confirm_above(w, &mut allowed, &room, &target)?;
    if Some(role) > allowed.standing.role {
        return Err(Problem::new(Kind::NeedsRole, "nobody gives a higher role than their own"));
    }
    if !deeds::has_role(&w.app.chat, &room, &target) {
        deeds::refuse_begun(&w.app.authority, &room, kept::ROLE, deeds::ROLES_MAX)?;
    }
    tracing::info!(%room, author = target, by = %by.name, role = role.as_str(), deed = "give-role", "moderation");
    deeds::give(&w.app.chat, &room, (&target, name.as_deref()), role, by.clone()).await?;
    if role < Role::Owner {
        invitations::take_back_of(&w.app.chat, &room, &target, &by).await?;
    }
    w.app.metrics.moderated("give-role");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// Take the role back that somebody was given.
pub async fn take_back(call: Call<'_>, room: RoomName) -> Answer {
    let (w, target, by) = (call.w, author(&call)?, doer(&call)?);
    deeds::refuse_above(&w.app.authority, &call.allowed, &room, &target)?;
    tracing::info!(%room, author = target, by = %by.name, deed = "take-role", "moderation");
    deeds::take_back(&w.app.chat, &room, &target, by.clone()).await?;
    invitations::take_back_of(&w.app.chat, &room, &target, &by).await?;
    w.app.metrics.moderated("take-role");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// The bans from a room.
pub fn bans(call: &Call<'_>, room: &RoomName) -> Answer {
    call.w.app.limits.read(&call.req)?;
    let after = http::query(&call.req, "after");
    let bans = deeds::bans(&call.w.app.chat, room, after.as_deref(), PAGE);
    let next = (bans.len() == PAGE).then(|| bans.last().map(|(last, _)| last.as_ref())).flatten();
    let bans = bans.iter().map(|(author_id, ban)| RoomBan::of(author_id, ban)).collect();
    Ok(http::json(StatusCode::OK, &RoomBans { bans, next }))
}

/// Ban somebody from a room, for good or until a time.
pub async fn ban(call: Call<'_>, room: RoomName) -> Answer {
    let (target, by) = (author(&call)?, doer(&call)?);
    let Call { w, req, mut allowed, .. } = call;
    let until = ban_until(w, req).await?;
    confirm_above(w, &mut allowed, &room, &target)?;
    deeds::refuse_begun(&w.app.authority, &room, kept::BAN, deeds::ROOM_BANS_MAX)?;
    tracing::info!(%room, author = target, by = %by.name, deed = "ban-from-room", "moderation");
    deeds::ban(&w.app.chat, &room, &target, until, (allowed.standing.role, by.clone())).await?;
    invitations::take_back_of(&w.app.chat, &room, &target, &by).await?;
    w.app.metrics.moderated("ban-from-room");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// Reads the end of a ban; an empty body is one for good.
pub async fn ban_until(w: &Worker, req: Request) -> Result<Option<Timestamp>, Problem> {
    match &body::read(&w.app.reading, req, NAME_BYTES_MAX).await?[..] {
        [] => Ok(None),
        bytes => input::object::<BanUntil>(bytes)?.until.as_deref().map(moment).transpose(),
    }
}

/// Let somebody who was banned from a room back into it.
pub async fn unban(call: Call<'_>, room: RoomName) -> Answer {
    let (w, target, by) = (call.w, author(&call)?, doer(&call)?);
    deeds::refuse_above(&w.app.authority, &call.allowed, &room, &target)?;
    tracing::info!(%room, author = target, by = %by.name, deed = "unban-from-room", "moderation");
    deeds::unban(&w.app.chat, &room, &target, by).await?;
    w.app.metrics.moderated("unban-from-room");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// Refuses what was allowed before the body, if it no longer is or is done to somebody above.
pub(super) fn confirm_above(
    w: &Worker,
    allowed: &mut Allowed,
    room: &RoomName,
    target: &str,
) -> Result<(), Problem> {
    allowed.standing = w.app.authority.confirm(allowed, room)?;
    Ok(deeds::refuse_above(&w.app.authority, allowed, room, target)?)
}

/// Returns the role of this word.
pub fn given(word: &str) -> Result<Role, Problem> {
    Role::given(word).ok_or_else(|| {
        let words = Role::GIVEN.map(Role::as_str).join(", ");
        Problem::new(Kind::InvalidBody, format!("`role` is one of {words}"))
    })
}

/// Returns the author whom the path names: their id is a part of a key.
pub fn author(call: &Call<'_>) -> Result<String, Problem> {
    let decoded = percent_decode_str(call.param("author")).decode_utf8().unwrap_or_default();
    let fits = decoded.len() <= AUTHOR_ID_BYTES_MAX / 2 && is_value_key(&format!("role/{decoded}"));
    if !fits {
        let detail = format!(
            "the last part of the path is an author's id: 1 to {} visible characters of ASCII, percent-encoded",
            AUTHOR_ID_BYTES_MAX / 2
        );
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    Ok(decoded.into_owned())
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    let moment: Option<Moment> = text.parse().ok();
    let millis = moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
    millis.map(Timestamp).filter(|until| *until > Timestamp::now()).ok_or_else(|| {
        let detail = "`until` is a time to come, such as 2027-01-31T12:00:00Z";
        Problem::new(Kind::InvalidBody, detail)
    })
}
