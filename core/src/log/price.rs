//! The price of a record beside its own bytes: the rows and records that it makes the log rewrite or remove.
//!
//! One unit is a record that is rewritten or a row that is removed, and costs at most [`UNIT_PAGES`] pages of
//! free space. The writer adds up the prices of a batch and closes it before it is past [`BATCH_PRICE_MAX`]:
//! so nobody waits longer for the batch of somebody else, and no batch demands more free space.

use crate::event::Body;
use crate::log::contract::{Counts, Payload};

/// Most units of one batch: a few tens of milliseconds, and 64 MiB of free space.
pub(crate) const BATCH_PRICE_MAX: usize = 8_192;
/// Pages that one unit may cost: the leaf of a row or a record, and what leads to it.
pub(crate) const UNIT_PAGES: usize = 2;
/// Units of a row in a table beside the log.
const ROW: usize = 2;

/// Most edits that a delete erases in its own commit. With more, all of them are erased in steps.
pub(crate) const DELETE_EDITS_AT_ONCE_MAX: usize = 16;
/// Most edits that one commit erases for the deletes before it.
pub(crate) const ERASE_EDITS_MAX: usize = 256;
/// Most commits after which no edit of a deleted message has its text any more.
pub(crate) const ERASE_COMMITS_MAX: usize = 64;
/// Most edits that may wait to be erased: a delete that would bring more waits itself.
pub(crate) const EDITS_TO_ERASE_MAX: usize = ERASE_EDITS_MAX * ERASE_COMMITS_MAX;

/// The price of removing the pack of the search index over a message: its two rows.
const PACK: usize = 2 * ROW;
/// The price of an edit: rows of the edit and of the count, and the pack.
pub(crate) const EDIT: usize = 2 * ROW + PACK;
/// The price of a reaction: rows of the reaction and of the count.
pub(crate) const REACTION: usize = 2 * ROW;
/// The price of closing, opening and purging a room, and of bans.
pub(crate) const MODERATION: usize = ROW;

/// The price of setting and removing a kept value: its row, and the record before it that is erased.
pub(crate) const VALUE: usize = ROW + 1;

/// Returns the price of the delete of a message with these edits and reactions.
pub(crate) fn delete(counts: &Counts) -> usize {
    let reactions = counts.all_reactions();
    let edits = if erased_later(counts) > 0 { ROW } else { counts.edits };
    let rows = if reactions > 0 { ROW } else { 0 } + if reactions + counts.edits > 0 { ROW } else { 0 };
    1 + ROW + edits + reactions + rows + PACK
}

/// Returns the number of edits that the delete of a message leaves to later commits.
pub(crate) fn erased_later(counts: &Counts) -> usize {
    if counts.edits > DELETE_EDITS_AT_ONCE_MAX { counts.edits } else { 0 }
}

/// Returns the price of a record that is no delete.
pub(crate) fn of(payload: &Payload) -> usize {
    match payload {
        Payload::Event { body: Body::Message { .. }, .. } => 0,
        Payload::Event { body: Body::Edit { .. }, .. } => EDIT,
        Payload::Event { body: Body::Reaction { .. }, .. } => REACTION,
        Payload::Event { .. } | Payload::Ban(_) | Payload::Unban(_) => MODERATION,
        Payload::SetValue { .. } | Payload::RemoveValue(_) => VALUE,
    }
}
