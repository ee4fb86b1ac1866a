//! The look-ups for one batch: begun by the first request that needs one, and all as of the same moment.
//!
//! Nothing is committed while a batch is judged, so nothing newer could be seen. They end before the commit:
//! a read that is open pins what the commit replaces.

use std::cell::OnceCell;

use crate::event::Position;
use crate::log::{Counts, Log, LogError, Lookups, Record};
use crate::reaction::Reaction;

/// See the module.
pub(super) struct BatchLookups<'a> {
    log: &'a dyn Log,
    /// `None` within if the log has none: then its own serve.
    begun: OnceCell<Option<Box<dyn Lookups + 'a>>>,
}

impl<'a> BatchLookups<'a> {
    pub fn new(log: &'a dyn Log) -> Self {
        Self { log, begun: OnceCell::new() }
    }

    fn begun(&self) -> Result<&dyn Lookups, LogError> {
        if let Some(begun) = self.begun.get() {
            return Ok(begun.as_deref().unwrap_or(self.log));
        }
        let begun = self.log.lookups()?;
        Ok(self.begun.get_or_init(|| begun).as_deref().unwrap_or(self.log))
    }
}

impl Lookups for BatchLookups<'_> {
    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        self.begun()?.record(position)
    }

    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        self.begun()?.last_edit(target)
    }

    fn counts(&self, target: Position) -> Result<Counts, LogError> {
        self.begun()?.counts(target)
    }

    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError> {
        self.begun()?.reacted(target, reaction, author_id)
    }
}
