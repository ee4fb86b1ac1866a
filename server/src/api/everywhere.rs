//! Everything that one author wrote in all rooms, taken away by the author or by an operator.
//!
//! One request walks over a bounded part of the rooms, by name, and deletes a bounded number of messages, each by an
//! event of its own, as if it had been done one by one. The answer names the place at which the next request goes on.

use hyper::StatusCode;
use millchat::{Author, Chat, HistoryRange, PAGE_MESSAGES_MAX, Position, ReadError, RoomName, SendError};

use super::members::author;
use super::place::{Place, Places};
use super::room_shapes::DeletedEverywhere;
use crate::access::decide::Caller;
use crate::access::table::Action;
use crate::actions::{self, ActError, Moderation};
use crate::admin::operator::by;
use crate::app::Worker;
use crate::http::{self, Request};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;

/// Most rooms that one request looks into.
const ROOMS_MAX: usize = 64;
/// Most messages that one request looks at, of all authors.
const LOOKED_AT_MAX: usize = PAGE_MESSAGES_MAX;
/// Most messages that one request deletes.
const DELETED_MAX: usize = 100;

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

/// Delete what an author wrote, in all rooms; for operators.
pub async fn delete_of(call: Call<'_>) -> Answer {
    let (target, by) = (author(&call)?, by(&call)?);
    let Call { w, req, allowed, .. } = call;
    let found = find(w, &req, |author| *author.id == *target).await?;
    tracing::info!(author = target, by = %by.name, deed = "delete-author-everywhere", "moderation");
    let mut deleted = 0;
    for (room, at) in found.messages {
        // Each takes its time, and the right may end meanwhile.
        w.app.authority.confirm_outside(&allowed)?;
        let done = actions::moderate(w, &room, (&allowed, by.clone()), Moderation::Delete(at)).await;
        deleted += usize::from(is_deleted(done)?);
    }
    w.app.metrics.moderated("delete-author-everywhere");
    Ok(answer(w, deleted, 0, found.next.as_ref()))
}

/// Returns false if somebody else was faster.
fn is_deleted<T>(done: Result<T, ActError>) -> Result<bool, ActError> {
    match done {
        Ok(_) => Ok(true),
        Err(ActError::Send(SendError::TargetDeleted(_) | SendError::UnknownTarget(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

fn answer(w: &Worker, deleted: usize, kept: usize, next: Option<&Place>) -> http::Response {
    let next = next.map(|place| places(w).text(place));
    http::json(StatusCode::OK, &DeletedEverywhere { deleted, kept, next })
}

fn places(w: &Worker) -> Places {
    Places::new(&w.app.chat.signing_key())
}

/// Messages that one request found.
#[derive(Default)]
struct Found {
    messages: Vec<(RoomName, Position)>,
    /// The place at which the next request goes on.
    next: Option<Place>,
}

/// Looks for messages from the place on that the request names.
async fn find(w: &Worker, req: &Request, is_theirs: impl Fn(&Author) -> bool) -> Result<Found, Problem> {
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
    for (room, mut range) in begun.into_iter().chain(rooms) {
        loop {
            if looked_at >= LOOKED_AT_MAX || found.messages.len() >= DELETED_MAX {
                return Ok(found);
            }
            let page = chat.history(&room, range, LOOKED_AT_MAX - looked_at).await?;
            looked_at += page.messages.len();
            let mut before = page.older;
            for message in page.messages.iter().rev() {
                if message.content.is_none() || !message.author.as_ref().is_some_and(&is_theirs) {
                    continue;
                }
                found.messages.push((room.clone(), message.position));
                if found.messages.len() >= DELETED_MAX {
                    before = Some(message.position);
                    break;
                }
            }
            found.next = Some(Place { room: room.clone(), before });
            match before {
                Some(before) => range = HistoryRange::Before(before),
                None => break,
            }
        }
    }
    if is_last {
        found.next = None;
    }
    Ok(found)
}
