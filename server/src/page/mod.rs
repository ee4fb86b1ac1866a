//! The page: what people see, and the routes that their browser uses.
//!
//! Server-rendered by maud, kept live by Datastar: the first HTML holds the newest messages, and the stream
//! goes on from the position it was rendered at. Handlers are here; what things look like is in the modules
//! below. Writing needs the cookie of a guest, and is refused to pages of other sites.

mod asset;
mod composer;
mod failure;
mod frame;
mod i18n;
mod layout;
mod markdown;
mod packing;
mod past;
mod people;
mod quote;
mod reactions;
mod refusal;
mod room;
mod rows;
mod writing;

pub use asset::respond as asset;
pub use failure::{of as failure, page as error};
pub use frame::encoder;
pub use i18n::{Language, LocalizedMessage};
pub use layout::CONTENT_SECURITY_POLICY;
pub use writing::{delete, edit, react, send, typing};

use crate::app::Worker;
use crate::http::{self, Request, Response};
use crate::identity::Identity;
use crate::public_url::PublicUrl;
use crate::sse::multi_room::{Marker, ROOMS_MAX};
use crate::sse::start::place;
use crate::{body, follow, paths, text};
use composer::Refused;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use i18n::Localizer;
use millchat::{From, HistoryPage, HistoryRange, Place, ReadError, RoomName};
use past::Asked;
use quote::Elsewhere;
use rand::RngExt;
use rand::distr::Alphanumeric;
use refusal::Localize;

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

/// `GET /{room}`: the page. With a query, asked for by the page itself, it brings history into it.
pub async fn room(w: &Worker, req: &Request, room: &RoomName) -> Response {
    let language = Language::of(req.headers());
    let shown = match Asked::of(req) {
        Some(asked) if is_datastar(req.headers()) => {
            past::answer(w, Localizer::For(language), room, asked).await.map(events)
        }
        _ => newest(w, req.headers(), room).await.map(|page| packing::pack(req.headers(), page)),
    };
    shown.unwrap_or_else(|unread| failure::of(language, unread))
}

async fn newest(w: &Worker, headers: &HeaderMap, room: &RoomName) -> Result<Response, ReadError> {
    let chat = &w.app.chat;
    let history = history(w, room, HistoryRange::Newest).await?;
    // Read after the history: what changes in between comes by the stream.
    let overview = chat.overview(room).await?;
    let elsewhere = Elsewhere::read(w, room, &history).await?;
    // Between a head below the floor and the floor the room has no events: to begin there misses nothing,
    // and does not announce a gap to somebody who opens a quiet room.
    let position = history.head.max(history.floor.saturating_sub(1));
    Ok(room::page(&room::View {
        language: Language::of(headers),
        room,
        me: w.app.identity.visitor(headers).as_ref(),
        history: &history,
        elsewhere: &elsewhere,
        place: Place { epoch: chat.epoch(), position },
        presence: &overview.presence,
        closed: overview.closed,
        origin: w.app.public_url.as_ref().map(PublicUrl::origin),
    }))
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

/// `GET /{room}/messages`: the page's stream. With `also=ROOM:PLACE`, as often as there are other rooms, it is the
/// stream of all of them: a browser has one for all of its tabs.
pub async fn stream(w: &Worker, req: &Request, room: &RoomName) -> Response {
    // A page of another site can make a browser come here: then nobody is shown to be in the room.
    let own = http::refuse_cross_site(req.headers(), w.app.public_url.as_ref()).is_ok();
    let reader = own.then(|| w.app.identity.visitor(req.headers())).flatten();
    let Some(also) = also(room, req.uri().query().unwrap_or_default()) else {
        // Only the script asks so, and it asks right.
        return error(
            Language::of(req.headers()),
            StatusCode::BAD_REQUEST,
            &LocalizedMessage::of("malformed"),
        );
    };
    if also.is_empty() {
        return follow::respond(w, req, room, reader, (w.app.frames.html, frame::Dialect)).await;
    }
    let rooms = std::iter::once((room.clone(), place(req))).chain(also).collect();
    let format = (w.app.frames.html, frame::Dialect, frame::room as Marker);
    follow::respond_several(w, req, rooms, reader, format).await
}

/// The rooms that a stream is asked for beside its own; `None` when there are too many, one is none, or one comes twice:
/// each is a reader of its own.
fn also(own: &RoomName, query: &str) -> Option<Vec<(RoomName, From)>> {
    let asked = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "also");
    let mut rooms = Vec::new();
    for (_, value) in asked {
        let (name, place) = value.split_once(':')?;
        let from = place.parse().map_or(From::Malformed, From::After);
        let room = paths::room(Some(name))?;
        if room == *own || rooms.iter().any(|(other, _)| *other == room) || rooms.len() + 2 > ROOMS_MAX {
            return None;
        }
        rooms.push((room, from));
    }
    Some(rooms)
}

