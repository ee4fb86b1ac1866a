//! The bytes for the readers of one thread, collected and handed to the kernel in one flush.
//!
//! A new event wakes a thread's readers one after the other; each queues its bytes here and sleeps. The
//! batcher's task was woken by the first of them, and so runs after those that were woken with it: one flush
//! writes for all of them. A flush is also made whenever [`BATCH_MAX`] readers have queued. Everything here
//! stays on its thread.
//!
//! A reader is queued at most once at a time, so its bytes stay in order. The batch holds the reader's
//! socket: a descriptor that is in a batch is not closed, and not taken by another connection, until the
//! flush is over, even if its reader's task has ended.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;

use super::backend::{BATCH_MAX, Target, WriteBackend};
use super::socket::{Outgoing, ReaderSocket};

/// The batcher of one thread.
pub struct WriteBatcher {
    sender: RefCell<Box<dyn WriteBackend>>,
    batch: RefCell<Vec<Outgoing>>,
    /// The task of [`WriteBatcher::run`].
    task: RefCell<Option<Waker>>,
}

impl WriteBatcher {
    pub fn new(sender: Box<dyn WriteBackend>) -> Self {
        let batch = RefCell::new(Vec::with_capacity(BATCH_MAX));
        Self { sender: RefCell::new(sender), batch, task: RefCell::default() }
    }

    /// Queues bytes for a reader that has none queued.
    pub fn push(&self, reader: &Rc<ReaderSocket>, bytes: Bytes) {
        reader.queue();
        let queued = {
            let mut batch = self.batch.borrow_mut();
            batch.push(Outgoing { reader: Rc::clone(reader), bytes, taken: Ok(0) });
            batch.len()
        };
        if queued >= BATCH_MAX {
            self.flush();
        } else if queued == 1
            && let Some(task) = &*self.task.borrow()
        {
            task.wake_by_ref();
        }
    }

    /// Hands over bytes of readers that have none queued, at most [`BATCH_MAX`], as [`WriteBackend::send`] does.
    pub fn send(&self, batch: &mut [Outgoing]) {
        self.sender.borrow_mut().send(batch);
    }

    /// Hands the same bytes to readers that have none queued, as [`WriteBackend::send_to_all`] does.
    pub fn send_to_all(
        &self,
        readers: &[Target],
        bytes: &Bytes,
        others: &mut Vec<(usize, io::Result<usize>)>,
    ) {
        self.sender.borrow_mut().send_to_all(readers, bytes, others);
    }

    /// Flushes for as long as it is polled.
    pub async fn run(&self) {
        poll_fn::<(), _>(|cx| {
            *self.task.borrow_mut() = Some(cx.waker().clone());
            self.flush();
            Poll::Pending
        })
        .await;
    }

    fn flush(&self) {
        let mut batch = self.batch.take();
        if !batch.is_empty() {
            self.sender.borrow_mut().send(&mut batch);
            batch.drain(..).for_each(Outgoing::settle);
        }
        // Nothing was queued meanwhile: the tasks that were woken run later.
        self.batch.replace(batch);
    }
}
