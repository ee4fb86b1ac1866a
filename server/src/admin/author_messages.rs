//! Everything that one author wrote in all rooms, taken away by the operator: in steps, as an author does it.

use crate::actions::{self, Moderation};
use crate::admin::operator::by;
use crate::api::author_messages::is_deleted;
use crate::api::everywhere::{answer, find};
use crate::api::members::author;
use crate::problem::Answer;
use crate::route_table::Call;

/// Delete what an author wrote, in all rooms.
pub async fn delete(call: Call<'_>) -> Answer {
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
