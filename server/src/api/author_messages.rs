//! Everything that one author wrote in a room, taken away by a moderator.
//!
//! One request looks at a bounded part of the room, from its newest message back, and deletes a bounded number of
//! messages, each by an event of its own, as if the moderator had done it one by one.

use hyper::StatusCode;
use millchat::{HistoryPage, HistoryRange, PAGE_MESSAGES_MAX, Position, RoomName, SendError};

use super::input;
use super::members::{author, confirm_above};
use super::room_shapes::AuthorDeleted;
use crate::actions::{self, ActError, Moderation};
use crate::admin::operator::doer;
use crate::http;
use crate::problem::Answer;
use crate::route_table::Call;

/// Most messages of a room that one request looks at, of all authors.
const LOOKED_AT_MAX: usize = PAGE_MESSAGES_MAX;
/// Most messages that one request deletes.
const DELETED_MAX: usize = 100;

/// Delete what an author wrote in a room: the newest of it, or the newest before a position.
pub async fn delete(call: Call<'_>, room: RoomName) -> Answer {
    let (target, by) = (author(&call)?, doer(&call)?);
    let Call { w, req, mut allowed, .. } = call;
    confirm_above(w, &mut allowed, &room, &target)?;
    let before = http::query(&req, "before").map(|before| input::position("before", &before)).transpose()?;
    w.app.limits.read(&req)?;
    let range = before.map_or(HistoryRange::Newest, HistoryRange::Before);
    let (found, before) = {
        let _turn = w.app.turns.read(&req).await;
        let page = w.chat_for(&req).history(&room, range, LOOKED_AT_MAX).await?;
        of_author(&page, &target)
    };
    tracing::info!(%room, author = target, by = %by.name, deed = "delete-author", "moderation");
    let mut deleted = 0;
    for at in found {
        // Each takes its time, and the right may end meanwhile.
        confirm_above(w, &mut allowed, &room, &target)?;
        match actions::moderate(w, &room, (&allowed, by.clone()), Moderation::Delete(at)).await {
            Ok(_) => deleted += 1,
            // Somebody else was faster.
            Err(ActError::Send(SendError::TargetDeleted(_) | SendError::UnknownTarget(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    w.app.metrics.moderated("delete-author");
    Ok(http::json(StatusCode::OK, &AuthorDeleted { deleted, before }))
}

/// Returns the messages of an author on a page that can be deleted by one request, newest first, and the position
/// before which to go on.
fn of_author(page: &HistoryPage, author_id: &str) -> (Vec<Position>, Option<Position>) {
    let of_author = page.messages.iter().rev().filter(|message| {
        message.content.is_some() && message.author.as_ref().is_some_and(|author| *author.id == *author_id)
    });
    let mut found: Vec<_> = of_author.map(|message| message.position).take(DELETED_MAX + 1).collect();
    if found.len() <= DELETED_MAX {
        return (found, page.older);
    }
    found.truncate(DELETED_MAX);
    let last = found.last().copied();
    (found, last)
}
