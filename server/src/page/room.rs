//! The page of a room, and the way to a fresh one.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::HeaderMap;
use millchat::{Chat, EventId, HistoryRange, ReadError, RoomName};
use rand::RngExt;
use rand::distr::Alphanumeric;

use super::form::{events, is_datastar};
use super::history::{self, HistoryQuery};
use super::i18n::{Language, Localizer};
use super::quote::{self, QuotedMessages};
use super::room_view::{self, View};
use super::{error, gzip, layout};
use crate::access::authority::Allowed;
use crate::access::decide::Caller;
use crate::access::pattern::Pattern;
use crate::access::table::Action;
use crate::app::Worker;
use crate::current::current;
use crate::http::{self, Response};
use crate::identity::TokenError;
use crate::paths;
use crate::public_url::PublicUrl;
use crate::route_table::Call;

/// Letters and digits of a fresh room's name: 190 bits, so nobody finds it who was not told.
const FRESH_ROOM_CHARS: usize = 32;

/// Tries of a name that nobody has used: of short patterns there are few.
const FRESH_ROOM_TRIES: usize = 8;

/// `GET /`, `GET /new`: to a fresh random room that the visitor may use; where the operator's list has none, to
/// the first room of the list.
pub async fn home(Call { w, req, .. }: Call<'_>) -> Response {
    let rules = w.app.authority.rules();
    let Some(rooms) = &rules.rooms else { return http::redirect(&format!("/{}", letters())) };
    let caller = Caller::of(w.app.identity.visitor(req.headers()).ok_or(TokenError::Missing));
    for pattern in rooms {
        for _ in 0..FRESH_ROOM_TRIES {
            let Some(room) =
                pattern.filled(&letters()).filter(|room| paths::room(Some(room.as_str())).is_some())
            else {
                break;
            };
            let Ok(allowed) = w.app.authority.decide(caller.clone(), &room, Action::Read) else { break };
            if w.app.authority.may_begin(&allowed).is_err() {
                break;
            }
            if w.app.chat.overview(&room).await.is_ok_and(|overview| overview.head == 0) {
                return http::redirect(&format!("/{room}"));
            }
        }
    }
    let first = rooms.iter().find_map(Pattern::plain).or_else(|| rooms.first()?.filled(&letters()));
    http::redirect(&first.map_or("/".to_owned(), |room| format!("/{room}")))
}

fn letters() -> String {
    rand::rng().sample_iter(Alphanumeric).take(FRESH_ROOM_CHARS).map(char::from).collect()
}

/// `GET /{room}`: the page. With a query, asked for by the page itself, it brings history into it, or is the
/// quote of a message.
pub async fn room(Call { w, req, allowed, language, .. }: Call<'_>, room: RoomName) -> Response {
    if let Err(limited) = w.app.limits.read(&req) {
        return error::of(language, limited);
    }
    let _turn = w.app.turns.read(&req).await;
    let chat = w.chat_for(&req);
    if let Some(target) = http::query(&req, "quote").and_then(|target| target.parse().ok()) {
        let quote = quote::answer(&w.app.turns, &chat, Localizer::For(language), &room, target).await;
        return quote.unwrap_or_else(|unread| error::of(language, unread));
    }
    let shown = match HistoryQuery::of(&req) {
        Some(query) if is_datastar(req.headers()) => {
            history::answer(&w.app.turns, &chat, Localizer::For(language), &room, query).await.map(events)
        }
        _ => newest(w, &chat, (req.headers(), &allowed), room, language).await,
    };
    shown.unwrap_or_else(|unread| error::of(language, unread))
}

async fn newest(
    w: &Worker,
    chat: &Chat,
    (headers, allowed): (&HeaderMap, &Allowed),
    room: RoomName,
    language: &'static Language,
) -> Result<Response, ReadError> {
    let packed = gzip::accepted(headers);
    let rules = w.app.authority.rules();
    // Who has no name yet is asked for one where that is enough to write.
    let role = match &allowed.caller.person {
        Ok(_) => allowed.standing.role,
        Err(_) => rules.of(&room).guests().role(),
    };
    let page = current(chat, async || {
        let history = history::history(chat, &room, HistoryRange::Newest).await?;
        // Read after the history: what changes in between comes by the stream.
        let overview = chat.overview(&room).await?;
        let quoted = QuotedMessages::read(chat, &room, &history).await?;
        // Between a head below the floor and the floor the room has no events: to begin there misses nothing,
        // and does not announce a gap to somebody who opens a quiet room.
        let position = history.head.max(history.floor.saturating_sub(1));
        let place = EventId { epoch: chat.epoch(), position };
        let me = allowed.caller.person.as_ref().ok().cloned();
        let (app, room) = (Arc::clone(&w.app), room.clone());
        let (texts_of, rules) = (quoted.texts_of(&history), Arc::clone(&rules));
        let render = move || {
            let page = room_view::document(&View {
                language,
                room: &room,
                me: me.as_ref().map(|me| &me.author),
                was: me.as_ref().map(|me| me.was.as_slice()).unwrap_or_default(),
                history: &history,
                quoted: &quoted,
                place,
                presence: &overview.presence,
                closed: overview.closed,
                role,
                title: rules.of(&room).title.as_deref(),
                origin: app.public_url.as_ref().map(PublicUrl::origin),
                has_logins: app.has_logins(),
            });
            if packed { gzip::pack(page.as_bytes()) } else { page.into_bytes() }
        };
        Ok((w.app.turns.render(render).await, texts_of))
    });
    let mut response = layout::answer(StatusCode::OK, page.await?);
    gzip::mark(&mut response, packed);
    Ok(response)
}
