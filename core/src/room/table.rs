//! The rooms in memory, by name.
//!
//! A room is here while somebody holds it or it was used of late. A thread that wants a room takes its `Arc`
//! under the table's lock and lets the lock go at once; a room is taken out under the same lock and only when
//! the table's own `Arc` is the last. So there are never two rooms of one name: the client that joins while a
//! room expires and the one that sends to it meet in the same room, whichever came first.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use crate::event::RoomName;
use crate::room::live::Room;
use crate::sync::Table;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A room that nobody is in stays in memory for this long.
pub const ROOM_IDLE_MAX: Duration = Duration::from_mins(1);
/// With more rooms than this in memory, those that nobody is in go at once.
pub const ROOMS_MAX: usize = 100_000;
/// Most bytes that the rooms in memory hold together: their newest events, frames, and what readers share.
/// Over it, rooms that nobody is in go at once, and the rings of the others are trimmed to their share of
/// half of it.
pub const RINGS_BYTES_MAX: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct Rooms {
    table: Table<RoomName, Arc<Room>>,
    numbers: AtomicU64,
    /// The bytes that they hold.
    held: Arc<AtomicUsize>,
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
        let number = || self.numbers.fetch_add(1, Ordering::Relaxed);
        let make = || Arc::new(Room::new(name.clone(), number(), &self.held));
        self.table.entry(name.clone()).or_insert_with(make).clone()
    }

    /// Forgets the rooms that nobody holds and that were not used since `idle_max` before `now`.
    pub fn forget_idle(&self, now: Instant, idle_max: Duration) {
        let many = self.table.len() > ROOMS_MAX || self.is_over_bytes(RINGS_BYTES_MAX);
        let idle_max = if many { Duration::ZERO } else { idle_max };
        self.table.retain(|_, room| {
            Arc::strong_count(room) > 1 || now.saturating_duration_since(room.used()) < idle_max
        });
    }

    /// Lets the rooms give back what nobody needs any more.
    pub fn settle(&self, now: Instant) {
        self.all().iter().for_each(|room| room.settle(now));
    }

    /// Trims the rings, also those of rooms that somebody is in, if they hold more than `bytes_max` together.
    pub fn enforce_bytes(&self, now: Instant, bytes_max: usize) {
        if !self.is_over_bytes(bytes_max) {
            return;
        }
        self.forget_idle(now, Duration::ZERO);
        let rooms = self.all();
        let share = bytes_max / 2 / rooms.len().max(1);
        for room in rooms.iter().take_while(|_| self.is_over_bytes(bytes_max / 2)) {
            room.shrink(share);
        }
    }

    fn is_over_bytes(&self, bytes_max: usize) -> bool {
        self.held.load(Ordering::Relaxed) > bytes_max
    }

    /// All rooms, to be looked at without the table's locks.
    fn all(&self) -> Vec<Arc<Room>> {
        let mut rooms = Vec::new();
        self.table.retain(|_, room| {
            rooms.push(room.clone());
            true
        });
        rooms
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, Epoch, Event, Timestamp};
    use crate::room::encoder::{Encoders, FrameKind, Item};
    use crate::room::live::Pull;

    #[test]
    fn rooms_that_somebody_is_in_hold_no_more_than_all_may() {
        const ROOMS: usize = 40;
        const BYTES: usize = 1 << 20;
        let encode = |_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
            if let Item::Event(Event { body: Body::Message { content: Some(text), .. }, .. }) = item {
                // A frame is much larger than its event.
                (0..10).for_each(|_| out.extend_from_slice(text.as_bytes()));
            }
        };
        let encoders = Encoders::new(Epoch(0), vec![Box::new(encode)]);
        let rooms = Rooms::default();
        let body = Body::Message { content: Some("x".repeat(1_000).into()), reply_to: None };
        let mut held = Vec::new();
        for n in 0..ROOMS {
            let room = rooms.enter(&RoomName::new(&format!("room-{n}")).unwrap());
            for position in 1..=20 {
                let (name, body) = (room.name.clone(), body.clone());
                let (prev, created_at) = (position - 1, Timestamp(0));
                let event = Event { position, prev, room: name, author: None, created_at, body };
                room.publish(&Arc::new(event), true);
            }
            assert!(matches!(room.pull_frames(0, FrameKind(0), &encoders), Pull::Ready(_)));
            held.push(room);
        }
        // Six frames fill a pull; they and the buffer that joins them are held.
        let bytes = || rooms.held.load(Ordering::Relaxed);
        assert!(bytes() > ROOMS * (20 * 1_000 + 2 * 60_000), "{} bytes", bytes());
        rooms.enforce_bytes(Instant::now(), BYTES);
        assert!(bytes() <= BYTES / 2, "{} bytes", bytes());
        let newest = |room: &Arc<Room>| matches!(room.pull_events(19), Pull::Ready(_));
        assert!(held.iter().all(newest), "the newest events stay");
        drop(held);
        rooms.forget_idle(Instant::now(), Duration::ZERO);
        assert_eq!((rooms.len(), bytes()), (0, 0));
    }
}
