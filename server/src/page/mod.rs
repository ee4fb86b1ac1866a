//! The page: what people see, and the routes that their browser uses.
//!
//! Server-rendered by maud, kept live by Datastar: the first HTML holds the newest messages, and the stream
//! goes on from the position it was rendered at. Handlers are here; what things look like is in the modules
//! below. Writing needs the cookie of a guest, and is refused to pages of other sites.

mod asset;
mod composer;
mod failure;
mod frame;
mod layout;
mod people;
mod room;
mod rows;

pub use asset::respond as asset;
pub use failure::{of as failure, page as error};
pub use frame::encoder;
pub use layout::CONTENT_SECURITY_POLICY;

use crate::app::Worker;
use crate::http::{self, ContentType, Request, Response};
use crate::identity::Identity;
use crate::public_url::PublicUrl;
use crate::{body, sse, text};
use composer::Refused;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use millchat::{Author, Draft, HistoryPage, HistoryRange, Place, Position, ReadError, RoomName};
use rand::RngExt;
use rand::distr::Alphanumeric;
use serde::Deserialize;

/// Messages in the first HTML, and in each step back.
const HISTORY_ROWS: usize = 100;
/// So many times a step goes on when it found nothing but deleted messages: they are one line.
const DELETED_STEPS_MAX: usize = 10;
/// Letters and digits of a fresh room's name: 190 bits, so nobody finds it who was not told.
const FRESH_ROOM_CHARS: usize = 32;

/// `GET /`, `GET /new`: to a fresh random room.
pub fn home() -> Response {
    let name: String = rand::rng().sample_iter(Alphanumeric).take(FRESH_ROOM_CHARS).map(char::from).collect();
    http::redirect(&format!("/{name}"))
}

/// `GET /{room}`: the page. `?before=POSITION`, asked for by the page itself, brings older rows into it.
pub async fn room(w: &Worker, req: &Request, room: &RoomName) -> Response {
    let before = http::query(req, "before").and_then(|before| before.parse::<Position>().ok());
    let shown = match before {
        Some(before) if is_datastar(req.headers()) => older(w, room, before).await,
        _ => newest(w, req.headers(), room).await,
    };
    shown.unwrap_or_else(failure::of)
}

async fn newest(w: &Worker, headers: &HeaderMap, room: &RoomName) -> Result<Response, ReadError> {
    let chat = &w.app.chat;
    let history = history(w, room, HistoryRange::Newest).await?;
    // Read after the history: what changes in between comes by the stream.
    let overview = chat.overview(room).await?;
    // Between a head below the floor and the floor the room has no events: to begin there misses nothing,
    // and does not announce a gap to somebody who opens a quiet room.
    let position = history.head.max(history.floor.saturating_sub(1));
    Ok(room::page(&room::View {
        room,
        me: w.app.identity.visitor(headers).as_ref(),
        history: &history,
        place: Place { epoch: chat.epoch(), position },
        presence: &overview.presence,
        closed: overview.closed,
        origin: w.app.public_url.as_ref().map(PublicUrl::origin),
    }))
}

async fn older(w: &Worker, room: &RoomName, before: Position) -> Result<Response, ReadError> {
    let page = history(w, room, HistoryRange::Before(before)).await?;
    Ok(events(frame::older(room.as_str(), before, &page)))
}

/// Messages for the page. Those of a room that was emptied are passed in longer steps.
async fn history(w: &Worker, room: &RoomName, range: HistoryRange) -> Result<HistoryPage, ReadError> {
    let chat = &w.app.chat;
    let mut page = chat.history(room, range, HISTORY_ROWS).await?;
    for _ in 0..DELETED_STEPS_MAX {
        let Some(before) = page.older.filter(|_| page.messages.iter().all(|m| m.content.is_none())) else {
            break;
        };
        let older = chat.history(room, HistoryRange::Before(before), HISTORY_ROWS).await?;
        page.messages.splice(0..0, older.messages);
        page.older = older.older;
    }
    Ok(page)
}

/// `GET /{room}/messages`: the page's stream.
pub async fn stream(w: &Worker, req: &Request, room: &RoomName) -> Response {
    // A page of another site can make a browser come here: then nobody is shown to be in the room.
    let own = http::refuse_cross_site(req.headers(), w.app.public_url.as_ref()).is_ok();
    let reader = own.then(|| w.app.identity.visitor(req.headers())).flatten();
    sse::respond(w, req, room, reader, frame::Dialect).await
}

/// What the page sends.
#[derive(Deserialize)]
struct Sent {
    content: String,
    /// By which a send that is repeated is recognised.
    key: Option<String>,
}

