//! Checking a log that no process has open, without changing it.
//!
//! The storage's own checksums come first, then the records in their order: the checksum of each, and that each
//! chain is whole (the `prev` of a record is the record before it in its room, or below the floor for the first).
//! Then what is kept beside the records is held against them: heads, index, edits, the floor, the live bytes, and
//! that no text is left of what was deleted. Memory: a little per room, and a word per row of the index.

#[cfg(test)]
mod tests;
mod walk;

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{Database, ReadableDatabase as _};

use self::walk::Walk;
use super::OpenError;
use super::open::{REDB_MAGIC, State, builder, check_format, open_error};
use super::overlay::Overlay;
use crate::event::{Epoch, Position};
use crate::log::{Checked, Finding};

/// Opens a file as it is: what a repair writes stays in memory. Also says whether the file was closed.
pub(super) fn open_overlay(path: &Path) -> Result<(Database, bool), OpenError> {
    let name = path.display().to_string();
    let io = |source| OpenError::Io { path: name.clone(), source };
    let file = File::open(path).map_err(io)?;
    let mut magic = Vec::new();
    (&file).take(REDB_MAGIC.len() as u64).read_to_end(&mut magic).map_err(io)?;
    if magic != REDB_MAGIC {
        return Err(OpenError::NotALog(name));
    }
    let repaired = Arc::new(AtomicBool::new(false));
    let told = repaired.clone();
    let overlay = Overlay::new(file).map_err(|error| open_error(&name, error))?;
    let database = builder()
        .set_repair_callback(move |_| told.store(true, Ordering::Relaxed))
        .create_with_backend(overlay)
        .map_err(|error| open_error(&name, error))?;
    Ok((database, !repaired.load(Ordering::Relaxed)))
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
    let (mut database, closed) = open_overlay(path)?;
    // redb trusts a file that it has verified: on one that it has not, it may panic.
    let verified = catch_unwind(AssertUnwindSafe(|| database.check_integrity()));
    let storage = match verified {
        Ok(Ok(true)) => None,
        Ok(Ok(false)) => Some("a page or the account of free pages is damaged".to_owned()),
        Ok(Err(error)) => Some(format!("pages are damaged: {error}")),
        Err(_) => Some("pages are damaged beyond what could be read".to_owned()),
    };
    if storage.is_some() {
        // What the check repaired is not what the file holds.
        std::mem::forget(std::mem::replace(&mut database, open_overlay(path)?.0));
    }
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
        index_rows: 0,
        live_bytes: 0,
        closed,
        findings: 0,
    };
    let walked = catch_unwind(AssertUnwindSafe(|| {
        let tx = database.begin_read().map_err(|error| damaged(error.to_string()))?;
        check_format(&tx, &name)?;
        let state = State::read(&tx).map_err(|error| damaged(error.to_string()))?;
        (checked.epoch, checked.floor) = (state.epoch, state.floor);
        let walk = Walk::begin(&tx, state, &mut checked, &mut found).and_then(|mut walk| {
            walk.records(progress)?;
            walk.heads()?;
            walk.index();
            walk.edits()?;
            walk.account();
            Ok(())
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
        std::mem::forget(database);
    }
    checked.findings = findings;
    Ok(checked)
}
