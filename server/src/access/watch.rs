//! The watch of one thread: wakes its streams when what they were allowed by has changed, so that a reader
//! whose right ended learns it also in a room where nothing happens; and when the process is to end.
//!
//! It looks at two numbers every half second. Everything here stays on its thread.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use super::authority::Authority;
use crate::drain::Drain;

/// Interval between two looks. A reader whose right ended is told within two seconds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The streams of one thread.
pub struct RightsWatch {
    authority: Arc<Authority>,
    /// The task of each stream, for as long as the stream is there.
    wakers: RefCell<Slab<Waker>>,
}

impl RightsWatch {
    /// Watches what this authority decides by.
    pub fn new(authority: Arc<Authority>) -> Rc<Self> {
        Rc::new(Self { authority, wakers: RefCell::default() })
    }

    /// Returns the authority.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Wakes the streams at each change, and when the process is to end, for as long as it is polled.
    pub async fn run(self: Rc<Self>, drain: Arc<Drain>) {
        let mut seen = self.authority.seen();
        let mut end = pin!(drain.wait());
        let mut is_ending = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {
                    let now = self.authority.seen();
                    if now == seen {
                        continue;
                    }
                    seen = now;
                }
                () = &mut end, if !is_ending => is_ending = true,
            }
            self.wakers.borrow().iter().for_each(|(_, waker)| waker.wake_by_ref());
        }
    }

    /// A place from which a task can be woken.
    pub fn place(self: &Rc<Self>) -> Place {
        Place { watch: Rc::clone(self), key: Cell::new(None) }
    }
}

/// The place of one stream in the watch.
pub struct Place {
    watch: Rc<RightsWatch>,
    key: Cell<Option<usize>>,
}

impl Place {
    /// Returns the watch.
    pub fn watch(&self) -> &RightsWatch {
        &self.watch
    }

    /// Has this task woken from now on, and no other of the stream.
    pub fn wait(&self, waker: &Waker) {
        let mut wakers = self.watch.wakers.borrow_mut();
        match self.key.get() {
            Some(key) => wakers[key].clone_from(waker),
            None => self.key.set(Some(wakers.insert(waker.clone()))),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(key) = self.key.get() {
            // The waker may be the last that holds a task, with another stream in it.
            let waker = self.watch.wakers.borrow_mut().remove(key);
            drop(waker);
        }
    }
}
