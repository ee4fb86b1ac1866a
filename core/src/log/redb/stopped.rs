//! A log that no process has open, opened to be read as it is: the file is never changed.

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use ::redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase as _, StorageError,
    TransactionError,
};

use crate::log::contract::Log;
use crate::log::error::OpenError;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::open::{REDB_MAGIC, builder, open_error};
use crate::log::redb::overlay::Overlay;

/// A file opened as it is: whatever is written stays in memory.
pub(super) enum Opened {
    Closed(ReadOnlyDatabase),
    Repaired(Database),
}

impl Opened {
    /// Opens a log; one that was not closed is repaired in memory.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        match caught(&name, || builder().open_read_only_with_backend(overlay(path)?))? {
            Err(DatabaseError::RepairAborted) => open_overlay(path).map(Self::Repaired),
            opened => opened.map(Self::Closed).map_err(|error| open_error(&name, error)),
        }
    }

    pub fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        match self {
            Self::Closed(database) => database.begin_read(),
            Self::Repaired(database) => database.begin_read(),
        }
    }
}

/// Opens a log for reading by way of a repair, if it needs one; the repair stays in memory.
pub(super) fn open_overlay(path: &Path) -> Result<Database, OpenError> {
    let name = path.display().to_string();
    let opened = caught(&name, || builder().create_with_backend(overlay(path)?))?;
    opened.map_err(|error| open_error(&name, error))
}

fn overlay(path: &Path) -> Result<Overlay, DatabaseError> {
    let io = |error| DatabaseError::Storage(StorageError::Io(error));
    let file = File::open(path).map_err(io)?;
    let mut magic = Vec::new();
    (&file).take(REDB_MAGIC.len() as u64).read_to_end(&mut magic).map_err(io)?;
    if magic == REDB_MAGIC { Overlay::new(file) } else { Err(DatabaseError::UpgradeRequired(0)) }
}

/// redb verifies only a file that was not closed: on a closed one that is damaged it may panic.
fn caught<T>(
    name: &str,
    open: impl FnOnce() -> Result<T, DatabaseError>,
) -> Result<Result<T, DatabaseError>, OpenError> {
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Err(DatabaseError::UpgradeRequired(0))) => Err(OpenError::NotALog(name.to_owned())),
        Ok(opened) => Ok(opened),
        Err(_) => {
            Err(OpenError::Damaged { path: name.to_owned(), what: "its pages do not hang together".into() })
        }
    }
}

/// Opens the log in a file that no process has open, to be read as it is: the file is never changed, and what
/// a repair would write stays in memory.
pub fn open_stopped(path: &Path) -> Result<Arc<dyn Log>, OpenError> {
    let name = path.display().to_string();
    match Opened::open(path)? {
        Opened::Repaired(database) => Ok(Arc::new(RedbLog::start(database, &name, None)?)),
        // To open it for writing walks through all of its pages: one that is damaged would be refused.
        Opened::Closed(database) => {
            let damaged = |what: String| OpenError::Damaged { path: name.clone(), what };
            let reading = database.begin_read().map_err(|error| damaged(error.to_string()))?;
            let log = RedbLog::over(&reading, &name, None)?;
            drop(reading);
            Ok(Arc::new(RedbLog { read_only: Some(database), ..log }))
        }
    }
}
