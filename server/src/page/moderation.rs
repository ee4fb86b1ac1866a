//! Moderation at the page: what moderators and owners do in a room, by the script of the room or by the forms of
//! the page of moderation, which work without script.
//!
//! Each act is the API's: here its answer is made one for a browser. The router decides who may do it.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use maud::Markup;
use millchat::{Position, RoomName};

use super::form::is_form;
use super::i18n::Language;
use super::moderation_view::{self, Flagged, View};
use super::{error, layout};
use crate::access::authority::Allowed;
use crate::access::role::Role;
use crate::access::{deeds, flags, invitations};
use crate::app::Worker;
use crate::current::current;
use crate::http::{self, Response};
use crate::problem::Answer;
use crate::route_table::Call;

/// People of a list, and flagged messages. More are listed by the API.
const LISTED_MAX: usize = 100;

/// `GET /{room}/moderation`: the flags and the bans of a room, and for its owners its members and invitations.
pub async fn moderation(call: Call<'_>, room: RoomName) -> Response {
    let Call { w, req, allowed, language, .. } = call;
    let shown = shown((w, language), &req, (&allowed, &room), None).await;
    shown.unwrap_or_else(|problem| error::of(language, problem))
}

/// Returns the page; above its lists `made`, which is shown only this once.
pub async fn shown<B>(
    (w, language): (&Worker, &'static Language),
    req: &hyper::Request<B>,
    (allowed, room): (&Allowed, &RoomName),
    made: Option<Markup>,
) -> Answer {
    w.app.limits.read(req)?;
    let _turn = w.app.turns.read(req).await;
    let chat = w.chat_for(req);
    let is_owner = allowed.standing.role >= Some(Role::Owner);
    let title = w.app.authority.rules().of(room).title.clone();
    let page = current(&chat, async || {
        let overview = chat.overview(room).await?;
        let flags = flags::list(&chat, room, None, LISTED_MAX);
        let mut flagged = Vec::new();
        for of in flags.chunk_by(|flag, next| flag.position == next.position) {
            // One by one, and only their beginnings: the texts together would take too much memory.
            let message = chat.message(room, of[0].position).await?;
            flagged.extend(message.and_then(|message| Flagged::of(message, of)));
        }
        let texts_of = flagged.iter().map(|it| it.position).collect();
        let bans = deeds::bans(&chat, room, None, LISTED_MAX);
        let members = if is_owner { deeds::members(&chat, room, None, LISTED_MAX) } else { Vec::new() };
        let invitations = if is_owner { invitations::list(&chat, room) } else { Vec::new() };
        let (room, title, made) = (room.clone(), title.clone(), made.clone());
        let (role, closed) = (allowed.standing.role, overview.closed);
        let render = move || {
            moderation_view::document(&View {
                language,
                room: &room,
                title,
                role,
                closed,
                flagged,
                bans,
                members,
                invitations,
                made,
            })
        };
        Ok((w.app.turns.render(render).await, texts_of))
    });
    Ok(layout::answer(StatusCode::OK, page.await?))
}

/// Lets the API do what a route of the page shares with it. A form is sent back to the page of moderation; the
/// script gets a bare status.
pub async fn act(
    call: Call<'_>,
    room: RoomName,
    act: impl AsyncFnOnce(Call<'_>, RoomName) -> Answer,
) -> Response {
    let (language, by_form) = (call.language, is_form(call.req.headers()));
    match act(call, room.clone()).await {
        Err(problem) => error::of(language, problem),
        Ok(_) if by_form => {
            let mut back = http::empty(StatusCode::SEE_OTHER);
            let page = HeaderValue::from_str(&format!("/{room}/moderation"));
            http::set(&mut back, LOCATION, page.expect("a room's name is visible ASCII"));
            back
        }
        Ok(_) => http::empty(StatusCode::NO_CONTENT),
    }
}

/// The same for a step of something long: the script gets the API's answer, which says where to go on.
pub async fn step(
    call: Call<'_>,
    room: RoomName,
    step: impl AsyncFnOnce(Call<'_>, RoomName) -> Answer,
) -> Response {
    if is_form(call.req.headers()) {
        return act(call, room, step).await;
    }
    let language = call.language;
    step(call, room).await.unwrap_or_else(|problem| error::of(language, problem))
}

/// The same for an act on a message.
pub async fn act_at(
    call: Call<'_>,
    room: RoomName,
    target: Position,
    at: impl AsyncFnOnce(Call<'_>, RoomName, Position) -> Answer,
) -> Response {
    act(call, room, async |call, room| at(call, room, target).await).await
}