/// `POST /{room}/messages`: 204 once the message is durable. The page gets to see it from its stream.
pub async fn send(w: &Worker, req: Request, room: &RoomName) -> Response {
    let author = match writer(w, req.headers()) {
        Ok(author) => author,
        Err(refusal) => return *refusal,
    };
    if let Err(limited) = w.app.limits.message(&author, &req) {
        return failure::of(limited);
    }
    if !matches!(http::content_type(req.headers()), ContentType::Json | ContentType::Absent) {
        return error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "A message is sent as application/json.");
    }
    let body = match body::read(req.into_body(), body::MESSAGE_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return failure::of(broken),
    };
    let sent: Sent = match serde_json::from_slice(&body) {
        Ok(sent) => sent,
        Err(wrong) if wrong.is_data() => {
            return error(StatusCode::UNPROCESSABLE_ENTITY, &failure::sentence(&wrong.to_string()));
        }
        Err(wrong) => return error(StatusCode::BAD_REQUEST, &failure::sentence(&wrong.to_string())),
    };
    let content = match text::content(&sent.content) {
        Ok(content) => content,
        Err(refused) => return failure::of(refused),
    };
    let mut draft = Draft::post(author, content);
    draft.key = sent.key;
    // While a send waits for the disk it holds no more than the queue counts.
    drop((body, sent.content));
    match w.send(room, draft).await {
        Ok(_durable) => http::empty(StatusCode::NO_CONTENT),
        Err(failed) => failure::of(failed),
    }
}

/// `POST /{room}/name`: makes the visitor a guest, or renames one. To Datastar it answers with the foot of
/// the room as it is now; a plain form is sent back to the room.
pub async fn name(w: &Worker, req: Request, room: &RoomName) -> Response {
    if let Err(foreign) = http::refuse_cross_site(req.headers(), w.app.public_url.as_ref()) {
        return error(StatusCode::FORBIDDEN, &failure::sentence(&foreign.to_string()));
    }
    let by_datastar = is_datastar(req.headers());
    let me = w.app.identity.visitor(req.headers());
    let allowed = if me.is_none() { w.app.limits.guest(&req) } else { Ok(()) };
    let body = match body::read(req.into_body(), body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return failure::of(broken),
    };
    let typed = form_urlencoded::parse(&body).find(|(field, _)| field == "name");
    let typed = typed.map(|(_, typed)| typed.into_owned()).unwrap_or_default();
    // The form again, with what was typed and why it was not taken.
    let again = |why: &str| {
        let refused = Refused { typed: &typed, why: &failure::sentence(why) };
        events(frame::composer(composer::composer(room.as_str(), me.as_ref(), Some(refused)), true))
    };
    let clean = match (text::name(&typed), allowed) {
        (Ok(clean), Ok(())) => clean,
        (Err(refused), _) if by_datastar => return again(&refused.to_string()),
        (Err(refused), _) => return failure::of(refused),
        (_, Err(limited)) if by_datastar => return again(&limited.to_string()),
        (_, Err(limited)) => return failure::of(limited),
    };
    let me = me.map_or_else(|| Identity::new_guest(&clean), |me| Identity::renamed(&me, &clean));
    let mut response = if by_datastar {
        events(frame::composer(composer::composer(room.as_str(), Some(&me), None), false))
    } else {
        let mut back = http::empty(StatusCode::SEE_OTHER);
        let room = HeaderValue::from_str(&format!("/{room}")).expect("a room's name is visible ASCII");
        http::set(&mut back, LOCATION, room);
        back
    };
    http::set(&mut response, SET_COOKIE, w.app.identity.set_cookie(&me));
    response
}

/// `POST /{room}/typing`: 204, a signal to whoever reads the room.
#[expect(clippy::unused_async, reason = "handlers of one kind look alike to the router")]
pub async fn typing(w: &Worker, req: Request, room: &RoomName) -> Response {
    match writer(w, req.headers()) {
        Ok(author) => {
            w.app.chat.typing(room, &author);
            http::empty(StatusCode::NO_CONTENT)
        }
        Err(refusal) => *refusal,
    }
}

/// Who writes, if the request comes from our own page and has a name.
fn writer(w: &Worker, headers: &HeaderMap) -> Result<Author, Box<Response>> {
    if let Err(foreign) = http::refuse_cross_site(headers, w.app.public_url.as_ref()) {
        return Err(Box::new(error(StatusCode::FORBIDDEN, &failure::sentence(&foreign.to_string()))));
    }
    w.app
        .identity
        .visitor(headers)
        .ok_or_else(|| Box::new(error(StatusCode::UNAUTHORIZED, "Choose a name first; then you can write.")))
}

/// Whether the page's client asks, and wants patches instead of a page.
fn is_datastar(headers: &HeaderMap) -> bool {
    headers.contains_key("datastar-request")
}

/// A few events and the end.
fn events(body: Vec<u8>) -> Response {
    let mut response = http::bytes(StatusCode::OK, "text/event-stream", body);
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
