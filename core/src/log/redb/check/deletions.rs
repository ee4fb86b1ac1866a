//! The table of deletes whose edits are still being erased, compared with the records.

use std::collections::HashMap;

use ::redb::ReadTransaction;

use crate::event::{Body, Position};
use crate::log::check::Finding;
use crate::log::error::LogError;
use crate::log::moderation::{Deletion, RedactionMask};
use crate::log::redb::deletions;
use crate::log::redb::tables::{LOG, get, storage_error};

pub(super) struct DeletionsCheck {
    rows: Vec<(Position, Deletion)>,
    /// For each target the position from which its edits may still have text.
    next: HashMap<Position, Position>,
}

impl DeletionsCheck {
    pub fn begin(tx: &ReadTransaction) -> Result<Self, LogError> {
        let rows = deletions::read(tx)?;
        let next = rows.iter().map(|(_, deletion)| (deletion.target, deletion.next)).collect();
        Ok(Self { rows, next })
    }

    /// Returns true if an edit of a deleted message may still have its text.
    pub fn is_waiting(&self, target: Position, edit: Position) -> bool {
        edit != target && self.next.get(&target).is_some_and(|next| *next <= edit)
    }

    /// Holds the rows against the records. Of a delete that was trimmed, or that does not read back, nothing
    /// is said.
    pub fn rows(
        &self,
        tx: &ReadTransaction,
        floor: Position,
        found: &mut dyn FnMut(Finding),
    ) -> Result<(), LogError> {
        let log = tx.open_table(LOG).map_err(storage_error)?;
        for (at, deletion) in self.rows.iter().filter(|(at, _)| *at >= floor) {
            let Ok(record) = get(&log, *at, &RedactionMask::default()) else { continue };
            let body = record.and_then(|record| record.event).map(|event| event.body.clone());
            if body != Some(Body::Delete { target: deletion.target }) {
                let what = format!("it is noted as the delete of {}, and is none", deletion.target);
                found(Finding { room: None, position: Some(*at), what });
            }
        }
        Ok(())
    }
}
