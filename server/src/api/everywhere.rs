//! Everything that one author wrote in all rooms, taken away by the author or by an operator.
//!
//! One request walks over a bounded part of the rooms, by name, and deletes a bounded number of messages, each by an
//! event of its own, as if it had been done one by one. The answer names the place at which the next request goes on.

use hyper::StatusCode;
use millchat::{Author, Chat, HistoryRange, PAGE_MESSAGES_MAX, Position, ReadError, RoomName};

use super::author_messages::{DELETED_MAX, is_deleted, of_author};
use super::place::{Place, Places};
use super::room_shapes::DeletedEverywhere;
use crate::access::decide::Caller;
use crate::access::table::Action;
use crate::actions;
use crate::app::Worker;
use crate::http::{self, Request};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;

/// Most rooms that one request looks into. Each is one read of the log.
const ROOMS_MAX: usize = 16;
/// Most messages that one request looks at, of all authors.
const LOOKED_AT_MAX: usize = PAGE_MESSAGES_MAX;

/// Delete what whoever asks wrote, also as the guest that they were, in all rooms in which they may write.
pub async fn delete_own(Call { w, req, .. }: Call<'_>) -> Answer {
    let person = w.app.identity.bearer(req.headers())?;
    let author = person.author.clone();
    let found = find(w, &req, |by| person.ids().any(|id| *id == by.id)).await?;
    let caller = Caller::of(Ok(person));
    let (mut deleted, mut kept) = (0, 0);
    for (room, at) in found.messages {
        let Ok(allowed) = w.app.authority.decide(caller.clone(), &room, Action::Write) else {
            kept += 1;
            continue;
        };
        if let Err(limited) = w.app.limits.message(&author, &req) {
            if deleted == 0 {
                return Err(limited.into());
            }
            // What the limit leaves is for the next request.
            let here = Place { room, before: Some(at + 1) };
            return Ok(answer(w, deleted, kept, Some(&here)));
        }
        deleted += usize::from(is_deleted(actions::delete(w, &room, &allowed, at).await)?);
    }
    Ok(answer(w, deleted, kept, found.next.as_ref()))
}

/// Answers with the numbers of messages, and the place at which the next request goes on.
pub fn answer(w: &Worker, deleted: usize, kept: usize, next: Option<&Place>) -> http::Response {
    let next = next.map(|place| places(w).text(place));
    http::json(StatusCode::OK, &DeletedEverywhere { deleted, kept, next })
}

fn places(w: &Worker) -> Places {
    Places::new(&w.app.chat.signing_key())
}

/// Messages that one request found.
#[derive(Default)]
pub struct Found {
    /// By room and position.
    pub messages: Vec<(RoomName, Position)>,
    /// The place at which the next request goes on.
    pub next: Option<Place>,
}

/// Looks for messages from the place on that the request names.
pub async fn find(w: &Worker, req: &Request, is_theirs: impl Fn(&Author) -> bool) -> Result<Found, Problem> {
    let from = http::query(req, "from").map(|text| {
        let malformed = || Problem::new(Kind::MalformedParameter, "from is the `next` of another answer");
        places(w).read(&text).ok_or_else(malformed)
    });
    let from = from.transpose()?;
    w.app.limits.read(req)?;
    let _turn = w.app.turns.read(req).await;
    Ok(walk(&w.chat_for(req), from, is_theirs).await?)
}

async fn walk(
    chat: &Chat,
    from: Option<Place>,
    is_theirs: impl Fn(&Author) -> bool,
) -> Result<Found, ReadError> {
    let begun = from.as_ref().and_then(|place| Some((place.room.clone(), place.before?)));
    let heads = chat.rooms(from.as_ref().map(|place| place.room.clone()), ROOMS_MAX).await?;
    let is_last = heads.len() < ROOMS_MAX;
    let begun = begun.map(|(room, before)| (room, HistoryRange::Before(before)));
    let rooms = heads.into_iter().map(|head| (head.room, HistoryRange::Newest));
    let (mut found, mut looked_at) = (Found { next: from, ..Found::default() }, 0);
    for (room, range) in begun.into_iter().chain(rooms) {
        if looked_at >= LOOKED_AT_MAX || found.messages.len() >= DELETED_MAX {
            return Ok(found);
        }
        let page = chat.history(&room, range, LOOKED_AT_MAX - looked_at).await?;
        looked_at += page.messages.len();
        let (positions, before) = of_author(&page, DELETED_MAX - found.messages.len(), &is_theirs);
        found.messages.extend(positions.into_iter().map(|at| (room.clone(), at)));
        found.next = Some(Place { room, before });
        // The rest of a room is for the next request: one reads a room once.
        if before.is_some() {
            return Ok(found);
        }
    }
    if is_last {
        found.next = None;
    }
    Ok(found)
}
