//! The sending side: the bounded queue to the one writer, and whether writes are taken.
//!
//! A send is put into the queue under the gate's lock, and the gate is shut by taking the queue away under the
//! same lock. So what is in the queue when it is shut is all that there will ever be: the writer answers it to
//! the last, and no send waits for an answer that cannot come.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use tokio::sync::{oneshot, watch};

use crate::chat::Shared;
use crate::error::SendError;
use crate::event::{Action, Author, Draft, Receipt, RoomName};
use crate::idempotency::Window;
use crate::limits::{QUEUE_BYTES_MAX, QUEUE_SENDS_MAX};
use crate::log::Ruling;
use crate::retention::Keep;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::channel::{Sender, TrySendError, bounded};
use crate::sync::thread::JoinHandle;
use crate::sync::{Mutex, RwLock, thread};
use crate::writer::Writer;

const CLOSED: &str = "the chat is closed";
const WRITER_FAILED: &str = "the writer failed; a restart opens the log anew";

pub(crate) type Reply = oneshot::Sender<Result<Receipt, SendError>>;

/// What is asked of the writer.
pub(crate) enum Request {
    /// An event of a room.
    Send(RoomName, Draft),
    /// A ban, or the end of one.
    Rule(Ruling),
}

/// A send on its way to the writer.
pub(crate) struct Pending {
    pub request: Request,
    pub reply: Reply,
    pub reserved: Reserved,
}

/// A send's share of the queue's bytes, given back when it is dropped.
pub(crate) struct Reserved {
    pub bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Whether writes are taken.
#[derive(Default)]
pub(crate) struct Gate {
    /// `None` once no more sends are taken.
    queue: RwLock<Option<Sender<Pending>>>,
    /// Why nothing can be stored any more.
    broken: OnceLock<String>,
}

impl Gate {
    /// Nothing is stored any more. The first reason is the one to tell.
    pub fn break_for(&self, why: String) {
        let _ = self.broken.set(why);
    }

    pub fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Takes no more sends. What is in the queue is still the writer's.
    fn shut(&self) {
        self.queue.write().take();
    }

