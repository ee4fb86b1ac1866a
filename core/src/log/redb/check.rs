//! Checking a log that no process has open, without changing it.
//!
//! The storage's own checksums come first, then the records in their order: the checksum of each, and that each
//! chain is whole (the `prev` of a record is the record before it in its room, or below the floor for the first).
//! Then what is kept beside the records is held against them: heads, index, edits, reactions, the floor, the live
//! bytes, what stands (rooms closed, authors banned), and that no text is left of what was deleted or emptied. Memory: a little
//! per room and per author who was banned, and a word per row of the index.

mod reactions;
mod standing;
#[cfg(test)]
mod tests;
mod walk;

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase as _, StorageError,
    TransactionError,
};

use crate::event::{Epoch, Position};
use crate::log::redb::OpenError;
use crate::log::redb::check::walk::Walk;
use crate::log::redb::open::{REDB_MAGIC, State, builder, check_format, open_error};
use crate::log::redb::overlay::Overlay;
use crate::log::{Checked, Finding};

/// A file opened as it is: whatever is written stays in memory.
enum Opened {
    Closed(ReadOnlyDatabase),
    Repaired(Database),
}

impl Opened {
    /// Opens a log; one that was not closed is repaired in memory.
    fn open(path: &Path) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        match caught(&name, || builder().open_read_only_with_backend(overlay(path)?))? {
            Err(DatabaseError::RepairAborted) => open_overlay(path).map(Self::Repaired),
            opened => opened.map(Self::Closed).map_err(|error| open_error(&name, error)),
        }
    }

    fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
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

/// What redb finds wrong with a file that was closed: its pages and the account of free ones.
fn storage_finding(path: &Path) -> Option<String> {
    let verified = catch_unwind(AssertUnwindSafe(|| {
        let mut database = open_overlay(path).map_err(|error| error.to_string())?;
        let verified = database.check_integrity().map_err(|error| error.to_string());
        if verified != Ok(true) {
            // Closing would write, which a damaged file may answer with a panic.
            std::mem::forget(database);
        }
        verified
    }));
    match verified {
        Ok(Ok(true)) => None,
        Ok(Ok(false)) => Some("a page or the account of free pages is damaged".to_owned()),
        Ok(Err(error)) => Some(format!("pages are damaged: {error}")),
        Err(_) => Some("pages are damaged beyond what can be verified".to_owned()),
    }
}

/// Checks the log in a file that no process has open; never changes the file.
///
/// What is wrong is told to `found`, one thing at a time. `progress` is told the position reached and the floor and
/// the head between which it moves. Fails when the file cannot be opened as a log.
pub fn check(
    path: &Path,
    progress: &mut dyn FnMut(Position, (Position, Position)),
    found: &mut dyn FnMut(Finding),
) -> Result<Checked, OpenError> {
    let name = path.display().to_string();
    let damaged = |what: String| OpenError::Damaged { path: name.clone(), what };
    let opened = Opened::open(path)?;
    let closed = matches!(opened, Opened::Closed(_));
    // A repair has verified the pages.
    let storage = if closed { storage_finding(path) } else { None };
    let mut findings = 0;
    let mut found = |finding| {
        findings += 1;
        found(finding);
    };
    if let Some(what) = storage {
        found(Finding { room: None, position: None, what });
    }
    let mut checked = Checked {
        epoch: Epoch(0),
        floor: 1,
        head: 0,
        records: 0,
        rooms: 0,
        edits: 0,
        reactions: 0,
        index_rows: 0,
        live_bytes: 0,
        closed_rooms: 0,
        bans: 0,
        closed,
        findings: 0,
    };
    let walked = catch_unwind(AssertUnwindSafe(|| {
        let tx = opened.begin_read().map_err(|error| damaged(error.to_string()))?;
        check_format(&tx, &name)?;
        let state = State::read(&tx).map_err(|error| damaged(error.to_string()))?;
        (checked.epoch, checked.floor) = (state.epoch, state.floor);
        (checked.closed_rooms, checked.bans) =
            standing::counts(&tx).map_err(|error| damaged(error.to_string()))?;
        let walk = Walk::begin(&tx, state, &mut checked, &mut found).and_then(|mut walk| {
            walk.records(progress)?;
            walk.heads()?;
            walk.index();
            walk.edits()?;
            walk.reactions()?;
            walk.account();
            walk.standing()
        });
        Ok(walk)
    }));
    let unread = match walked {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(error.to_string()),
        Ok(Err(error)) => return Err(error),
        Err(_) => Some("its pages do not hang together".to_owned()),
    };
    if let Some(why) = unread {
        let what = format!("it cannot be read to its end: {why}");
        found(Finding { room: None, position: None, what });
        // Closing writes, which a damaged file may answer with a panic; there is nothing to be kept.
        std::mem::forget(opened);
    }
    checked.findings = findings;
    Ok(checked)
}
