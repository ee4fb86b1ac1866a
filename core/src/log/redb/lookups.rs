//! Look-ups of single records and rows, all as of one moment: in one read transaction, which opens each table
//! once.

use std::cell::OnceCell;
use std::sync::Arc;

use ::redb::{Key, ReadOnlyTable, ReadTransaction, TableDefinition, Value};

use crate::event::Position;
use crate::log::contract::{Counts, Lookups};
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::record::Record;
use crate::log::redb::counts::{self, COUNTS};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::reactions::{self, REACTIONS};
use crate::log::redb::tables::{EDITS, LOG, count_edits, get, present, storage_error};
use crate::reaction::Reaction;

/// A table that is opened by the first look at it; `None` within when there is none.
struct Opened<K: Key + 'static, V: Value + 'static>(OnceCell<Option<ReadOnlyTable<K, V>>>);

impl<K: Key + 'static, V: Value + 'static> Opened<K, V> {
    fn get(
        &self,
        tx: &ReadTransaction,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<Option<&ReadOnlyTable<K, V>>, LogError> {
        if let Some(table) = self.0.get() {
            return Ok(table.as_ref());
        }
        let table = present(tx.open_table(definition))?;
        Ok(self.0.get_or_init(|| table).as_ref())
    }
}

/// See the module.
pub(super) struct LogLookups {
    mask: Arc<RedactionMask>,
    tx: ReadTransaction,
    log: Opened<u64, &'static [u8]>,
    edits: Opened<(u64, u64), ()>,
    counts: Opened<u64, &'static [u8]>,
    reactions: Opened<reactions::Key, reactions::Row>,
}

impl RedbLog {
    /// Begins look-ups as of now.
    pub(super) fn begin_lookups(&self) -> Result<LogLookups, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        Ok(LogLookups {
            mask,
            tx,
            log: Opened(OnceCell::new()),
            edits: Opened(OnceCell::new()),
            counts: Opened(OnceCell::new()),
            reactions: Opened(OnceCell::new()),
        })
    }
}

/// Each as of its own moment.
impl Lookups for RedbLog {
    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        self.begin_lookups()?.record(position)
    }

    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        self.begin_lookups()?.last_edit(target)
    }

    fn counts(&self, target: Position) -> Result<Counts, LogError> {
        self.begin_lookups()?.counts(target)
    }

    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError> {
        self.begin_lookups()?.reacted(target, reaction, author_id)
    }
}

impl Lookups for LogLookups {
    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        let Some(log) = self.log.get(&self.tx, LOG)? else { return Ok(None) };
        get(log, position, &self.mask)
    }

    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        let Some(edits) = self.edits.get(&self.tx, EDITS)? else { return Ok(None) };
        for edit in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)?.rev() {
            match self.record(edit.map_err(storage_error)?.0.value().1) {
                // Of a damaged edit only the author can know the text: the one before it counts.
                Err(LogError::Damaged { .. }) => {}
                edit => return edit,
            }
        }
        Ok(None)
    }

    fn counts(&self, target: Position) -> Result<Counts, LogError> {
        if let Some(table) = self.counts.get(&self.tx, COUNTS)?
            && let Some(row) = table.get(target).map_err(storage_error)?
        {
            return Ok(counts::decode(row.value()));
        }
        let mut counts = Counts::default();
        if let Some(edits) = self.edits.get(&self.tx, EDITS)? {
            counts.edits = count_edits(edits, target)?;
        }
        if let Some(table) = self.reactions.get(&self.tx, REACTIONS)? {
            reactions::count(table, target, &mut counts)?;
        }
        Ok(counts)
    }

    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError> {
        let Some(table) = self.reactions.get(&self.tx, REACTIONS)? else { return Ok(None) };
        let row = table.get((target, reaction.number(), author_id)).map_err(storage_error)?;
        Ok(row.map(|row| row.value().0))
    }
}
