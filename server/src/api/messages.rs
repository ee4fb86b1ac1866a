//! Messages: post, read by page, read one, edit, delete.
//!
//! A success is answered only once it is durable. A key makes a post repeatable: sent again, it gives the
//! first answer again.

use hyper::StatusCode;
use hyper::header;
use millchat::{HistoryRange, PAGE_MESSAGES_MAX, Position, RoomName};

use super::input::{self, position};
use super::{key, parameters};
use crate::actions::{self, NewMessage};
use crate::admin::moderate;
use crate::app::Worker;
use crate::body::MESSAGE_BYTES_MAX;
use crate::client_ip::client;
use crate::current::current;
use crate::http::{self, JSON, Request, Response};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::{Content, HistoryPage, Links, Message, Post, Receipt};

/// Messages of a page unless the request says otherwise.
const PAGE_DEFAULT: usize = 100;

/// Post a message.
pub async fn post(Call { w, req, allowed, .. }: Call<'_>, room: RoomName) -> Answer {
    w.app.limits.message(allowed.caller.author()?, &req)?;
    let (key, client) = (key::of(req.headers(), &key::IDEMPOTENCY_KEY)?, client(&req));
    let Post { content, reply_to } = input::read(w, req, MESSAGE_BYTES_MAX).await?;
    let message = NewMessage { content: sanitize::content(&content)?, reply_to, key };
    // What was typed is gone while the send waits for the disk: it holds no more than the queue counts.
    drop(content);
    let receipt = actions::post(w, client, &room, &allowed, message).await?;
    Ok(posted(&room, &receipt))
}

/// The answer to a message that is stored.
pub(super) fn posted(room: &RoomName, receipt: &millchat::Receipt) -> Response {
    let mut response = http::json(StatusCode::CREATED, &Receipt::of(receipt));
    let location = format!("/api/v1/rooms/{room}/messages/{}", receipt.position);
    http::set_ascii(&mut response, header::LOCATION, &location);
    response
}

/// The new text in a request's body. The text as typed is freed before, as for a post.
async fn content(w: &Worker, req: Request) -> Result<String, Problem> {
    let typed: Content = input::read(w, req, MESSAGE_BYTES_MAX).await?;
    Ok(sanitize::content(&typed.content)?)
}

/// A page of history.
pub async fn page(Call { w, req, .. }: Call<'_>, room: RoomName) -> Answer {
    let is_known = |name: &str| ["before", "after", "limit"].contains(&name);
    parameters::refuse_unknown(req.uri().query(), is_known, "before, after and limit")?;
    let limit = limit(http::query(&req, "limit").as_deref())?;
    let range = match (http::query(&req, "before"), http::query(&req, "after")) {
        (None, None) => HistoryRange::Newest,
        (Some(before), None) => HistoryRange::Before(position("before", &before)?),
        (None, Some(after)) => HistoryRange::After(position("after", &after)?),
        (Some(_), Some(_)) => {
            let detail = "give `before` or `after`, not both: a page goes one way from one place";
            return Err(Problem::new(Kind::MalformedParameter, detail));
        }
    };
    w.app.limits.read(&req)?;
    let _turn = w.app.turns.read(&req).await;
    let chat = w.chat_for(&req);
    let (bytes, links) = current(&chat, async || {
        let page = chat.history(&room, range, limit).await?;
        let path = format!("/api/v1/rooms/{room}/messages");
        let links = Links {
            older: page.older.map(|before| format!("{path}?before={before}&limit={limit}")),
            newer: page.newer.map(|after| format!("{path}?after={after}&limit={limit}")),
        };
        let link_header: Vec<String> = [(&links.older, "prev"), (&links.newer, "next")]
            .into_iter()
            .filter_map(|(path, rel)| path.as_ref().map(|path| format!("<{path}>; rel=\"{rel}\"")))
            .collect();
        let texts_of = page.messages.iter().map(|message| message.position).collect();
        // A page may hold a megabyte.
        let write = move || {
            let messages = page.messages.iter().map(Message::of).collect();
            http::to_json(&HistoryPage { messages, floor: page.floor, head: page.head, links })
        };
        Ok(((w.app.turns.render(write).await, link_header), texts_of))
    })
    .await?;
    let mut response = http::bytes(StatusCode::OK, JSON, bytes);
    if !links.is_empty() {
        http::set_ascii(&mut response, header::LINK, &links.join(", "));
    }
    Ok(response)
}

fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(PAGE_DEFAULT) };
    http::clamped(text, 1, PAGE_MESSAGES_MAX).ok_or_else(|| {
        let detail = format!("limit is a number of 1 to {PAGE_MESSAGES_MAX}");
        Problem::new(Kind::MalformedParameter, detail)
    })
}

/// One message in its latest state.
pub async fn get(Call { w, req, .. }: Call<'_>, room: RoomName, position: Position) -> Answer {
    w.app.limits.read(&req)?;
    let _turn = w.app.turns.read(&req).await;
    let Some(message) = w.chat_for(&req).message(&room, position).await? else {
        let detail = format!("there is no message at position {position} of this room");
        return Err(Problem::new(Kind::UnknownMessage, detail));
    };
    Ok(http::json(StatusCode::OK, &Message::of(&message)))
}

/// Replace the text of your message; the answer is the message as it is then.
pub async fn edit(Call { w, req, allowed, .. }: Call<'_>, room: RoomName, target: Position) -> Answer {
    w.app.limits.message(allowed.caller.author()?, &req)?;
    let client = client(&req);
    actions::edit(w, client, &room, &allowed, target, content(w, req).await?).await?;
    let Ok(Some(message)) = w.app.chat.message(&room, target).await else {
        let detail = "the edit is stored, but the message cannot be read back now";
        return Err(Problem::new(Kind::LogUnreadable, detail));
    };
    Ok(http::json(StatusCode::OK, &Message::of(&message)))
}

/// Take your message away: no record of the log holds its text any more. The operator may do it to any
/// message.
pub async fn delete(call: Call<'_>, room: RoomName, target: Position) -> Answer {
    if moderate::is_of_others(&call, &room, target).await? {
        return moderate::delete(&call, &room, target).await;
    }
    let Call { w, req, allowed, .. } = call;
    w.app.limits.message(allowed.caller.author()?, &req)?;
    actions::delete(w, &room, &allowed, target).await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}
