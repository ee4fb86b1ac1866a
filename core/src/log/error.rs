//! Errors of a log: of reading it, writing to it, opening it and making a new one.

use std::io::ErrorKind;

use crate::cause::Cause;
use crate::cluster::ClusterId;
use crate::event::Position;

/// The log cannot be read, or holds something that it must not.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The storage failed.
    #[error(transparent)]
    Storage(Cause),
    /// A record does not read back.
    #[error("the record at position {position} is damaged: {what}")]
    Damaged {
        /// Its position.
        position: Position,
        /// The damage.
        what: &'static str,
    },
}

/// A commit failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Nothing was stored, and later commits may succeed: there is too little room on the disk.
    #[error("the disk is full: {free} bytes are free where the log lies, {needed} are needed")]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// Bytes that the batch may need, and the reserve.
        needed: u64,
    },
    /// Nothing was stored.
    #[error(transparent)]
    Refused(Cause),
    /// All was stored or nothing was; the log takes no more commits.
    #[error(transparent)]
    Unknown(Cause),
}

/// The log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0} is in use by another process: stop that one first, or name another log")]
    InUse(String),
    /// The file is something else.
    #[error("{0} is not a Millchat log; it was left as it is: name another log, or move the file away")]
    NotALog(String),
    /// The log is of a newer release.
    #[error(
        "{path} was written by a newer release of Millchat (format {found}; this one reads up to {known}): \
         use that release"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: u8,
        /// The newest this release knows.
        known: u8,
    },
    /// The log is one of a cluster's, and was opened as that of a single node.
    #[error("{path} is a log of cluster {cluster}: start it with --journal, or name another log")]
    OfCluster {
        /// The file.
        path: String,
        /// The cluster.
        cluster: ClusterId,
    },
    /// The log is that of a single node, and was opened as one of a cluster's.
    #[error("{0} is the log of a single node: `millchat cluster begin` makes it the beginning of a cluster")]
    OfSingleNode(String),
    /// The file is damaged.
    #[error("{path} is damaged ({what}); it was left as it is: restore it from a backup")]
    Damaged {
        /// The file.
        path: String,
        /// The damage.
        what: String,
    },
    /// The disk is full.
    #[error(
        "{path} cannot be opened: {free} bytes are free on its disk, {needed} are needed: make room on the \
         disk, or name a log on another one"
    )]
    DiskFull {
        /// The file.
        path: String,
        /// Free bytes.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The file system refused.
    #[error("{path} cannot be opened: {source}: {}", next_step(source))]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A new log could not be made. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum NewLogError {
    /// There is a file of that name.
    #[error("{0} exists already: name another file, or move it away")]
    Exists(String),
    /// The file system refused.
    #[error("{path} cannot be made: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The storage failed, as when the disk is full.
    #[error("{path} cannot be written: {what}")]
    Storage {
        /// The file.
        path: String,
        /// Why.
        what: String,
    },
    /// A record does not follow from what came before it.
    #[error("position {position}: {what}")]
    Misfit {
        /// The record's position.
        position: Position,
        /// Why not.
        what: String,
    },
}

/// A copy of a log was not taken. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It is not what was sent, or ends early: take another one.
    #[error("the copy of the log is damaged: {0}")]
    Damaged(&'static str),
    /// It is of a newer release.
    #[error(
        "the copy was made by a newer release of Millchat (format {found}; this one reads up to {known}): use that \
         release"
    )]
    Newer {
        /// Its format.
        found: u8,
        /// The newest this release knows.
        known: u8,
    },
    /// It has a table that this release does not know.
    #[error(
        "the copy has a table `{0}`, which this release does not know: use the newer release that made it"
    )]
    UnknownTable(String),
    /// The file system refused.
    #[error("{path} cannot be made: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The storage failed, as when the disk is full, or what was copied is no log.
    #[error("{path} cannot be written: {what}")]
    Storage {
        /// The file.
        path: String,
        /// Why.
        what: String,
    },
}

/// Returns what the caller can do about the error.
fn next_step(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "make its directory first, or name another log",
        ErrorKind::IsADirectory => "name a file in it",
        ErrorKind::InvalidInput | ErrorKind::NotADirectory => "name another log",
        ErrorKind::PermissionDenied => {
            "let the user that runs Millchat read and write it and its directory, or name another log"
        }
        ErrorKind::ReadOnlyFilesystem => "mount its disk for writing, or name another log",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room on the disk, or name a log on another one"
        }
        ErrorKind::WouldBlock | ErrorKind::OutOfMemory => "allow the process more threads and memory",
        _ => "look after the disk, or name a log on another one",
    }
}
