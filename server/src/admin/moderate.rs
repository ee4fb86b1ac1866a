//! Moderation: rooms closed, opened and emptied, authors banned; each an event or a record of the log that
//! names who did it. The router lets only the operator come here.

use hyper::StatusCode;
use millchat::{AUTHOR_ID_BYTES_MAX, Position, RoomName};
use percent_encoding::percent_decode_str;

use super::operator::by;
use crate::actions::{self, Moderation};
use crate::app::Worker;
use crate::http::{self, Request, Response};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::{Ban, Banned, Bans, ClosedRoom, ClosedRooms, Receipt};

/// The rooms that are closed to writing.
pub fn closed_rooms(w: &Worker) -> Response {
    let closed = w.app.chat.closed_rooms();
    let rooms = closed.iter().map(|room| ClosedRoom { room: room.as_str() }).collect();
    http::json(StatusCode::OK, &ClosedRooms { rooms })
}

/// Closes a room to writing.
pub async fn close(Call { w, req, .. }: Call<'_>, room: RoomName) -> Answer {
    in_room(w, &req, &room, Moderation::Close, "close").await
}

/// Opens it again.
pub async fn open(Call { w, req, .. }: Call<'_>, room: RoomName) -> Answer {
    in_room(w, &req, &room, Moderation::Open, "open").await
}

/// Takes all messages of a room away.
pub async fn empty(Call { w, req, .. }: Call<'_>, room: RoomName) -> Answer {
    in_room(w, &req, &room, Moderation::Purge, "empty").await
}

/// Takes a message away, of any author. Its route is the one by which authors take theirs away, and answers
/// alike.
pub async fn delete(w: &Worker, req: &Request, room: &RoomName, target: Position) -> Answer {
    in_room(w, req, room, Moderation::Delete(target), "delete").await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}

async fn in_room(
    w: &Worker,
    req: &Request,
    room: &RoomName,
    moderation: Moderation,
    deed: &'static str,
) -> Answer {
    let by = by(req)?;
    let target = if let Moderation::Delete(target) = moderation { Some(target) } else { None };
    tracing::info!(%room, target, by = %by.name, deed, "moderation");
    let receipt = actions::moderate(w, room, by, moderation).await?;
    w.app.metrics.moderated(deed);
    Ok(http::json(StatusCode::OK, &Receipt::of(&receipt)))
}

/// The authors who may not write.
pub fn bans(w: &Worker) -> Response {
    let bans = w.app.chat.bans();
    let bans = bans.iter().map(Ban::of).collect();
    http::json(StatusCode::OK, &Bans { bans })
}

/// Lets an author write nothing more, in any room.
pub async fn ban(call: Call<'_>) -> Answer {
    of_author(call.w, &call.req, call.param("author"), true).await
}

/// Lets an author write again.
pub async fn unban(call: Call<'_>) -> Answer {
    of_author(call.w, &call.req, call.param("author"), false).await
}

async fn of_author(w: &Worker, req: &Request, author: &str, banned: bool) -> Answer {
    let (author, by) = (author_id(author)?, by(req)?);
    let deed = if banned { "ban" } else { "unban" };
    tracing::info!(%author, by = %by.name, deed, "moderation");
    let chat = &w.app.chat;
    let receipt = if banned { chat.ban(&author, by).await } else { chat.unban(&author, by).await }?;
    w.app.metrics.moderated(deed);
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
