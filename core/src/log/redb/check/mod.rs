//! Checking a log that no process has open, without changing it.
//!
//! The storage's own checksums come first, then the records in their order: the checksum of each, and that
//! each chain is whole (the `prev` of a record is the record before it in its room, or below the floor for
//! the first). Then what is kept beside the records is held against them: heads, index, edits, deletes,
//! reactions, their counts, keys, the search index, the floor, the live bytes, closed rooms, banned authors
//! and kept values, and that no text is left of what was deleted or purged. Memory: a little per room, per
//! author who was banned and per value that was set, and a word per row of the index.

mod counts;
mod deletions;
mod keys;
mod moderation;
mod packs;
mod reactions;
#[cfg(test)]
mod tests;
mod values;
mod walk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::event::{Epoch, Position};
use crate::log::check::{Checked, Finding};
use crate::log::error::OpenError;
use crate::log::redb::check::walk::Walk;
use crate::log::redb::state::{State, check_format};
use crate::log::redb::stopped::{Opened, open_overlay};

/// Lets redb verify a file that was closed: its pages and the account of free ones. Returns what is wrong.
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
/// Calls `found` with each fault. Calls `progress` with the position reached, and the floor and the head
/// between which it moves. Fails when the file cannot be opened as a log.
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
        values: 0,
        skipped: 0,
        closed,
        findings: 0,
    };
    let walked = catch_unwind(AssertUnwindSafe(|| {
        let tx = opened.begin_read().map_err(|error| damaged(error.to_string()))?;
        check_format(&tx, &name)?;
        let state = State::read(&tx).map_err(|error| damaged(error.to_string()))?;
        (checked.epoch, checked.floor, checked.skipped) = (state.epoch, state.floor, state.skipped);
        (checked.closed_rooms, checked.bans) =
            moderation::counts(&tx).map_err(|error| damaged(error.to_string()))?;
        checked.values = values::count(&tx).map_err(|error| damaged(error.to_string()))?;
        let walk = Walk::begin(&tx, state, &mut checked, &mut found).and_then(|mut walk| {
            walk.records(progress)?;
            walk.heads()?;
            walk.index();
            walk.edits()?;
            walk.deletes()?;
            walk.reactions()?;
            walk.keys()?;
            walk.counts()?;
            walk.deletions()?;
            walk.packs()?;
            walk.account();
            walk.values()?;
            walk.moderation()
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
