//! The page's stream.

use hyper::StatusCode;
use millchat::{RoomName, StartFrom};

use super::error;
use super::frame;
use super::i18n::LocalizedMessage;
use crate::access::table::Action;
use crate::follow::Followed;
use crate::http::Response;
use crate::room_address::Surface;
use crate::route_table::{Call, Decision};
use crate::sse::multi_room::{ROOMS_MAX, RoomMarker};
use crate::sse::start::place;
use crate::sse::stream::SseFormat;
use crate::{cross_site, follow, paths};

/// `GET /{room}/messages`: the stream of the page, or of a panel. With `also=ROOM:PLACE`, as often as there
/// are other rooms, it is the stream of all of them: a browser has one for all of its tabs.
pub async fn stream(call: Call<'_>, room: RoomName, decided: Decision) -> Response {
    match call.surface {
        Surface::Page => follow(call, room, decided, frame::SseFormat).await,
        Surface::Panel => follow(call, room, decided, frame::PanelSseFormat).await,
    }
}

async fn follow(
    Call { w, req, allowed, language, .. }: Call<'_>,
    room: RoomName,
    decided: Decision,
    format: impl SseFormat + Copy,
) -> Response {
    // A page of another site can make a browser come here: then nobody is shown to be in the room.
    let own = cross_site::refuse(req.headers(), w.app.public_url.as_ref()).is_ok();
    let Some(also) = also(&room, req.uri().query().unwrap_or_default()) else {
        // Only the script asks so, and it asks right.
        return error::page(language, StatusCode::BAD_REQUEST, &LocalizedMessage::of("malformed"));
    };
    if also.is_empty() {
        return follow::respond(w, &req, &room, (decided, own), (w.app.frames.html, format)).await;
    }
    let decide = |room: &RoomName| {
        let decided = w.app.authority.decide(allowed.caller.clone(), room, Action::Read);
        decided.map_err(|(_, denial)| denial)
    };
    let also = also.into_iter().map(|(room, from)| Followed { decided: decide(&room), room, from });
    let first = Followed { from: place(&req, w.app.chat.epoch()), room, decided };
    let rooms = std::iter::once(first).chain(also).collect();
    let format = (w.app.frames.html, format, frame::room as RoomMarker);
    follow::respond_several(w, &req, (rooms, own), format).await
}

/// The rooms that a stream is asked for beside its own; `None` when there are too many, one is none, or one
/// comes twice: each is a reader of its own.
fn also(own: &RoomName, query: &str) -> Option<Vec<(RoomName, StartFrom)>> {
    let asked = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "also");
    let mut rooms = Vec::new();
    for (_, value) in asked {
        let (name, place) = value.split_once(':')?;
        let from = place.parse().map_or(StartFrom::Malformed, StartFrom::After);
        let room = paths::room(Some(name))?;
        if room == *own || rooms.iter().any(|(other, _)| *other == room) || rooms.len() + 2 > ROOMS_MAX {
            return None;
        }
        rooms.push((room, from));
    }
    Some(rooms)
}
