//! The sending side: the bounded queue to the one writer, and whether writes are taken.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::cluster::NodeState;
use crate::error::{ReadError, SendError};
use crate::event::{Author, Draft, Receipt, RoomName};
use crate::limits::{QUEUE_BYTES_MAX, QUEUE_SENDS_MAX};
use crate::log::BanRecord;
use crate::read::fair_queue::{Lane, UNNAMED_CLIENT};
use crate::shared::Shared;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::channel::{Sender, TrySendError, bounded};
use crate::sync::thread::{self, JoinHandle};
use crate::value::NewValue;
use crate::writer::idempotency::{Hasher as KeyHasher, Hashes, Window};
use crate::writer::member::{self, Connections, Inbound, Member};
use crate::writer::queue::{CLOSED, Gate, Pending, Permission, RebuiltWindow, Request, Reserved};
use crate::writer::replica::Replica;
use crate::writer::retention::RetentionPolicy;
use crate::writer::shown::Shown;
use crate::writer::target::Target;
use crate::writer::thread::Writer;
use crate::writer::work::WORK_MAX;

const WRITER_FAILED: &str = "the writer failed; a restart opens the log again";

#[derive(Debug, Clone)]
enum WindowState {
    Reading,
    There,
    Failed(String),
}

pub(crate) struct WriterHandle {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    /// Bytes of the sends that wait, in the queue, in the batch or for the window of keys.
    queued_bytes: Arc<AtomicUsize>,
    /// The state of the window of keys; sends with a key wait for it.
    window: watch::Receiver<WindowState>,
    /// Makes the hashes of drafts with keys. A node of many has none: the leader makes them.
    hasher: Option<KeyHasher>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Of a node of many: the way into the protocol, and its end.
    inbound: Option<Inbound>,
    is_closing: Arc<Notify>,
    /// The view of the node on its cluster.
    shown: Arc<Shown>,
}

impl WriterHandle {
    pub fn start(shared: Arc<Shared>, policy: RetentionPolicy) -> std::io::Result<Self> {
        let (queue, pending) = bounded(QUEUE_SENDS_MAX);
        let gate = Arc::new(Gate::default());
        let hasher = Some(KeyHasher::new(&shared.log.signing_key()));
        gate.open(queue);
        let (rebuilt, window) = read_window(&shared)?;
        let writer = Writer::new(shared.clone(), policy, gate.clone(), rebuilt);
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
        let thread = thread::Builder::new().name("millchat-writer".into()).spawn(write)?;
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let (threads, is_closing) = (Mutex::new(vec![thread]), Arc::default());
        let (inbound, shown) = (None, Arc::new(Shown::of_single()));
        Ok(Self { shared, gate, queued_bytes, window, hasher, threads, inbound, is_closing, shown })
    }

