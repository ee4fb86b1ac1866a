//! The seam between the protocol and the engine that keeps the journal.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;

use crate::cluster::entry::Seq;
use crate::event::Timestamp;

/// A future that owns what it needs.
pub type JournalFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// The entries of a journal, as they come.
pub type JournalEntries = Pin<Box<dyn Stream<Item = Result<JournalEntry, FollowError>> + Send>>;

/// The clocks of the nodes and of the engine are at most this far apart.
pub const CLOCKS_APART_MAX: Duration = Duration::from_secs(2);

/// The engine of a cluster: dense numbers, one order, on disk at a quorum. Nothing else is trusted.
///
/// Every future ends within some seconds, whatever happens to the engine. They are polled by a runtime without
/// input and output that also waits for the log's disk: an engine has a runtime of its own for its connections.
pub trait Journal: Send + Sync + 'static {
    /// Largest entry, in bytes.
    fn entry_bytes_max(&self) -> usize;
    /// Puts an entry right behind `after`; resolves when a quorum has it on disk. May be repeated with the same
    /// bytes.
    fn append(&self, after: Seq, entry: Bytes) -> JournalFuture<Result<Seq, AppendError>>;
    /// Yields the entries after `after`, in order, without end: those that a quorum has on disk, and no others.
    /// Never skips a number.
    fn follow(&self, after: Seq) -> JournalEntries;
    /// Returns the oldest and the newest number, as a quorum knows them; `(1, 0)` when there is none.
    fn bounds(&self) -> JournalFuture<Result<(Seq, Seq), JournalError>>;
    /// Overwrites entries as far as the engine can; [`Journal::follow`] answers [`FollowError::Missing`] from
    /// then on.
    fn erase(&self, seqs: &[Seq]) -> JournalFuture<Result<(), JournalError>>;
    /// Deletes all entries before `seq`.
    fn forget(&self, before: Seq) -> JournalFuture<Result<(), JournalError>>;
}

/// An entry as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its number.
    pub seq: Seq,
    /// When it was stored, by the engine's clock.
    pub at: Timestamp,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The failure of an append.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Another entry is there already. Nothing was stored.
    #[error("the journal's newest entry is {newest}")]
    Refused {
        /// The newest entry.
        newest: Seq,
    },
    /// The entry was never sent.
    #[error("the journal cannot be reached")]
    Unreachable,
    /// The entry may be stored, now or later.
    #[error("whether the entry is in the journal is not known: {0}")]
    Unknown(String),
}

/// A thing that ends the reading of a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// Entries that were asked for are not there any more.
    #[error("the entries {from} to {to} of the journal are missing")]
    Missing {
        /// The first.
        from: Seq,
        /// The last.
        to: Seq,
    },
    /// The journal ends before the place from which it was to be read.
    #[error("the journal went back: its newest entry is {newest}")]
    WentBack {
        /// The newest entry.
        newest: Seq,
    },
    /// Try again.
    #[error("the journal cannot be reached: {0}")]
    Unreachable(String),
}

/// The journal cannot be reached, or refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal: {0}")]
pub struct JournalError(pub String);
