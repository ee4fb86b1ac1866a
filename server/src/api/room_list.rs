//! The list of rooms: those that the operator made public, and those in which whoever asks was given a role.
//!
//! It names no room that they may not read, nor says where between them such rooms are.

use hyper::StatusCode;
use millchat::RoomName;

use super::place::{Place, Places};
use super::room_shapes::{ListedRoom, ListedRooms};
use crate::access::decide::Caller;
use crate::access::kept;
use crate::access::pattern::Pattern;
use crate::access::settings::Policy;
use crate::access::table::Action;
use crate::app::Worker;
use crate::desk::{self, ROOMS_PER_READ};
use crate::http;
use crate::identity::TokenError;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::schema::Time;

/// Most rooms of a page.
const LISTED_MAX: usize = 100;
/// Most rooms that one request looks at, also those that are not for whoever asks.
const LOOKED_AT_MAX: usize = 1_024;
/// Rooms that are read at a time.
const READ: usize = 256;

/// The rooms that may be listed to whoever asks, by name.
pub async fn list(Call { w, req, .. }: Call<'_>) -> Answer {
    let person = match w.app.identity.bearer(req.headers()) {
        Err(error) if error != TokenError::Missing => return Err(error.into()),
        person => person,
    };
    let caller = Caller::of(person);
    let malformed = |detail: String| Problem::new(Kind::MalformedParameter, detail);
    let limit = match http::query(&req, "limit") {
        None => LISTED_MAX,
        Some(text) => http::clamped(&text, 1, LISTED_MAX)
            .ok_or_else(|| malformed(format!("limit is a number of 1 to {LISTED_MAX}")))?,
    };
    let pattern = http::query(&req, "match").map(|text| text.parse::<Pattern>()).transpose();
    let pattern = pattern.map_err(|error| malformed(error.to_string()))?;
    let places = Places::new(&w.app.chat.signing_key());
    let mut after = match http::query(&req, "after") {
        None => None,
        Some(text) => {
            let place = places.read(&text);
            Some(place.ok_or_else(|| malformed("after is the `next` of another page".to_owned()))?.room)
        }
    };
    let only_open = http::query(&req, "open").is_some_and(|open| open == "1");
    w.app.limits.read(&req)?;
    let _turn = w.app.turns.read(&req).await;
    let chat = w.chat_for(&req);
    let (mut rooms, mut looked_at) = (Vec::new(), 0);
    let next = 'pages: loop {
        let heads = chat.rooms(after.clone(), READ).await?;
        let is_last = heads.len() < READ;
        looked_at += heads.len();
        let (rules, floor) = (w.app.authority.rules(), chat.floor());
        for head in heads {
            after = Some(head.room.clone());
            let is_meant = pattern.as_ref().is_none_or(|pattern| pattern.matches(&head.room));
            let closed = chat.is_closed(&head.room);
            let is_left_out = head.head < floor || !is_meant || (only_open && closed);
            if is_left_out || !is_listed(w, &caller, &head.room) {
                continue;
            }
            let unread = if only_open { desk::unread(&chat, &rules, &head.room).await? } else { None };
            rooms.push(ListedRoom {
                unread,
                title: rules.of(&head.room).title.clone(),
                closed,
                head: head.head,
                last_at: Time(head.last_at),
                name: head.room,
            });
            if rooms.len() == limit || !is_paid(w, &req, &rooms) {
                break 'pages after;
            }
        }
        if is_last {
            break None;
        }
        // Each further look at the log counts as a read; without one left the page ends here.
        if looked_at >= LOOKED_AT_MAX || w.app.limits.read(&req).is_err() {
            break after;
        }
    };
    let next = next.map(|room| places.text(&Place::after(room)));
    Ok(http::json(StatusCode::OK, &ListedRooms { rooms, next }))
}

/// Returns false if what was read of the rooms of visitors has used up the reads of whoever asks.
fn is_paid(w: &Worker, req: &http::Request, rooms: &[ListedRoom]) -> bool {
    let read = rooms.iter().filter(|room| room.unread.is_some()).count();
    let is_due =
        read > 0 && read % ROOMS_PER_READ == 0 && rooms.last().is_some_and(|room| room.unread.is_some());
    !is_due || w.app.limits.read(req).is_ok()
}

/// Returns true if a room may be listed to somebody: they may read it, and it is public or a visitor's, or they were
/// given a role in it.
fn is_listed(w: &Worker, caller: &Caller, room: &RoomName) -> bool {
    let policy = w.app.authority.rules().of(room).policy;
    let is_public = matches!(policy, Policy::Public | Policy::Visitor);
    let is_member = || {
        let Ok(person) = &caller.person else { return false };
        person.ids().any(|id| kept::role(&w.app.chat, room, id).is_some())
    };
    (is_public || is_member()) && w.app.authority.decide(caller.clone(), room, Action::Read).is_ok()
}
