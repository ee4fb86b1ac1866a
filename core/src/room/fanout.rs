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

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use slab::Slab;
use tokio::sync::Notify;

use crate::room::live::Room;
use crate::sync::{Mutex, RwLock};

/// Readers that a deferred wait list wakes before it lets the other tasks of its thread run. Each may write a
/// frame of some 100 KB: about 20 us.
const WAKE_MAX: usize = 128;

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

    /// Wakes every reader: the chat is closed, or not current. Call after it is marked so.
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
    /// Wakers are called, and dropped, after the lock is released.
    sleepers: Mutex<Sleepers>,
}

/// The readers of a room that sleep are in one row, so that a notification costs nothing for those who are
/// awake or need not be woken.
#[derive(Default)]
struct Sleepers {
    /// One slot a reader: its index among those that sleep, if it does.
    slots: Slab<Option<usize>>,
    /// The slot of each, and its waker.
    asleep: Vec<(usize, Waker)>,
}

impl Sleepers {
    /// Has the reader of this slot sleep; returns the waker that it had before, if that was another.
    fn add(&mut self, slot: usize, waker: &Waker) -> Option<Waker> {
        let Some(index) = self.slots[slot] else {
            self.slots[slot] = Some(self.asleep.len());
            self.asleep.push((slot, waker.clone()));
            return None;
        };
        let known = &mut self.asleep[index].1;
        (!known.will_wake(waker)).then(|| std::mem::replace(known, waker.clone()))
    }

    /// Has the reader of this slot sleep no more; returns its waker.
    fn remove(&mut self, slot: usize) -> Option<Waker> {
        let index = self.slots[slot].take()?;
        let (_, waker) = self.asleep.swap_remove(index);
        if let Some((moved, _)) = self.asleep.get(index) {
            self.slots[*moved] = Some(index);
        }
        Some(waker)
    }

    /// Takes the wakers of all who sleep.
    fn take(&mut self) -> Vec<(usize, Waker)> {
        for (slot, _) in &self.asleep {
            self.slots[*slot] = None;
        }
        std::mem::take(&mut self.asleep)
    }
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

    /// Waits until it is notified, and wakes the readers of the pending rooms by turns: [`WAKE_MAX`], then
    /// other tasks, then the next. So the readers of a small room do not wait for all those of a large one.
    pub async fn wake_notified(&self) {
        self.notified.notified().await;
        let mut asleep = Asleep::default();
        loop {
            let rooms = std::mem::take(&mut *self.pending_rooms.lock());
            asleep.0.extend(rooms.into_iter().map(|room| self.take_wakers(room).into_iter()));
            asleep.wake(WAKE_MAX);
            if asleep.0.is_empty() {
                return;
            }
            let mut has_yielded = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut has_yielded, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    fn wake(&self, room: u64) {
        self.take_wakers(room).into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Takes the wakers of the readers of a room that sleep. They are called without a lock.
    fn take_wakers(&self, room: u64) -> Vec<(usize, Waker)> {
        let Some(waiters) = self.waiters.lock().get(&room).cloned() else { return Vec::new() };
        waiters.sleepers.lock().take()
    }

    /// Reserves a slot for a reader of a room.
    pub fn slot(self: &Arc<Self>, room: &Room) -> Slot {
        let mut all = self.waiters.lock();
        let waiters = all.entry(room.number).or_default().clone();
        // Under the lock of all, or the room's waiters could be taken out as empty in between.
        let key = waiters.sleepers.lock().slots.insert(None);
        Slot { wait_list: self.clone(), waiters, room: room.number, key }
    }
}

/// Wakers of rooms that take turns. All are called, also when the task that does it ends before.
#[derive(Default)]
struct Asleep(VecDeque<std::vec::IntoIter<(usize, Waker)>>);

impl Asleep {
    /// Wakes as many, those of the first room first; a room that is not done becomes the last.
    fn wake(&mut self, readers: usize) {
        let mut left = readers;
        while left > 0
            && let Some(mut wakers) = self.0.pop_front()
        {
            let before = wakers.len();
            wakers.by_ref().take(left).for_each(|(_, waker)| waker.wake());
            left -= before - wakers.len();
            if wakers.len() > 0 {
                self.0.push_back(wakers);
            }
        }
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        self.0.drain(..).flatten().for_each(|(_, waker)| waker.wake());
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
        let before = self.waiters.sleepers.lock().add(self.key, waker);
        drop(before);
    }

    /// Takes the waker back: whoever has this slot is woken no more.
    pub fn rest(&self) {
        let waker = self.waiters.sleepers.lock().remove(self.key);
        drop(waker);
    }

    /// Reserves another slot of the same room.
    pub fn another(&self) -> Self {
        let key = self.waiters.sleepers.lock().slots.insert(None);
        Self { wait_list: self.wait_list.clone(), waiters: self.waiters.clone(), room: self.room, key }
    }

    /// Returns the number of slots of the room, with this one.
    pub fn neighbours(&self) -> usize {
        self.waiters.sleepers.lock().slots.len()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.wait_list.waiters.lock();
        let mut sleepers = self.waiters.sleepers.lock();
        let waker = sleepers.remove(self.key);
        sleepers.slots.remove(self.key);
        if sleepers.slots.is_empty() {
            all.remove(&self.room);
        }
        drop((sleepers, all));
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use super::*;
    use crate::event::RoomName;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Woken {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A room with readers that sleep, and the count of those that were woken.
    fn sleepers(wait_list: &Arc<WaitList>, number: u64, count: usize) -> (Arc<Room>, Vec<Slot>, Arc<Woken>) {
        let room = Arc::new(Room::new(RoomName::new("r").unwrap(), number, &Arc::default()));
        let woken = Arc::<Woken>::default();
        let slots: Vec<Slot> = (0..count).map(|_| wait_list.slot(&room)).collect();
        for slot in &slots {
            slot.wait(&Arc::clone(&woken).into());
        }
        (room, slots, woken)
    }

    #[test]
    fn the_readers_of_a_small_room_do_not_wait_for_all_those_of_a_large_one() {
        let fanout = Fanout::default();
        let wait_list = fanout.wait_list(true);
        let (large, _large_slots, of_large) = sleepers(&wait_list, 1, 3 * WAKE_MAX);
        let (small, _small_slots, of_small) = sleepers(&wait_list, 2, 3);
        let me = Arc::<Woken>::default();
        let waker = Arc::clone(&me).into();
        let mut cx = Context::from_waker(&waker);
        fanout.notify(&[large]);
        let mut dispatch = Box::pin(wait_list.wake_notified());
        assert!(dispatch.as_mut().poll(&mut cx).is_pending(), "other tasks have their turn");
        assert_eq!((of_large.count(), me.count()), (WAKE_MAX, 1));
        fanout.notify(&[small]);
        assert!(dispatch.as_mut().poll(&mut cx).is_pending());
        assert!(dispatch.as_mut().poll(&mut cx).is_pending());
        assert_eq!(of_small.count(), 3, "{} of the large room were woken", of_large.count());
        assert!(of_large.count() < 3 * WAKE_MAX);
        drop(dispatch);
        assert_eq!(of_large.count(), 3 * WAKE_MAX, "nobody sleeps on because the task ended");
    }
}