/// `POST /{room}/name`: makes the visitor a guest, or renames one. To Datastar it answers with the foot of
/// the room as it is now; a plain form is sent back to the room.
pub async fn name(w: &Worker, req: Request, room: &RoomName) -> Response {
    let language = Language::of(req.headers());
    if let Err(foreign) = http::refuse_cross_site(req.headers(), w.app.public_url.as_ref()) {
        return error(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let by_datastar = is_datastar(req.headers());
    let me = w.app.identity.visitor(req.headers());
    let allowed = if me.is_none() { w.app.limits.guest(&req) } else { Ok(()) };
    let body = match body::read(req.into_body(), body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return failure::of(language, broken),
    };
    let typed = field(&body, "name");
    // The form again, with what was typed and why it was not taken.
    let again = |why: &LocalizedMessage| {
        let refused = Refused { typed: &typed, why };
        let composer = composer::composer(language, room.as_str(), me.as_ref(), Some(refused));
        events(frame::composer(composer, true))
    };
    let clean = match (text::name(&typed), allowed) {
        (Ok(clean), Ok(())) => clean,
        (Err(refused), _) if by_datastar => return again(&refused.localize()),
        (Err(refused), _) => return failure::of(language, refused),
        (_, Err(limited)) if by_datastar => return again(&limited.localize()),
        (_, Err(limited)) => return failure::of(language, limited),
    };
    let me = me.map_or_else(|| Identity::new_guest(&clean), |me| Identity::renamed(&me, &clean));
    let mut response = if by_datastar {
        events(frame::composer(composer::composer(language, room.as_str(), Some(&me), None), false))
    } else {
        back_to(room)
    };
    http::set(&mut response, SET_COOKIE, w.app.identity.set_cookie(&me));
    response
}

/// `POST /{room}/language`: the visitor's choice of a language, kept by their browser; then back to the room.
pub async fn language(w: &Worker, req: Request, room: &RoomName) -> Response {
    let now = Language::of(req.headers());
    if let Err(foreign) = http::refuse_cross_site(req.headers(), w.app.public_url.as_ref()) {
        return error(now, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let body = match body::read(req.into_body(), body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return failure::of(now, broken),
    };
    let Some(chosen) = Language::by_code(&field(&body, "language")) else {
        return error(now, StatusCode::UNPROCESSABLE_ENTITY, &LocalizedMessage::of("malformed"));
    };
    let by_tls = w.app.public_url.as_ref().is_some_and(PublicUrl::is_tls);
    let mut response = back_to(room);
    http::set(&mut response, SET_COOKIE, i18n::set_language_cookie(chosen, by_tls));
    response
}

/// What a form says in this field.
fn field(body: &[u8], name: &str) -> String {
    let said = form_urlencoded::parse(body).find(|(field, _)| field == name);
    said.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// A form without script is answered by the room as it is now.
fn back_to(room: &RoomName) -> Response {
    let mut back = http::empty(StatusCode::SEE_OTHER);
    let room = HeaderValue::from_str(&format!("/{room}")).expect("a room's name is visible ASCII");
    http::set(&mut back, LOCATION, room);
    back
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
