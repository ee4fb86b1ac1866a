//! An open log: its database, and what is kept in memory beside it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ::redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase as _, WriteTransaction};
use parking_lot::{Mutex, RwLock};

use crate::cluster::ClusterId;
use crate::event::{Epoch, Position, RoomName};
use crate::log::derived::{CHECKPOINT_EVENTS, Derived, Known, MissingKeys};
use crate::log::error::{CommitError, LogError};
use crate::log::moderation::{ModerationState, RedactionMask};
use crate::log::price::ERASE_EDITS_MAX;
use crate::log::redb::deferred::Deferred;
use crate::log::redb::disk::free_bytes;
use crate::log::redb::moderation::ERASE_RECORDS_MAX;
use crate::log::redb::packs::Packing;
use crate::log::redb::tables::{refused, storage_error};
use crate::log::redb::walk::Walks;
use crate::log::values::ValuesState;

/// The sizes of the work that commits take along.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// Events between two checkpoints.
    pub checkpoint_events: usize,
    /// Most records that one step of a purge looks at.
    pub erase_records_max: usize,
    /// Most edits that one step of the deletes erases.
    pub erase_edits_max: usize,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            checkpoint_events: CHECKPOINT_EVENTS,
            erase_records_max: ERASE_RECORDS_MAX,
            erase_edits_max: ERASE_EDITS_MAX,
        }
    }
}

pub(crate) struct RedbLog {
    /// `None` once closed. Commits and reads take what they need from it and let the lock go.
    pub(super) database: RwLock<Option<Database>>,
    /// The same of a log that is only read, which has no other.
    pub(super) read_only: Option<ReadOnlyDatabase>,
    pub(super) epoch: Epoch,
    pub(super) signing_key: [u8; 32],
    /// The cluster of which this log is one.
    pub(super) cluster: Option<ClusterId>,
    /// The newest position that is durable, here or in the journal. Stored (Release) after the commit; loads (Acquire) see
    /// its records.
    pub(super) head: AtomicU64,
    /// The oldest position kept. Stored (Release) after the trim's commit.
    pub(super) floor: AtomicU64,
    /// The newest event of all rooms whose heads were forgotten. Stored (Release) before the commit that
    /// forgets them, and loaded (Acquire) after the read that misses one.
    pub(super) forgotten: AtomicU64,
    /// Bytes of the records that are kept. Written by the writer only.
    pub(super) live_bytes: AtomicU64,
    /// Damaged records that were left out when this log was made of another one.
    pub(super) skipped: u64,
    /// The position up to which heads and index are in their tables. Written by the writer only.
    pub(super) checkpoint: AtomicU64,
    /// Heads, index rows and keys that no checkpoint holds yet. Written by the writer only; the write lock is
    /// held for memory work only.
    pub(super) derived: RwLock<Derived>,
    /// Idempotency keys up to the checkpoint that their table lacks. Held for memory work only.
    pub(super) missing_keys: Mutex<MissingKeys>,
    /// Closed rooms, bans and purges. Changed by the writer only, after the commit.
    pub(super) moderation: ModerationState,
    /// The kept values. Changed by the writer only, after the commit.
    pub(super) values: ValuesState,
    /// The pieces of rooms for which the search index has no pack, and the packs that wait for a commit.
    pub(super) packing: Packing,
    /// Smaller in tests, so that a short one meets many.
    pub(super) steps: Steps,
    /// The newest walks of readers.
    pub(super) walks: Walks,
    /// The records out of which the newest commit took the texts. Written and taken by the writer only.
    pub(super) redacted: Mutex<Vec<Position>>,
    /// The entries of a journal that are applied and not on disk. Changed by the writer only.
    pub(super) deferred: Mutex<Deferred>,
    /// The writer's buffer for the bytes of a record.
    pub(super) scratch: Mutex<Vec<u8>>,
    /// The file, or where it lies, to ask for free space; `None` when it is in memory or opened for a test.
    pub(super) disk_path: Option<PathBuf>,
}

impl RedbLog {
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, LogError> {
        if let Some(database) = &self.read_only {
            return database.begin_read().map_err(storage_error);
        }
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| LogError::Storage("the log is closed".into()))?;
        database.begin_read().map_err(storage_error)
    }

    /// Begins a read for readers. Takes the redaction mask first, or text could slip through in between.
    pub(super) fn begin_redacted(&self) -> Result<(Arc<RedactionMask>, ReadTransaction), LogError> {
        let mask = self.moderation.redaction_mask();
        Ok((mask, self.begin_read()?))
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, CommitError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| CommitError::Refused("the log is closed".into()))?;
        database.begin_write().map_err(refused)
    }

    /// Returns the head and the index row that are in memory only. Call it before the transaction begins:
    /// what a checkpoint takes away in between is then in the transaction's tables.
    pub(super) fn known(&self, room: &RoomName, after: Position) -> Known {
        let derived = self.derived.read();
        Known { head: derived.head(room), index: derived.index_after(room, after) }
    }

    /// Compares the free space with what a commit may need.
    pub(super) fn require_free(&self, needed: u64) -> Result<(), CommitError> {
        let Some(path) = &self.disk_path else { return Ok(()) };
        let Some(free) = free_bytes(path) else { return Ok(()) };
        if free < needed { Err(CommitError::DiskFull { free, needed }) } else { Ok(()) }
    }
}
