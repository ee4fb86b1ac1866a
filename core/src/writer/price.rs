//! The price of a request: the work that it makes for the writer beside appending its record.
//!
//! It is known before the work begins: from the kind of the request, and for a delete from the stored counts
//! of its target.

use crate::event::{Action, Position};
use crate::log::{Counts, LogError, price};
use crate::writer::queue::Request;

/// Units of a look-up of a record or a row.
const LOOKUP: usize = 1;

/// See the module.
#[derive(Clone, Copy, Default)]
pub(super) struct Price {
    /// Units for looking at its target, also when it is refused then.
    pub lookup: usize,
    /// Units for the rows and records that it makes the log rewrite and remove.
    pub rewrite: usize,
    /// Edits that it leaves to be erased by later commits.
    pub edits_to_erase: usize,
}

impl Price {
    /// Returns the price of a request. Asks for the counts of a message that it deletes.
    pub fn of(
        request: &Request,
        counts: impl FnOnce(Position) -> Result<Counts, LogError>,
    ) -> Result<Self, LogError> {
        let (lookup, rewrite, edits_to_erase) = match request {
            Request::Ban(_) => (0, price::MODERATION, 0),
            Request::SetValue(..) | Request::RemoveValue(..) => (0, price::VALUE, 0),
            Request::Send(_, draft, _) => match draft.action {
                // A key may be one of an earlier message, which is read then.
                Action::Post { reply_to, .. } => {
                    let named = usize::from(draft.key.is_some()) + usize::from(reply_to.is_some());
                    (named * LOOKUP, 0, 0)
                }
                Action::Edit { .. } => (2 * LOOKUP, price::EDIT, 0),
                Action::React { .. } => (3 * LOOKUP, price::REACTION, 0),
                Action::Delete { target, .. } => {
                    let counts = counts(target)?;
                    (2 * LOOKUP, price::delete(&counts), price::erased_later(&counts))
                }
                Action::Close | Action::Open | Action::Purge => (0, price::MODERATION, 0),
            },
        };
        Ok(Self { lookup, rewrite, edits_to_erase })
    }
}
