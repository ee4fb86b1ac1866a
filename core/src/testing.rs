//! Hooks for tests outside the crate: a log over any storage, and the rooms in memory. No part of the public
//! face.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::Chat;
use crate::event::{Position, RoomName};
use crate::log::redb::{RedbLog, Steps};
use crate::log::{Log, OpenError};
use crate::read::search::{self, SearchPage};
use crate::search::Query;

pub use crate::log::redb::StorageBackend;

/// Opens a log over a storage, which may fail, lie, or change behind its back.
pub fn open_log(storage: impl StorageBackend) -> Result<Arc<dyn Log>, OpenError> {
    Ok(Arc::new(RedbLog::with_backend(storage)?))
}

/// Opens a log that has almost no cache, so that its reads meet the storage.
pub fn open_log_without_cache(storage: impl StorageBackend) -> Result<Arc<dyn Log>, OpenError> {
    Ok(Arc::new(RedbLog::with_small_cache(storage)?))
}

/// Searches a log that no chat has open.
///
/// # Panics
///
/// Panics if the log cannot be read: a test's storage fails only when the test says so.
pub fn search(log: &dyn Log, room: &RoomName, query: &Query, before: Position, limit: usize) -> SearchPage {
    search::search(log, room, query, before, limit).expect("the log can be read")
}

/// Prepares all of a log's search index that can be prepared now, and lets a commit take it along.
///
/// # Panics
///
/// Panics if the log cannot be read or written.
pub fn index(log: &dyn Log) {
    loop {
        let is_done = !log.prepare_index().expect("the log can be read");
        if log.has_prepared_index() {
            log.commit(&[], 0).expect("the log can be written");
        } else if is_done {
            return;
        }
    }
}

/// Opens a log whose commits take along much smaller steps than others: a checkpoint after this many events,
/// and at most this many records and edits of what is being erased.
pub fn open_log_in_steps(
    storage: impl StorageBackend,
    checkpoint_events: usize,
    erase_max: usize,
) -> Result<Arc<dyn Log>, OpenError> {
    let steps = Steps { checkpoint_events, erase_records_max: erase_max, erase_edits_max: erase_max };
    Ok(Arc::new(RedbLog::with_steps(storage, steps)?))
}

/// Changes the bytes of a record in a log that nobody has open, behind its back: the file is in order, and
/// the record may not be. `None` takes it out.
///
/// # Panics
///
/// Panics if the file is no log, or has no such record.
pub fn change_record(path: &Path, position: Position, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    crate::log::redb::change_record(path, position, change);
}

/// Forgets the rooms in memory that nobody is in, as if they had been idle for long.
pub fn forget_idle_rooms(chat: &Chat) {
    chat.shared().rooms.forget_idle(Instant::now(), Duration::ZERO);
}

/// Returns the position before the newest event of a room, if memory has it.
pub fn position_before_newest(chat: &Chat, room: &RoomName) -> Option<Position> {
    chat.shared().rooms.get(room)?.position_before_last(1, 0)
}
