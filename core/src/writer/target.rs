//! Loading an old target before a request reaches the writer.
//!
//! The message that a request is about may lie far back, where only the disk has it. It is read on the
//! threads that read the log, which waits for nobody but its sender: afterwards the storage has it in memory,
//! and the writer does not wait for the disk.

use std::sync::Arc;

use crate::event::{Action, Draft, Position};
use crate::log::{Log, LogError};
use crate::reaction::Reaction;

/// A target nearer to the head of the log than this is in memory anyway.
pub(super) const TARGET_DISTANCE_MAX: u64 = 1_024;

/// The records and rows at which the writer will look.
pub(super) struct Target {
    position: Position,
    /// True if its counts and its edits matter too.
    is_changed: bool,
    reaction: Option<(Reaction, Arc<str>)>,
}

impl Target {
    /// Returns the target of a draft, if there is one and it is old; `head` is the log's newest position.
    pub fn of(draft: &Draft, head: Position) -> Option<Self> {
        let author_id = || draft.author.as_ref().map(|author| author.id.clone());
        let (position, is_changed, reaction) = match draft.action {
            Action::Post { reply_to, .. } => (reply_to?, false, None),
            Action::Edit { target, .. } | Action::Delete { target, .. } => (target, true, None),
            Action::React { target, reaction, .. } => (target, true, Some((reaction, author_id()?))),
            Action::Close | Action::Open | Action::Purge => return None,
        };
        let is_old = position.saturating_add(TARGET_DISTANCE_MAX) < head;
        is_old.then_some(Self { position, is_changed, reaction })
    }

    /// Reads it. Blocks on storage.
    pub fn load(&self, log: &dyn Log) -> Result<(), LogError> {
        log.record(self.position)?;
        if self.is_changed {
            log.counts(self.position)?;
            log.last_edit(self.position)?;
        }
        if let Some((reaction, author_id)) = &self.reaction {
            log.reacted(self.position, *reaction, author_id)?;
        }
        Ok(())
    }
}
