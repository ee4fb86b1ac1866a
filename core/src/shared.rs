//! The state that the parts of a chat share: the log, the rooms in memory, and the way to their readers.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::counters::Counters;
use crate::currentness::Currentness;
use crate::error::ReadError;
use crate::event::{Event, RoomName};
use crate::log::Log;
use crate::read::pool::ReadPool;
use crate::room::encoder::Encoders;
use crate::room::fanout::Fanout;
use crate::room::live::Room;
use crate::room::redactions::Redactions;
use crate::room::table::Rooms;
use crate::sync::atomic::{AtomicBool, Ordering};

/// See the module.
pub(crate) struct Shared {
    pub log: Arc<dyn Log>,
    pub rooms: Rooms,
    pub encoders: Encoders,
    pub fanout: Fanout,
    pub reads: ReadPool,
    pub counters: Counters,
    /// The newest redactions of all rooms, for answers that are made of several reads.
    pub redactions: Redactions,
    /// Wakes those who follow the whole log: something was committed, or the chat is closed.
    pub committed: Notify,
    /// Rooms whose signals changed, by number: for the housekeeping thread to look at.
    pub marked: Mutex<HashMap<u64, Arc<Room>>>,
    /// There was too little space for the last commit, or there is for any.
    pub disk_full: AtomicBool,
    /// The chat is closed: nothing is published any more. Stored (Release) after the last event is published
    /// and before readers are woken; a reader loads it (Acquire) before it looks at its room.
    pub closed: AtomicBool,
    /// If this chat knows all that was acknowledged anywhere.
    pub currentness: Currentness,
}

impl Shared {
    /// Hands the events of one commit to the rooms in memory. Returns those rooms, each once.
    pub fn publish<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) -> Vec<Arc<Room>> {
        let mut known: HashMap<&RoomName, Option<Arc<Room>>> = HashMap::new();
        for event in events {
            self.redactions.record(&event.body);
            let mut is_first = false;
            let room = known.entry(&event.room).or_insert_with(|| {
                is_first = true;
                self.rooms.get(&event.room)
            });
            if let Some(room) = room {
                room.publish(event, is_first);
            }
        }
        known.into_values().flatten().collect()
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Fails while texts must not be given: another node may have deleted them.
    pub fn check_current(&self) -> Result<(), ReadError> {
        if self.currentness.is_current() { Ok(()) } else { Err(ReadError::NotCurrent) }
    }

    /// Ends all subscriptions, once nothing is published any more.
    pub fn end_subscriptions(&self) {
        self.closed.store(true, Ordering::Release);
        self.fanout.wake_all();
        self.committed.notify_waiters();
    }

    /// Asks the housekeeping thread to look at the room's signals.
    pub fn mark(&self, room: &Arc<Room>) {
        self.marked.lock().entry(room.number).or_insert_with(|| room.clone());
    }
}
