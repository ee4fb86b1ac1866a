//! The rooms in memory, by name.
//!
//! A room is here while somebody holds it or it was used of late. A thread that wants a room takes its `Arc`
//! under the table's lock and lets the lock go at once; a room is taken out under the same lock and only when
//! the table's own `Arc` is the last. So there are never two rooms of one name: the client that joins while a
//! room expires and the one that sends to it meet in the same room, whichever came first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::RoomName;
use crate::room::live::Room;
use crate::sync::Table;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A room that nobody is in stays in memory for this long.
pub const ROOM_IDLE_MAX: Duration = Duration::from_mins(1);
/// With more rooms than this in memory, those that nobody is in go at once.
pub const ROOMS_MAX: usize = 100_000;
/// And so they do when all rings together hold more than this many bytes.
pub const RINGS_BYTES_MAX: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct Rooms {
    table: Table<RoomName, Arc<Room>>,
    numbers: AtomicU64,
}

impl Rooms {
    /// The room, if it is in memory.
    pub fn get(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.table.get(name).map(|room| room.clone())
    }

    /// The room, brought into memory if it was not.
    pub fn enter(&self, name: &RoomName) -> Arc<Room> {
        if let Some(room) = self.get(name) {
            return room;
        }
        let make = || Arc::new(Room::new(name.clone(), self.numbers.fetch_add(1, Ordering::Relaxed)));
        self.table.entry(name.clone()).or_insert_with(make).clone()
    }

    /// Forgets the rooms that nobody holds and that were not used since `idle_max` before `now`.
    pub fn forget_idle(&self, now: Instant, idle_max: Duration) {
        let mut bytes = 0;
        self.table.retain(|_, room| {
            bytes += room.ring_bytes();
            true
        });
        let many = self.table.len() > ROOMS_MAX || bytes > RINGS_BYTES_MAX;
        let idle_max = if many { Duration::ZERO } else { idle_max };
        self.table.retain(|_, room| {
            Arc::strong_count(room) > 1 || now.saturating_duration_since(room.used()) < idle_max
        });
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }
}
