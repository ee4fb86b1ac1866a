//! Everything that one author wrote in a room, taken away by a moderator.
//!
//! One request looks at a bounded part of the room, from its newest message back, and deletes a bounded number of
//! messages, each by an event of its own, as if the moderator had done it one by one.

use hyper::StatusCode;
use millchat::{Author, HistoryPage, HistoryRange, PAGE_MESSAGES_MAX, Position, RoomName, SendError};

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
pub const DELETED_MAX: usize = 100;

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
        of_author(&page, DELETED_MAX, |author| *author.id == *target)
    };
    tracing::info!(%room, author = target, by = %by.name, deed = "delete-author", "moderation");
    let mut deleted = 0;
    for at in found {
        // Each takes its time, and the right may end meanwhile.
        confirm_above(w, &mut allowed, &room, &target)?;
        let done = actions::moderate(w, &room, (&allowed, by.clone()), Moderation::Delete(at)).await;
        deleted += usize::from(is_deleted(done)?);
    }
    w.app.metrics.moderated("delete-author");
    Ok(http::json(StatusCode::OK, &AuthorDeleted { deleted, before }))
}

/// Returns false if somebody else was faster.
pub fn is_deleted<T>(done: Result<T, ActError>) -> Result<bool, ActError> {
    match done {
        Ok(_) => Ok(true),
        Err(ActError::Send(SendError::TargetDeleted(_) | SendError::UnknownTarget(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the messages of an author on a page, newest first, `count_max` at most, and the position before which to go
/// on.
pub fn of_author(
    page: &HistoryPage,
    count_max: usize,
    is_theirs: impl Fn(&Author) -> bool,
) -> (Vec<Position>, Option<Position>) {
    let theirs = page
        .messages
        .iter()
        .rev()
        .filter(|message| message.content.is_some() && message.author.as_ref().is_some_and(&is_theirs));
    let mut found: Vec<_> = theirs.map(|message| message.position).take(count_max + 1).collect();
    if found.len() <= count_max {
        return (found, page.older);
    }
    found.truncate(count_max);
    let last = found.last().copied();
    (found, last)
}
