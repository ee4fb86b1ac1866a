//! Flags: readers point moderators to a message.

use hyper::StatusCode;
use millchat::{Message, Position, RoomName};

use super::input;
use super::room_shapes::{Flag, Flags, Reason};
use crate::access::decide::Standing;
use crate::access::denial::Denial;
use crate::access::flags::{self, REASON_CHARS_MAX};
use crate::admin::operator::doer;
use crate::body::{self, NAME_BYTES_MAX};
use crate::http;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;

/// Messages of which a page has the flags. It is shorter when they are large.
const PAGE_MESSAGES: usize = 100;
/// Bytes that are read for a page, about; one message more may be.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a reaction, about.
const REACTION_BYTES: usize = 64;

/// Flag a message for the moderators of its room, once.
pub async fn flag(call: Call<'_>, room: RoomName, target: Position) -> Answer {
    let Call { w, req, allowed, .. } = call;
    let author = allowed.caller.author()?.clone();
    refuse_banned(allowed.standing)?;
    w.app.limits.message(&author, &req)?;
    let chat = w.chat_for(&req);
    let body = body::read(&w.app.reading, req, NAME_BYTES_MAX).await?;
    let reason = if body.is_empty() {
        String::new()
    } else {
        input::object::<Reason>(&body)?.reason.unwrap_or_default()
    };
    if reason.chars().count() > REASON_CHARS_MAX {
        let detail = format!("`reason` has at most {REASON_CHARS_MAX} characters");
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    let Some(message) = chat.message(&room, target).await? else {
        return Err(Problem::new(Kind::UnknownMessage, "there is no message at this position of this room"));
    };
    if message.content.is_none() {
        return Err(Problem::new(Kind::MessageDeleted, "the message was deleted"));
    }
    refuse_banned(w.app.authority.confirm(&allowed, &room)?)?;
    flags::flag(&w.app.chat, &room, target, reason, author).await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}

fn refuse_banned(standing: Standing) -> Result<(), Denial> {
    if standing.is_banned { Err(Denial::Banned) } else { Ok(()) }
}

/// The flags of a room, by message. Those of messages that were deleted are not among them.
pub async fn list(call: Call<'_>, room: RoomName) -> Answer {
    call.w.app.limits.read(&call.req)?;
    let _turn = call.w.app.turns.read(&call.req).await;
    let after = http::query(&call.req, "after").map(|after| input::position("after", &after)).transpose()?;
    let chat = call.w.chat_for(&call.req);
    let flags = flags::list(&chat, &room, after, PAGE_MESSAGES);
    let (mut shown, mut messages, mut cost, mut last) = (Vec::with_capacity(flags.len()), 0, 0, None);
    for of_message in flags.chunk_by(|flag, next| flag.position == next.position) {
        messages += 1;
        // One by one: the texts of a page together would take too much memory.
        let message = chat.message(&room, of_message[0].position).await?;
        last = Some(of_message[0].position);
        cost += message.as_ref().map_or(0, cost_of);
        if message.is_some_and(|message| message.content.is_some()) {
            shown.extend(of_message.iter().map(Flag::of));
        }
        if cost >= PAGE_BYTES_MAX {
            break;
        }
    }
    let next = last.filter(|_| messages == PAGE_MESSAGES || cost >= PAGE_BYTES_MAX);
    Ok(http::json(StatusCode::OK, &Flags { flags: shown, next }))
}

/// Returns the bytes of a message that are read, about.
fn cost_of(message: &Message) -> usize {
    let reactions: usize = message.reactions.iter().map(|of| of.count).sum();
    message.content.as_deref().map_or(0, str::len) + REACTION_BYTES * reactions
}

/// Take all flags of a message away: it was looked at.
pub async fn clear(call: Call<'_>, room: RoomName, target: Position) -> Answer {
    let by = doer(&call)?;
    flags::clear(&call.w.app.chat, &room, target, Some(by)).await?;
    call.w.app.metrics.moderated("unflag");
    Ok(http::empty(StatusCode::NO_CONTENT))
}
