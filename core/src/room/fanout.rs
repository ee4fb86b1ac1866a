//! Waking readers cheaply.
//!
//! Readers of a room do not wait on the room. They wait on a [`crate::Dispatcher`], which holds, per room,
//! the wakers of its own readers. After a batch is committed and published, each dispatcher is notified once
//! of the rooms in which something was published. A server has one dispatcher per runtime thread: to notify
//! it wakes one task of that thread, and that task wakes the thread's readers. So ten thousand readers cost
//! one wake-up across threads and not ten thousand. Embedders need not know of it: they share a wait list
//! that wakes readers at once.
//!
//! The protocol that loses no wake-up: the writer publishes to the room, then looks for wakers; a reader
//! stores its waker, then looks at the room again. Both go through the lock of the wait list, so one of the
//! two sees the other.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::task::Waker;

use slab::Slab;
use tokio::sync::Notify;

use crate::room::live::Room;
use crate::sync::{Mutex, RwLock};

/// The wait lists of a chat.
#[derive(Default)]
pub(crate) struct Fanout {
    /// Few, and changed when a thread starts or ends. Held while they are notified.
    wait_lists: RwLock<Vec<Weak<WaitList>>>,
}

impl Fanout {
    /// Makes a wait list. In a `deferred` one a task wakes the readers; else the thread that notifies does.
    pub fn wait_list(&self, deferred: bool) -> Arc<WaitList> {
        let wait_list = Arc::new(WaitList { deferred, ..WaitList::default() });
        let mut wait_lists = self.wait_lists.write();
        wait_lists.retain(|known| known.strong_count() > 0);
        wait_lists.push(Arc::downgrade(&wait_list));
        wait_list
    }

    /// Notifies every wait list that something was published in these rooms. Call after the publishing.
    pub fn notify(&self, rooms: &[Arc<Room>]) {
        if rooms.is_empty() {
            return;
        }
        for wait_list in self.wait_lists.read().iter().filter_map(Weak::upgrade) {
            wait_list.notify(rooms);
        }
    }

    /// Wakes every reader: the chat is closed. Call after it is marked as closed.
    pub fn wake_all(&self) {
        for wait_list in self.wait_lists.read().iter().filter_map(Weak::upgrade) {
            wait_list.wake_all();
        }
    }
}

/// The sleeping readers of one dispatcher.
#[derive(Default)]
pub(crate) struct WaitList {
    deferred: bool,
    /// Rooms, by number, whose readers the task has still to wake: at most one entry per room in memory.
    pending_rooms: Mutex<HashSet<u64>>,
    notified: Notify,
    /// The rooms in which this dispatcher has readers, by number. Held for memory work only.
    waiters: Mutex<HashMap<u64, Arc<RoomWaiters>>>,
}

#[derive(Default)]
struct RoomWaiters {
    /// One slot a reader; `None` while the reader is awake. Wakers are called after the lock is released.
    wakers: Mutex<Slab<Option<Waker>>>,
}

impl WaitList {
    fn notify(&self, rooms: &[Arc<Room>]) {
        if self.deferred {
            let waiters = self.waiters.lock();
            let ours: Vec<u64> =
                rooms.iter().map(|room| room.number).filter(|room| waiters.contains_key(room)).collect();
            drop(waiters);
            if !ours.is_empty() {
                self.pending_rooms.lock().extend(ours);
                self.notified.notify_one();
            }
        } else {
            for room in rooms {
                self.wake(room.number);
            }
        }
    }

    fn wake_all(&self) {
        let rooms: Vec<u64> = self.waiters.lock().keys().copied().collect();
        if self.deferred {
            self.pending_rooms.lock().extend(rooms);
            self.notified.notify_one();
        } else {
            for room in rooms {
                self.wake(room);
            }
        }
    }

    /// Waits until it is notified, and wakes the readers of the pending rooms.
    pub async fn wake_notified(&self) {
        self.notified.notified().await;
        let rooms = std::mem::take(&mut *self.pending_rooms.lock());
        for number in rooms {
            self.wake(number);
        }
    }

    fn wake(&self, room: u64) {
        let Some(waiters) = self.waiters.lock().get(&room).cloned() else { return };
        let awake: Vec<Waker> =
            waiters.wakers.lock().iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        awake.into_iter().for_each(Waker::wake);
    }

    /// Reserves a slot for a reader of a room.
    pub fn slot(self: &Arc<Self>, room: &Room) -> Slot {
        let mut all = self.waiters.lock();
        let waiters = all.entry(room.number).or_default().clone();
        // Under the lock of all, or the room's waiters could be taken out as empty in between.
        let key = waiters.wakers.lock().insert(None);
        Slot { wait_list: self.clone(), waiters, room: room.number, key }
    }
}

/// A reader's slot in a wait list; dropping it gives it back.
pub(crate) struct Slot {
    wait_list: Arc<WaitList>,
    waiters: Arc<RoomWaiters>,
    room: u64,
    key: usize,
}

impl Slot {
    /// Registers the waker for the next notification. Look at the room again afterwards, and only then sleep.
    pub fn wait(&self, waker: &Waker) {
        let mut wakers = self.waiters.wakers.lock();
        match &mut wakers[self.key] {
            Some(known) => known.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.wait_list.waiters.lock();
        let mut wakers = self.waiters.wakers.lock();
        wakers.remove(self.key);
        if wakers.is_empty() {
            all.remove(&self.room);
        }
    }
}