    fn check(&self) -> Result<(), String> {
        match self.broken.get() {
            Some(why) => Err(why.clone()),
            None if self.queue.read().is_none() => Err(CLOSED.into()),
            None => Ok(()),
        }
    }
}

/// The keys of the log's tail, on their way from the thread that reads them to the writer.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<Option<Window>>);

impl Fresh {
    pub fn take(&self) -> Option<Window> {
        self.0.lock().take()
    }
}

#[derive(Debug, Clone)]
enum WindowState {
    Reading,
    There,
    Failed(String),
}

pub(crate) struct Committer {
    gate: Arc<Gate>,
    /// Bytes of the sends that wait, in the queue, in the batch or for the window of keys.
    queued_bytes: Arc<AtomicUsize>,
    /// Whether the window of keys is there; sends with a key wait for it.
    window: watch::Receiver<WindowState>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub fn start(shared: Arc<Shared>, keep: Keep) -> std::io::Result<Self> {
        let (queue, pending) = bounded(QUEUE_SENDS_MAX);
        let gate = Arc::new(Gate::default());
        *gate.queue.write() = Some(queue);
        let (fresh, window) = read_window(&shared)?;
        let writer = Writer::new(shared, keep, gate.clone(), fresh);
        let watched = gate.clone();
        let write = move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run(&pending))).is_err() {
                // What the batch held is answered by the drop of its replies.
                watched.break_for(WRITER_FAILED.into());
                watched.shut();
                for pending in pending.try_iter() {
                    let _ = pending.reply.send(Err(SendError::Unknown(WRITER_FAILED.into())));
                }
            }
        };
        let thread = thread::Builder::new().name("millchat-committer".into()).spawn(write)?;
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        Ok(Self { gate, queued_bytes, window, thread: Mutex::new(Some(thread)) })
    }

    pub async fn send(&self, room: &RoomName, draft: Draft) -> Result<Receipt, SendError> {
        self.gate.check().map_err(SendError::Unavailable)?;
        let reserved = self.reserve(cost_bytes(&draft))?;
        if draft.key.is_some() {
            self.wait_for_window().await?;
        }
        self.ask(Request::Send(room.clone(), draft), reserved).await
    }

    pub async fn rule(&self, ruling: Ruling) -> Result<Receipt, SendError> {
        self.gate.check().map_err(SendError::Unavailable)?;
        let texts = ruling.author_id.len() + author_bytes(ruling.by.as_ref());
        let reserved = self.reserve(size_of::<Pending>() + texts)?;
        self.ask(Request::Rule(ruling), reserved).await
    }

    async fn ask(&self, request: Request, reserved: Reserved) -> Result<Receipt, SendError> {
        let (reply, answered) = oneshot::channel();
        self.put(Pending { request, reply, reserved })?;
        // The writer answers everything it took. Without an answer it died, before or after the commit; whoever
        // hears of that first says so, so that readiness is red before a sender is told.
        answered.await.unwrap_or_else(|_| {
            self.gate.break_for(WRITER_FAILED.into());
            Err(SendError::Unknown(WRITER_FAILED.into()))
        })
    }

    fn reserve(&self, bytes: usize) -> Result<Reserved, SendError> {
        let before = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let reserved = Reserved { bytes, all: self.queued_bytes.clone() };
        if before + bytes > QUEUE_BYTES_MAX {
            return Err(SendError::QueueFull { sends: self.queued(), bytes: before });
        }
        Ok(reserved)
    }

    async fn wait_for_window(&self) -> Result<(), SendError> {
        let mut window = self.window.clone();
        let state = window.wait_for(|state| !matches!(state, WindowState::Reading)).await;
        match state.as_deref() {
            Ok(WindowState::Failed(why)) => Err(SendError::Unavailable(why.clone())),
            Ok(_) => Ok(()),
            Err(_) => Err(SendError::Unavailable(CLOSED.into())),
        }
    }

    fn put(&self, pending: Pending) -> Result<(), SendError> {
        let queue = self.gate.queue.read();
        let Some(queue) = &*queue else {
            let why = self.gate.broken().unwrap_or(CLOSED);
            return Err(SendError::Unavailable(why.into()));
        };
        queue.try_send(pending).map_err(|error| match error {
            TrySendError::Full(_) => {
                let bytes = self.queued_bytes.load(Ordering::Relaxed);
                SendError::QueueFull { sends: QUEUE_SENDS_MAX, bytes }
            }
            TrySendError::Disconnected(_) => SendError::Unavailable(CLOSED.into()),
        })
    }

    pub fn queued(&self) -> usize {
        self.gate.queue.read().as_ref().map_or(0, Sender::len)
    }

    pub fn ready(&self) -> Result<(), String> {
        self.gate.check()?;
        match &*self.window.borrow() {
            WindowState::Failed(why) => Err(why.clone()),
            WindowState::Reading | WindowState::There => Ok(()),
        }
    }

    /// Commits what is queued and ends. Sends that come later are refused.
    pub fn close(&self) {
        self.gate.shut();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

/// Reads the window of keys in the background.
fn read_window(shared: &Arc<Shared>) -> std::io::Result<(Arc<Fresh>, watch::Receiver<WindowState>)> {
    let (told, window) = watch::channel(WindowState::Reading);
    let fresh = Arc::new(Fresh::default());
    let (shared, there) = (shared.clone(), fresh.clone());
    let read = move || {
        let state = match catch_unwind(AssertUnwindSafe(|| Window::rebuild(&*shared.log))) {
            Ok(Ok(window)) => {
                *there.0.lock() = Some(window);
                WindowState::There
            }
            Ok(Err(error)) => WindowState::Failed(format!("the idempotency keys cannot be read: {error}")),
            Err(_) => WindowState::Failed("the idempotency keys cannot be read".into()),
        };
        // Whoever waits for it finds the window where the writer looks for it before each batch.
        told.send_replace(state);
    };
    thread::Builder::new().name("millchat-keys".into()).spawn(read)?;
    Ok((fresh, window))
}

fn cost_bytes(draft: &Draft) -> usize {
    let content = match &draft.action {
        Action::Post { content, .. } | Action::Edit { content, .. } => content.len(),
        Action::Delete { .. } | Action::React { .. } | Action::Close | Action::Open | Action::Empty => 0,
    };
    size_of::<Pending>()
        + author_bytes(draft.author.as_ref())
        + content
        + draft.key.as_ref().map_or(0, String::len)
}

fn author_bytes(author: Option<&Author>) -> usize {
    author.map_or(0, |author| author.id.len() + author.name.len())
}