    /// Starts the threads of one node of many.
    pub fn start_member(
        shared: Arc<Shared>,
        policy: RetentionPolicy,
        connections: Connections,
    ) -> std::io::Result<Self> {
        let (queue, pending) = bounded(QUEUE_SENDS_MAX);
        let (work, works) = crossbeam::channel::bounded(WORK_MAX);
        let (inputs, taken) = member::inputs();
        let gate = Arc::new(Gate::default());
        gate.open(queue);
        let is_closing = Arc::new(Notify::new());
        let writer = Writer::new(shared.clone(), policy, gate.clone(), Arc::default());
        let (done, doings) = mpsc::unbounded_channel();
        let replica = Replica { writer, work: works, done };
        let shown = Arc::new(Shown::of_member());
        let member = Member::new(&shared, gate.clone(), connections, work, shown.clone())
            .map_err(std::io::Error::other)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (closing, to_protocol) = (is_closing.clone(), inputs.clone());
        let mut threads = Vec::new();
        let mut start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let watched = gate.clone();
            let run = move || {
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    watched.break_for(WRITER_FAILED.into());
                    watched.shut();
                }
            };
            threads.push(thread::Builder::new().name(name.into()).spawn(run)?);
            std::io::Result::Ok(())
        };
        start("millchat-writer", Box::new(move || replica.run()))?;
        let values = shared.clone();
        start("millchat-sends", Box::new(move || member::pass_on_sends(&pending, &to_protocol, &values)))?;
        start("millchat-node", Box::new(move || runtime.block_on(member.run(taken, doings, closing))))?;
        let (_, window) = watch::channel(WindowState::There);
        let (queued_bytes, threads) = (Arc::new(AtomicUsize::new(0)), Mutex::new(threads));
        let inbound = Some(Inbound { inputs, shared: shared.clone() });
        let hasher = None;
        Ok(Self { shared, gate, queued_bytes, window, hasher, threads, inbound, is_closing, shown })
    }

    /// The view of the node on its cluster.
    pub fn node_state(&self) -> Option<NodeState> {
        self.shown.state()
    }

    /// True while the node leads.
    pub fn leadership(&self) -> watch::Receiver<bool> {
        self.shown.leadership()
    }

    /// The way for the messages of other nodes.
    pub fn inbound(&self) -> Option<&Inbound> {
        self.inbound.as_ref()
    }

    pub async fn send(
        &self,
        room: &RoomName,
        draft: Draft,
        permission: Option<Permission>,
    ) -> Result<Receipt, SendError> {
        self.gate.check().map_err(|why| SendError::Unavailable(why.into()))?;
        let reserved = self.reserve(cost_bytes(&draft))?;
        self.load_target(&draft).await?;
        if draft.key.is_some() {
            self.wait_for_window().await?;
        }
        let hashes = self.hasher.as_ref().and_then(|hasher| hasher.hashes(room, &draft));
        self.request(Request::Send(room.clone(), draft, permission), hashes, reserved).await
    }

    pub async fn ban(&self, ban: BanRecord) -> Result<Receipt, SendError> {
        self.gate.check().map_err(|why| SendError::Unavailable(why.into()))?;
        let texts = ban.author_id.len() + ban.by.as_ref().map_or(0, Author::text_bytes);
        let reserved = self.reserve(size_of::<Pending>() + texts)?;
        self.request(Request::Ban(ban), None, reserved).await
    }

    pub async fn set_value(&self, key: Arc<str>, new: NewValue) -> Result<Receipt, SendError> {
        let texts = key.len() + new.text.len() + new.by.as_ref().map_or(0, Author::text_bytes);
        self.request_value(Request::SetValue(key, new), texts).await
    }

    pub async fn remove_value(&self, key: Arc<str>, by: Option<Author>) -> Result<Receipt, SendError> {
        let texts = key.len() + by.as_ref().map_or(0, Author::text_bytes);
        self.request_value(Request::RemoveValue(key, by), texts).await
    }

    async fn request_value(&self, request: Request, texts_bytes: usize) -> Result<Receipt, SendError> {
        self.gate.check().map_err(|why| SendError::Unavailable(why.into()))?;
        let reserved = self.reserve(size_of::<Pending>() + texts_bytes)?;
        self.request(request, None, reserved).await
    }

    async fn request(
        &self,
        request: Request,
        hashes: Option<Hashes>,
        reserved: Reserved,
    ) -> Result<Receipt, SendError> {
        // The protocol refuses it too, but by a finer clock: what is not ready takes nothing, not even for a moment.
        self.shared.check_current().map_err(|why| SendError::Unavailable(why.to_string().into()))?;
        let (reply, answered) = oneshot::channel();
        self.put(Pending { request, hashes, reply, reserved })?;
        // The writer answers everything it took. Without an answer it died, before or after the commit; the
        // first to learn of that says so, so that readiness is red before a sender is answered.
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

    /// Reads an old target on the threads that read the log, so that the writer finds it in memory.
    async fn load_target(&self, draft: &Draft) -> Result<(), SendError> {
        let Some(target) = Target::of(draft, self.shared.log.head()) else { return Ok(()) };
        // Authors take turns, so that one with many replies does not keep the others waiting.
        let turn = draft.author.as_ref().map_or(UNNAMED_CLIENT, |author| turn_of(&author.id));
        match self.shared.reads.read((Lane::Sends, turn), move |log| target.load(log)).await {
            Err(ReadError::Busy) => {
                let bytes = self.queued_bytes.load(Ordering::Relaxed);
                Err(SendError::QueueFull { sends: self.queued(), bytes })
            }
            Err(ReadError::Closed) => Err(SendError::Unavailable(CLOSED.into())),
            // The writer meets the same error, and says so.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn wait_for_window(&self) -> Result<(), SendError> {
        let mut window = self.window.clone();
        let state = window.wait_for(|state| !matches!(state, WindowState::Reading)).await;
        match state.as_deref() {
            Ok(WindowState::Failed(why)) => Err(SendError::Unavailable(why.clone().into())),
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
        self.shared.check_current().map_err(|why| why.to_string())?;
        if self.shared.currentness.is_stalled() {
            return Err("the journal takes no entries".into());
        }
        match &*self.window.borrow() {
            WindowState::Failed(why) => Err(why.clone()),
            WindowState::Reading | WindowState::There => Ok(()),
        }
    }

    /// Commits what is queued and ends. Sends that come later are refused.
    pub fn close(&self) {
        self.gate.shut();
        self.is_closing.notify_one();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            let _ = thread.join();
        }
    }
}

/// Reads the window of keys in the background.
fn read_window(shared: &Arc<Shared>) -> std::io::Result<(Arc<RebuiltWindow>, watch::Receiver<WindowState>)> {
    let (told, window) = watch::channel(WindowState::Reading);
    let rebuilt = Arc::new(RebuiltWindow::default());
    let (shared, there) = (shared.clone(), rebuilt.clone());
    let read = move || {
        let state = match catch_unwind(AssertUnwindSafe(|| Window::restore(&*shared.log))) {
            Ok(Ok(window)) => {
                there.put(window);
                WindowState::There
            }
            Ok(Err(error)) => WindowState::Failed(format!("the idempotency keys cannot be read: {error}")),
            Err(_) => WindowState::Failed("the idempotency keys cannot be read".into()),
        };
        // A sender that waits for it finds the window where the writer looks for it before each batch.
        told.send_replace(state);
    };
    thread::Builder::new().name("millchat-keys".into()).spawn(read)?;
    Ok((rebuilt, window))
}

fn cost_bytes(draft: &Draft) -> usize {
    size_of::<Pending>()
        + draft.author.as_ref().map_or(0, Author::text_bytes)
        + draft.action.content().map_or(0, str::len)
        + draft.key.as_ref().map_or(0, String::len)
}

/// Returns the number by which an author takes turns.
fn turn_of(author: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    author.hash(&mut hasher);
    // 0 is nobody's.
    hasher.finish() | 1
}
