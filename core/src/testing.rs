//! Hooks for tests outside the crate: a log over any storage, and the rooms in memory. No part of the public
//! face.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::Chat;
use crate::event::{Position, RoomName};
use crate::log::redb::RedbLog;
use crate::log::{Log, OpenError};

pub use crate::log::redb::StorageBackend;

/// Opens a log over a storage, which may fail, lie, or change behind its back.
pub fn open_log(storage: impl StorageBackend) -> Result<Arc<dyn Log>, OpenError> {
    Ok(Arc::new(RedbLog::with_backend(storage)?))
}

/// Opens a log that has almost no cache, so that its reads meet the storage.
pub fn open_log_without_cache(storage: impl StorageBackend) -> Result<Arc<dyn Log>, OpenError> {
    Ok(Arc::new(RedbLog::with_small_cache(storage)?))
}

/// Forgets the rooms in memory that nobody is in, as if they had been idle for long.
pub fn forget_idle_rooms(chat: &Chat) {
    chat.shared().rooms.forget_idle(Instant::now(), Duration::ZERO);
}

/// Returns the position before the newest event of a room, if memory has it.
pub fn position_before_newest(chat: &Chat, room: &RoomName) -> Option<Position> {
    chat.shared().rooms.get(room)?.position_before_last(1)
}
