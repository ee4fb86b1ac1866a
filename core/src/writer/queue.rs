//! The bounded queue to the one writer, and whether writes are taken.
//!
//! A send is put into the queue under the gate's lock, and the gate is shut by taking the queue away under
//! the same lock. So what is in the queue when it is shut is all that there will ever be: the writer answers
//! it to the last, and no send waits for an answer that cannot come.

use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

use crate::error::SendError;
use crate::event::{Author, Draft, Receipt, RoomName};
use crate::log::BanRecord;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::channel::Sender;
use crate::sync::{Mutex, RwLock};
use crate::value::NewValue;
use crate::writer::idempotency::{Hashes, Window};

pub(super) const CLOSED: &str = "the chat is closed";

pub(crate) type Reply = oneshot::Sender<Result<Receipt, SendError>>;

/// Says if a send is still allowed. The writer asks it when it takes the send.
pub(crate) type Permission = Box<dyn FnOnce() -> bool + Send>;

/// A request to the writer.
pub(crate) enum Request {
    /// An event of a room, and if it is still allowed.
    Send(RoomName, Draft, Option<Permission>),
    /// A ban, or the end of one.
    Ban(BanRecord),
    /// A value to be kept under a key.
    SetValue(Arc<str>, NewValue),
    /// The end of the value of a key, and its author.
    RemoveValue(Arc<str>, Option<Author>),
}

/// A send on its way to the writer.
pub(crate) struct Pending {
    pub request: Request,
    /// The hashes of a draft that has any: its sender makes them, so that the writer need not.
    pub hashes: Option<Hashes>,
    pub reply: Reply,
    pub reserved: Reserved,
}

/// A send's share of the queue's bytes, given back when it is dropped.
pub(crate) struct Reserved {
    pub bytes: usize,
    pub all: Arc<AtomicUsize>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The gate before the queue: open while writes are taken.
#[derive(Default)]
pub(crate) struct Gate {
    /// `None` once no more sends are taken.
    pub queue: RwLock<Option<Sender<Pending>>>,
    /// Why nothing can be stored any more.
    broken: OnceLock<String>,
}

impl Gate {
    /// Takes sends from here on, into this queue.
    pub fn open(&self, queue: Sender<Pending>) {
        *self.queue.write() = Some(queue);
    }

    /// Nothing is stored any more. The first reason is the one to report.
    pub fn break_for(&self, why: String) {
        let _ = self.broken.set(why);
    }

    pub fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Takes no more sends. What is in the queue is still the writer's.
    pub fn shut(&self) {
        self.queue.write().take();
    }

    pub fn check(&self) -> Result<(), String> {
        match self.broken.get() {
            Some(why) => Err(why.clone()),
            None if self.queue.read().is_none() => Err(CLOSED.into()),
            None => Ok(()),
        }
    }
}

/// The keys of the log's tail, on their way from the thread that reads them to the writer.
#[derive(Default)]
pub(crate) struct RebuiltWindow(Mutex<Option<Window>>);

impl RebuiltWindow {
    pub fn put(&self, window: Window) {
        *self.0.lock() = Some(window);
    }

    pub fn take(&self) -> Option<Window> {
        self.0.lock().take()
    }
}
