//! The page of a room.

use std::sync::Arc;

use hyper::StatusCode;
use millchat::{Chat, EventId, HistoryRange, ReadError, RoomName};

use super::form::{events, is_datastar};
use super::history::{self, HistoryQuery};
use super::i18n::{Language, Localizer};
use super::look::Look;
use super::quote::{self, QuotedMessages};
use super::room_view::{self, View};
use super::{composer, error, gzip, layout, new_room};
use crate::access::authority::Allowed;
use crate::access::settings::{Guests, Policy};
use crate::app::Worker;
use crate::current::current;
use crate::http::{self, Response};
use crate::public_url::PublicUrl;
use crate::room_address::Surface;
use crate::route_table::Call;

/// `GET /{room}`: the page, or the panel. With a query, asked for by the page itself, it brings history into
/// it, or is the quote of a message. A panel asks for its whole body, too.
pub async fn room(call: Call<'_>, room: RoomName) -> Response {
    let Call { w, ref req, ref allowed, language, surface, .. } = call;
    if let Err(limited) = w.app.limits.read(req) {
        return error::of(language, limited);
    }
    let _turn = w.app.turns.read(req).await;
    let chat = w.chat_for(req);
    if let Some(target) = http::query(req, "quote").and_then(|target| target.parse().ok()) {
        let quote = quote::answer(&w.app.turns, &chat, Localizer::For(language), &room, target).await;
        return quote.unwrap_or_else(|unread| error::of(language, unread));
    }
    let look = (surface == Surface::Panel).then(|| Look::of(req));
    let by_datastar = is_datastar(req.headers());
    let shown = match (HistoryQuery::of(req), &look) {
        (Some(query), _) if by_datastar => {
            history::answer(&w.app.turns, &chat, Localizer::For(language), &room, query).await.map(events)
        }
        (None, Some(_)) if by_datastar => {
            newest(w, &chat, allowed, (room, look, language), Form::Patch).await.map(|(body, _)| events(body))
        }
        _ => {
            let packed = gzip::accepted(req.headers());
            newest(w, &chat, allowed, (room, look, language), Form::Page { packed }).await.map(
                |(page, is_indexed)| {
                    let mut response = layout::answer(StatusCode::OK, page);
                    if is_indexed {
                        response.headers_mut().remove(layout::ROBOTS);
                    }
                    gzip::mark(&mut response, packed);
                    response
                },
            )
        }
    };
    shown.unwrap_or_else(|unread| error::of(language, unread))
}

/// The form of a room with its newest messages.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A document.
    Page { packed: bool },
    /// A patch of the body of a panel.
    Patch,
}

/// Returns the room with its newest messages, and true if search engines may have it.
async fn newest(
    w: &Worker,
    chat: &Chat,
    allowed: &Allowed,
    (room, look, language): (RoomName, Option<Look>, &'static Language),
    form: Form,
) -> Result<(Vec<u8>, bool), ReadError> {
    let rules = w.app.authority.rules();
    // Who has no name yet is asked for one where that is enough to write.
    let role = match &allowed.caller.person {
        Ok(_) => allowed.standing.role,
        Err(_) => rules.of(&room).guests().role(),
    };
    let may_open_private = look.is_none() && new_room::may_open_private(w, &allowed.caller);
    // A room that nobody reads without a token has nothing for search engines.
    let is_open = rules.of(&room).guests() != Guests::None;
    let is_public = rules.of(&room).policy == Policy::Public && is_open;
    let is_indexed = is_public && look.is_none();
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
        let (app, room, look) = (Arc::clone(&w.app), room.clone(), look.clone());
        let bots: Vec<_> =
            w.app.bots.iter().filter(|bot| bot.rooms.contains(&room)).map(|bot| bot.author.clone()).collect();
        let (texts_of, rules) = (quoted.texts_of(&history), Arc::clone(&rules));
        let render = move || {
            let view = View {
                language,
                room: &room,
                look: look.as_ref(),
                reader: composer::reader(me.as_ref(), app.has_logins()),
                history: &history,
                quoted: &quoted,
                place,
                presence: &overview.presence,
                bots: &bots,
                closed: overview.closed,
                role,
                title: rules.of(&room).title.as_deref(),
                origin: app.public_url.as_ref().map(PublicUrl::origin),
                is_open,
                may_open_private,
            };
            match form {
                Form::Page { packed: true } => gzip::pack(room_view::document(&view, is_indexed).as_bytes()),
                Form::Page { packed: false } => room_view::document(&view, is_indexed).into_bytes(),
                Form::Patch => room_view::patch(&view),
            }
        };
        Ok((w.app.turns.render(render).await, texts_of))
    });
    Ok((page.await?, is_indexed))
}
