//! Moderation: rooms closed, opened and emptied, messages of others taken away, authors banned; each an event or a
//! record of the log that names who did it. What is about one room is also a route of its moderators and owners, by
//! the API: the router asks before it calls.

use hyper::StatusCode;
use millchat::{AUTHOR_ID_BYTES_MAX, Position, RoomName};
use percent_encoding::percent_decode_str;

use super::operator::{by, doer};
use super::schema::{Ban, Banned, Bans, ClosedRoom, ClosedRooms};
use crate::access::table::{Action, allows};
use crate::access::{bans, deeds};
use crate::actions::{self, Moderation};
use crate::api::members::ban_until;
use crate::app::Worker;
use crate::http::{self, Response};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::Receipt;

/// The rooms that are closed to writing.
pub fn closed_rooms(w: &Worker) -> Response {
    let closed = w.app.chat.closed_rooms();
    let rooms = closed.iter().map(|room| ClosedRoom { room: room.as_str() }).collect();
    http::json(StatusCode::OK, &ClosedRooms { rooms })
}

/// Closes a room to writing.
pub async fn close(call: Call<'_>, room: RoomName) -> Answer {
    in_room(&call, &room, Moderation::Close, "close").await
}

/// Opens it again.
pub async fn open(call: Call<'_>, room: RoomName) -> Answer {
    in_room(&call, &room, Moderation::Open, "open").await
}

/// Takes all messages of a room away.
pub async fn empty(call: Call<'_>, room: RoomName) -> Answer {
    in_room(&call, &room, Moderation::Purge, "empty").await
}

/// Returns true if a delete is one of a moderator: the message is somebody else's, and nobody's above them. The
/// holder of the admin token has none of their own.
pub async fn is_of_others(call: &Call<'_>, room: &RoomName, target: Position) -> Result<bool, Problem> {
    let (w, allowed) = (call.w, &call.allowed);
    if allowed.caller.admin.is_some() {
        return Ok(true);
    }
    if !allows(allowed.standing.role, Action::Moderate) {
        return Ok(false);
    }
    let message = w.chat_for(&call.req).message(room, target).await?;
    let author = message
        .and_then(|message| message.author)
        .filter(|author| allowed.caller.author().is_ok_and(|own| own.id != author.id));
    let Some(author) = author else { return Ok(false) };
    // Reading it took its time.
    let mut allowed = allowed.clone();
    allowed.standing = w.app.authority.confirm(&allowed, room)?;
    if !allows(allowed.standing.role, Action::Moderate) {
        return Ok(false);
    }
    deeds::refuse_above(&w.app.authority, &allowed, room, &author.id)?;
    Ok(true)
}

/// Takes a message away, of any author. Its route is the one by which authors take theirs away, and answers
/// alike.
pub async fn delete(call: &Call<'_>, room: &RoomName, target: Position) -> Answer {
    in_room(call, room, Moderation::Delete(target), "delete").await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}

async fn in_room(call: &Call<'_>, room: &RoomName, moderation: Moderation, deed: &'static str) -> Answer {
    let (w, by) = (call.w, doer(call)?);
    let target = if let Moderation::Delete(target) = moderation { Some(target) } else { None };
    tracing::info!(%room, target, by = %by.name, deed, "moderation");
    let receipt = actions::moderate(w, room, (&call.allowed, by), moderation).await?;
    w.app.metrics.moderated(deed);
    Ok(http::json(StatusCode::OK, &Receipt::of(&receipt)))
}

/// The authors who may not write.
pub fn bans(w: &Worker) -> Response {
    let (for_good, timed) = (w.app.chat.bans(), bans::timed(&w.app.chat));
    let timed = timed.iter().map(|(author, ban)| Ban::until(author, ban));
    let mut bans: Vec<_> = for_good.iter().map(Ban::of).chain(timed).collect();
    bans.sort_unstable_by_key(|ban| (ban.author_id, ban.position));
    http::json(StatusCode::OK, &Bans { bans })
}

/// Lets an author write nothing more, in any room, for good or until a time.
pub async fn ban(call: Call<'_>) -> Answer {
    let (author, by) = (author_id(call.param("author"))?, by(&call)?);
    let Call { w, req, allowed, .. } = call;
    let until = ban_until(w, req).await?;
    w.app.authority.confirm_outside(&allowed)?;
    if until.is_some() && !bans::can_end(&author) {
        let detail = "a ban until a time needs an author's id of visible ASCII";
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    tracing::info!(%author, by = %by.name, until = until.map(|until| until.0), deed = "ban", "moderation");
    let receipt = bans::ban(&w.app.chat, &author, until, by).await?;
    w.app.metrics.moderated("ban");
    Ok(http::json(StatusCode::OK, &Banned::of(&receipt)))
}

/// Lets an author write again.
pub async fn unban(call: Call<'_>) -> Answer {
    let (w, author, by) = (call.w, author_id(call.param("author"))?, by(&call)?);
    tracing::info!(%author, by = %by.name, deed = "unban", "moderation");
    let receipt = bans::unban(&w.app.chat, &author, by).await?;
    w.app.metrics.moderated("unban");
    Ok(http::json(StatusCode::OK, &Banned::of(&receipt)))
}

/// An author's id as the path has it: in accounts to come it may hold anything that can be seen.
pub(super) fn author_id(encoded: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(encoded).decode_utf8().unwrap_or_default();
    if !sanitize::is_author_text(&decoded, AUTHOR_ID_BYTES_MAX) {
        let detail = format!(
            "the last part of the path is an author's id: 1 to {AUTHOR_ID_BYTES_MAX} bytes of UTF-8 without \
             control characters, percent-encoded"
        );
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    Ok(decoded.into_owned())
}
