//! The page of a room.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::HeaderMap;
use millchat::{Chat, EventId, HistoryRange, ReadError, RoomName};

use super::form::{events, is_datastar};
use super::history::{self, HistoryQuery};
use super::i18n::{Language, Localizer};
use super::quote::{self, QuotedMessages};
use super::room_view::{self, View};
use super::{error, gzip, layout, new_room};
use crate::access::authority::Allowed;
use crate::access::settings::{Guests, Policy};
use crate::app::Worker;
use crate::current::current;
use crate::http::{self, Response};
use crate::public_url::PublicUrl;
use crate::route_table::Call;

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
    let may_open_private = new_room::may_open_private(w, &allowed.caller);
    // A room that nobody reads without a token has nothing for search engines.
    let is_indexed = rules.of(&room).policy == Policy::Public && rules.of(&room).guests() != Guests::None;
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
            let page = room_view::document(
                &View {
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
                    may_open_private,
                },
                is_indexed,
            );
            if packed { gzip::pack(page.as_bytes()) } else { page.into_bytes() }
        };
        Ok((w.app.turns.render(render).await, texts_of))
    });
    let mut response = layout::answer(StatusCode::OK, page.await?);
    if is_indexed {
        response.headers_mut().remove(layout::ROBOTS);
    }
    gzip::mark(&mut response, packed);
    Ok(response)
}
