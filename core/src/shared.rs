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
use crate::neighbours::Neighbours;
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
    /// The people at the other nodes, if this is one of many.
    pub neighbours: Option<Neighbours>,
}

impl Shared {
    /// Hands the events of one commit to the rooms in memory. Returns those rooms, each once.
    pub fn publish<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) -> Vec<Arc<Room>> {
        let mut rooms: Vec<Arc<Room>> = Vec::new();
        let mut known: HashMap<&RoomName, Option<usize>> = HashMap::new();
        // Most events of a commit are often of one room.
        let mut last: Option<(&RoomName, Option<usize>)> = None;
        for event in events {
            self.redactions.record(&event.body);
            let mut is_first = false;
            let nth = match last {
                Some((room, nth)) if *room == event.room => nth,
                _ => *known.entry(&event.room).or_insert_with(|| {
                    is_first = true;
                    rooms.push(self.rooms.get(&event.room)?);
                    Some(rooms.len() - 1)
                }),
            };
            last = Some((&event.room, nth));
            if let Some(nth) = nth {
                rooms[nth].publish(event, is_first);
            }
        }
        rooms
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

    /// The room of somebody who types, if anybody is in it. One node of many brings it into memory for readers at others.
    /// Anybody may type anywhere, so a room without readers stays out of memory.
    pub fn room_of_typing(&self, name: &RoomName) -> Option<Arc<Room>> {
        let has_readers = |neighbours: &Neighbours| neighbours.have_readers(name);
        self.rooms
            .get(name)
            .or_else(|| self.neighbours.as_ref().filter(|it| has_readers(it)).map(|it| self.enter(it, name)))
    }

    /// The room of somebody who writes an answer. One node of many brings it into memory, as its readers may be at others
    /// and not be heard of yet.
    pub fn room_of_answer(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.rooms
            .get(name)
            .or_else(|| self.neighbours.as_ref().map(|neighbours| self.enter(neighbours, name)))
    }

    fn enter(&self, neighbours: &Neighbours, name: &RoomName) -> Arc<Room> {
        let room = self.rooms.enter(name);
        neighbours.brief(&room);
        room
    }

    /// Asks the housekeeping thread to look at the room's signals.
    pub fn mark(&self, room: &Arc<Room>) {
        self.marked.lock().entry(room.number).or_insert_with(|| room.clone());
    }
}
