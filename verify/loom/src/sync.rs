//! Loom's primitives behind the faces of those that they stand for, as far as the crate uses them.
//!
//! Loom switches threads at its own locks, atomics and channels only. So whatever else is locked (a tokio
//! channel, a signal's state) is one step to it, and must not be held across one of these.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use loom::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use loom::sync::atomic;
pub(crate) use loom::thread;

/// Nobody panics under a lock in a model that goes on.
const POISONED: &str = "a thread of the model panicked under this lock";

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect(POISONED)
    }
}

#[derive(Debug)]
pub(crate) struct RwLock<T>(loom::sync::RwLock<T>);

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> RwLock<T> {
    pub fn new(value: T) -> Self {
        Self(loom::sync::RwLock::new(value))
    }

    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().expect(POISONED)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().expect(POISONED)
    }
}

/// A table with one lock: what `DashMap` is to those who meet in one of its shards.
#[derive(Debug)]
pub(crate) struct Table<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<Held<'_, K, V>> {
        let guard = self.0.lock();
        guard.contains_key(key).then(|| Held { guard, key: key.clone() })
    }

    pub fn entry(&self, key: K) -> Entry<'_, K, V> {
        Entry { guard: self.0.lock(), key }
    }

    pub fn retain(&self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.lock().retain(|key, value| keep(key, value));
    }

    pub fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// A row, with the table's lock.
pub(crate) struct Held<'a, K, V> {
    guard: MutexGuard<'a, HashMap<K, V>>,
    key: K,
}

impl<K: Hash + Eq, V> Deref for Held<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.guard[&self.key]
    }
}

impl<K: Hash + Eq, V> DerefMut for Held<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.guard.get_mut(&self.key).expect("a row that is held is there")
    }
}

pub(crate) struct Entry<'a, K, V> {
    guard: MutexGuard<'a, HashMap<K, V>>,
    key: K,
}

impl<'a, K: Hash + Eq + Clone, V> Entry<'a, K, V> {
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> Held<'a, K, V> {
        let Self { mut guard, key } = self;
        guard.entry(key.clone()).or_insert_with(make);
        Held { guard, key }
    }
}

/// A bounded channel, as crossbeam's. No time passes in a model: a receiver that waits for a while waits
/// until something comes.
pub(crate) mod channel {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::time::Duration;

    pub(crate) use crossbeam::channel::{RecvTimeoutError, TryRecvError, TrySendError};
    use loom::sync::{Condvar, Mutex};

    use super::POISONED;

    struct Shared<T> {
        state: Mutex<State<T>>,
        changed: Condvar,
        bound: usize,
    }

    struct State<T> {
        queue: VecDeque<T>,
        senders: usize,
        receivers: usize,
    }

    pub(crate) struct Sender<T>(Arc<Shared<T>>);
    pub(crate) struct Receiver<T>(Arc<Shared<T>>);

    pub(crate) fn bounded<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
        let state = Mutex::new(State { queue: VecDeque::new(), senders: 1, receivers: 1 });
        let shared = Arc::new(Shared { state, changed: Condvar::new(), bound });
        (Sender(shared.clone()), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
            let mut state = self.0.state.lock().expect(POISONED);
            if state.receivers == 0 {
                return Err(TrySendError::Disconnected(value));
            } else if state.queue.len() >= self.0.bound {
                return Err(TrySendError::Full(value));
            }
            state.queue.push_back(value);
            self.0.changed.notify_all();
            Ok(())
        }

        pub fn len(&self) -> usize {
            self.0.state.lock().expect(POISONED).queue.len()
        }
    }

    impl<T> Receiver<T> {
        pub fn recv_timeout(&self, _: Duration) -> Result<T, RecvTimeoutError> {
            let mut state = self.0.state.lock().expect(POISONED);
            loop {
                if let Some(value) = state.queue.pop_front() {
                    self.0.changed.notify_all();
                    return Ok(value);
                } else if state.senders == 0 {
                    return Err(RecvTimeoutError::Disconnected);
                }
                state = self.0.changed.wait(state).expect(POISONED);
            }
        }

        pub fn try_recv(&self) -> Result<T, TryRecvError> {
            let mut state = self.0.state.lock().expect(POISONED);
            let value = state.queue.pop_front().ok_or(TryRecvError::Empty)?;
            self.0.changed.notify_all();
            Ok(value)
        }

        pub fn try_iter(&self) -> impl Iterator<Item = T> {
            std::iter::from_fn(|| self.try_recv().ok())
        }

        pub fn is_empty(&self) -> bool {
            self.0.state.lock().expect(POISONED).queue.is_empty()
        }
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            self.0.state.lock().expect(POISONED).senders += 1;
            Self(self.0.clone())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            self.0.state.lock().expect(POISONED).senders -= 1;
            self.0.changed.notify_all();
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            // Whoever waits for an answer to what is still queued learns that none comes.
            let queued = {
                let mut state = self.0.state.lock().expect(POISONED);
                state.receivers -= 1;
                std::mem::take(&mut state.queue)
            };
            self.0.changed.notify_all();
            drop(queued);
        }
    }
}
