//! Waking readers cheaply.
//!
//! Readers of a room do not wait on the room: they wait on a [`crate::Dispatcher`], which holds, per room, the wakers
//! of its own readers. After a batch is committed and published, each dispatcher is told once which rooms
//! have news. A server has one dispatcher per runtime thread: telling it wakes one task of that thread, and
//! that task wakes the thread's readers, so that ten thousand readers cost one wake-up across threads and
//! not ten thousand. Embedders need not know of it: they share a dispatcher that wakes readers at once.
//!
//! The protocol that loses no wake-up: the committer publishes to the room, then looks for wakers; a reader
//! stores its waker, then looks at the room again. Both go through the lock of the waiting list, so one of
//! the two sees the other.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::task::Waker;

use slab::Slab;
use tokio::sync::Notify;

use crate::room::live::Room;
use crate::sync::{Mutex, RwLock};

/// The dispatchers of a chat.
#[derive(Default)]
pub(crate) struct Fanout {
    /// Few, and changed when a thread starts or ends. Held while they are told.
    dispatchers: RwLock<Vec<Weak<Waiting>>>,
}

impl Fanout {
    /// A new waiting list; `gathered` means that a task wakes its readers, and not whoever brings the news.
    pub fn waiting(&self, gathered: bool) -> Arc<Waiting> {
        let waiting = Arc::new(Waiting { gathered, ..Waiting::default() });
        let mut dispatchers = self.dispatchers.write();
        dispatchers.retain(|known| known.strong_count() > 0);
        dispatchers.push(Arc::downgrade(&waiting));
        waiting
    }

    /// Tells every dispatcher that these rooms have news. Call after the news is published to the rooms.
    pub fn tell(&self, rooms: &[Arc<Room>]) {
        if rooms.is_empty() {
            return;
        }
        for waiting in self.dispatchers.read().iter().filter_map(Weak::upgrade) {
            waiting.tell(rooms);
        }
    }

    /// Wakes every reader: the chat is closed. Call after it is marked as closed.
    pub fn wake_all(&self) {
        for waiting in self.dispatchers.read().iter().filter_map(Weak::upgrade) {
            waiting.wake_all();
        }
    }
}

/// The readers of one dispatcher that sleep.
#[derive(Default)]
pub(crate) struct Waiting {
    gathered: bool,
    /// Rooms with news that the task has not seen yet: at most one entry per room in memory.
    news: Mutex<HashSet<u64>>,
    told: Notify,
    /// The rooms in which this dispatcher has readers, by the room's number. Held for memory work only.
    lists: Mutex<HashMap<u64, Arc<List>>>,
}

#[derive(Default)]
struct List {
    /// One slot a reader; `None` while the reader is awake. Wakers are called after it is let go.
    wakers: Mutex<Slab<Option<Waker>>>,
}

impl Waiting {
    fn tell(&self, rooms: &[Arc<Room>]) {
        if self.gathered {
            let lists = self.lists.lock();
            let ours: Vec<u64> =
                rooms.iter().map(|room| room.number).filter(|room| lists.contains_key(room)).collect();
            drop(lists);
            if !ours.is_empty() {
                self.news.lock().extend(ours);
                self.told.notify_one();
            }
        } else {
            for room in rooms {
                self.wake(room.number);
            }
        }
    }

    fn wake_all(&self) {
        let rooms: Vec<u64> = self.lists.lock().keys().copied().collect();
        if self.gathered {
            self.news.lock().extend(rooms);
            self.told.notify_one();
        } else {
            rooms.into_iter().for_each(|room| self.wake(room));
        }
    }

    /// Waits until it is told, and wakes the readers of the rooms that have news.
    pub async fn wake_told(&self) {
        self.told.notified().await;
        let rooms = std::mem::take(&mut *self.news.lock());
        for number in rooms {
            self.wake(number);
        }
    }

    fn wake(&self, room: u64) {
        let Some(list) = self.lists.lock().get(&room).cloned() else { return };
        let awake: Vec<Waker> = list.wakers.lock().iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        awake.into_iter().for_each(Waker::wake);
    }

    /// A reader's place to wait in.
    pub fn slot(self: &Arc<Self>, room: &Room) -> Slot {
        let mut lists = self.lists.lock();
        let list = lists.entry(room.number).or_default().clone();
        // Under the table's lock, or the list could be taken out as empty in between.
        let key = list.wakers.lock().insert(None);
        Slot { waiting: self.clone(), list, room: room.number, key }
    }
}

/// A reader's slot in a waiting list; dropping it gives it back.
pub(crate) struct Slot {
    waiting: Arc<Waiting>,
    list: Arc<List>,
    room: u64,
    key: usize,
}

impl Slot {
    /// Asks to be woken by the next news. Look at the room again afterwards, and only then sleep.
    pub fn wait(&self, waker: &Waker) {
        let mut wakers = self.list.wakers.lock();
        match &mut wakers[self.key] {
            Some(known) => known.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut lists = self.waiting.lists.lock();
        let mut wakers = self.list.wakers.lock();
        wakers.remove(self.key);
        if wakers.is_empty() {
            lists.remove(&self.room);
        }
    }
}
