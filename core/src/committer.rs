//! Group commit: the one writer.
//!
//! Senders put drafts into a bounded queue. One thread takes all that is pending, judges each draft (is its
//! key new, does its target exist), stores what remains in one durable commit, publishes the events to the
//! rooms, answers the senders, and wakes the readers, in this order. While one commit runs the next batch
//! gathers by itself: there is no timer. Every sender gets one of three answers: stored, certainly not stored,
//! or unknown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::chat::{SendError, Shared};
use crate::event::{Action, Body, Draft, Position, Receipt, RoomName, Timestamp};
use crate::idempotency::{Hasher, Window};
use crate::log::{Append, CommitError, Hash, LogError};
use crate::retention::{CUT_EVENTS_MAX, CUT_EVENTS_MIN, Keep, Retention};

/// Most sends that may wait for the committer.
pub const QUEUE_SENDS_MAX: usize = 65_536;
/// Most bytes that waiting sends may hold.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most events in one commit.
pub const BATCH_EVENTS_MAX: usize = 8_192;
/// A batch is closed by the send that takes it past this many bytes.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long the committer waits for a send before it looks after retention.
const IDLE_EVERY: Duration = Duration::from_secs(1);

type Reply = oneshot::Sender<Result<Receipt, SendError>>;

enum Command {
    Send(Box<Pending>),
    /// The keys of the log's tail.
    Window(Box<Window>),
    /// The window could not be read.
    NoWindow(LogError),
    Close,
}

struct Pending {
    room: RoomName,
    draft: Draft,
    cost_bytes: usize,
    reply: Reply,
}

/// The sending side.
pub(crate) struct Committer {
    queue: Sender<Command>,
    /// Bytes of the sends in the queue and in the batch being committed.
    queued_bytes: Arc<AtomicUsize>,
    /// Whether the window of keys is there; sends with a key wait for it.
    window: watch::Receiver<WindowState>,
    gate: Arc<Gate>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Clone)]
enum WindowState {
    Reading,
    There,
    Failed(String),
}

/// Whether writes are taken.
#[derive(Default)]
struct Gate {
    /// No new sends; what was accepted is still committed.
    closed: AtomicBool,
    /// Why nothing can be stored any more.
    broken: OnceLock<String>,
}

impl Gate {
    fn check(&self) -> Result<(), String> {
        match self.broken.get() {
            Some(why) => Err(why.clone()),
            None if self.closed.load(Ordering::Acquire) => Err(CLOSED.into()),
            None => Ok(()),
        }
    }
}

const CLOSED: &str = "the chat is closed";

impl Committer {
    pub fn start(shared: Arc<Shared>, keep: Keep) -> std::io::Result<Self> {
        let (queue, commands) = bounded(QUEUE_SENDS_MAX);
        let (told, window) = watch::channel(WindowState::Reading);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Gate::default());
        read_window(shared.clone(), queue.clone())?;
        let writer = Writer {
            hasher: Hasher::new(&shared.log.signing_key()),
            last_at: newest_time(&shared),
            shared,
            window: Window::default(),
            retention: Retention::new(keep),
            heads_seen: None,
            idle_at: Instant::now(),
            told,
            queued_bytes: queued_bytes.clone(),
            gate: gate.clone(),
        };
        let thread =
            thread::Builder::new().name("millchat-committer".into()).spawn(move || writer.run(&commands))?;
        Ok(Self { queue, queued_bytes, window, gate, thread: Mutex::new(Some(thread)) })
    }

    pub async fn send(&self, room: &RoomName, draft: Draft) -> Result<Receipt, SendError> {
        self.gate.check().map_err(SendError::Unavailable)?;
        if draft.key.is_some() {
            let mut window = self.window.clone();
            let state = window.wait_for(|state| !matches!(state, WindowState::Reading)).await;
            match state.as_deref() {
                Ok(WindowState::There) => {}
                Ok(WindowState::Failed(why)) => return Err(SendError::Unavailable(why.clone())),
                _ => return Err(SendError::Unavailable(CLOSED.into())),
            }
        }
        let cost_bytes = cost_bytes(&draft);
        let queued_bytes = self.queued_bytes.fetch_add(cost_bytes, Ordering::Relaxed) + cost_bytes;
        let full = || SendError::QueueFull { sends: self.queue.len(), bytes: queued_bytes - cost_bytes };
        if queued_bytes > QUEUE_BYTES_MAX {
            self.queued_bytes.fetch_sub(cost_bytes, Ordering::Relaxed);
            return Err(full());
        }
        let (reply, answered) = oneshot::channel();
        let pending = Box::new(Pending { room: room.clone(), draft, cost_bytes, reply });
        if let Err(error) = self.queue.try_send(Command::Send(pending)) {
            self.queued_bytes.fetch_sub(cost_bytes, Ordering::Relaxed);
            return Err(match error {
                TrySendError::Full(_) => full(),
                TrySendError::Disconnected(_) => SendError::Unavailable(CLOSED.into()),
            });
        }
        // The committer answers everything it took. Without an answer it died, before or after the commit.
        answered.await.unwrap_or_else(|_| Err(SendError::Unknown("the committer ended".into())))
    }

    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    pub fn ready(&self) -> Result<(), String> {
        self.gate.check()
    }

    /// Commits what is queued and ends. Sends that come later are refused.
    pub fn close(&self) {
        self.gate.closed.store(true, Ordering::Release);
        if let Some(thread) = self.thread.lock().take() {
            // The queue may be full, but the committer empties it; if it is gone there is nothing to end.
            let _ = self.queue.send(Command::Close);
            let _ = thread.join();
        }
    }
}

/// Reads the window of keys, and hands it to the committer by its queue.
fn read_window(shared: Arc<Shared>, queue: Sender<Command>) -> std::io::Result<()> {
    let read = move || {
        let command = match Window::rebuild(&*shared.log) {
            Ok(window) => Command::Window(Box::new(window)),
            Err(error) => Command::NoWindow(error),
        };
        // The chat may be closed by now.
        let _ = queue.send(command);
    };
    thread::Builder::new().name("millchat-keys".into()).spawn(read).map(drop)
}

/// The newest record's time: time in the log does not go back when the clock does.
fn newest_time(shared: &Shared) -> Timestamp {
    let newest = shared.log.record(shared.log.head());
    newest.ok().flatten().map_or(Timestamp(0), |record| record.created_at)
}

fn cost_bytes(draft: &Draft) -> usize {
    let author = draft.author.as_ref().map_or(0, |author| author.id.len() + author.name.len());
    let content = match &draft.action {
        Action::Post { content } | Action::Edit { content, .. } => content.len(),
        Action::Delete { .. } => 0,
    };
    size_of::<Pending>() + author + content + draft.key.as_ref().map_or(0, String::len)
}

/// The committer's thread.
struct Writer {
    shared: Arc<Shared>,
    hasher: Hasher,
    window: Window,
    told: watch::Sender<WindowState>,
    queued_bytes: Arc<AtomicUsize>,
    gate: Arc<Gate>,
    last_at: Timestamp,
    retention: Retention,
    /// The room after which to go on looking for heads to forget.
    heads_seen: Option<RoomName>,
    /// When the next look at idle business is due.
    idle_at: Instant,
}

/// What becomes of one pending send.
enum Verdict {
    /// It is the batch's nth event.
    Event(usize),
    /// Its key has made this event already.
    Replay(Receipt),
    Rejected(SendError),
}

/// A batch being judged.
#[derive(Default)]
struct Batch {
    appends: Vec<Append>,
    /// Keys of the batch and their event.
    keys: HashMap<Hash, usize>,
    /// Messages that the batch deletes.
    deletes: Vec<Position>,
    replies: Vec<(Reply, Verdict)>,
}

impl Writer {
    fn run(mut self, commands: &Receiver<Command>) {
        let mut open = true;
        while open {
            let first = match commands.recv_timeout(IDLE_EVERY) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.keep_house(commands);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(command) = next.take() {
                match command {
                    Command::Send(pending) => {
                        bytes += pending.cost_bytes;
                        batch.push(*pending);
                    }
                    Command::Window(window) => {
                        self.window = *window;
                        self.told.send_replace(WindowState::There);
                    }
                    Command::NoWindow(error) => {
                        self.told.send_replace(WindowState::Failed(error.to_string()));
                    }
                    Command::Close => {
                        open = false;
                        // What was accepted before the close is committed; nothing follows it.
                        batch.extend(commands.try_iter().filter_map(|command| match command {
                            Command::Send(pending) => Some(*pending),
                            _ => None,
                        }));
                        break;
                    }
                }
                if batch.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX {
                    next = commands.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                self.commit(batch);
            }
            // Also when there is never a pause.
            if self.idle_at.elapsed() >= IDLE_EVERY * 8 {
                self.keep_house(commands);
            }
        }
    }

    fn commit(&mut self, pending: Vec<Pending>) {
        let cost_bytes: usize = pending.iter().map(|pending| pending.cost_bytes).sum();
        let now = Timestamp::now().max(self.last_at);
        self.last_at = now;
        let mut batch = Batch::default();
        for pending in pending {
            let Pending { room, draft, reply, .. } = pending;
            let verdict = self.judge(&mut batch, room, draft, now);
            batch.replies.push((reply, verdict));
        }
        let outcome = if batch.appends.is_empty() { Ok(Vec::new()) } else { self.store(&batch.appends) };
        self.answer(batch, &outcome);
        self.queued_bytes.fetch_sub(cost_bytes, Ordering::Relaxed);
    }

    /// Decides what becomes of a draft, and adds its event to the batch if it makes one.
    fn judge(&self, batch: &mut Batch, room: RoomName, draft: Draft, now: Timestamp) -> Verdict {
        if let Some(why) = self.gate.broken.get() {
            return Verdict::Rejected(SendError::Unavailable(why.clone()));
        }
        let body = match &draft.action {
            Action::Post { content } => Ok(Body::Message { content: Some(content.as_str().into()) }),
            Action::Edit { target, content, moderator } => self
                .target(batch, &room, &draft, *target, *moderator)
                .map(|()| Body::Edit { target: *target, content: Some(content.as_str().into()) }),
            Action::Delete { target, moderator } => self
                .target(batch, &room, &draft, *target, *moderator)
                .map(|()| Body::Delete { target: *target }),
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => return Verdict::Rejected(error),
        };
        let (mut key, mut content_hash) = (None, None);
        if let (Some(text), Action::Post { content }) = (&draft.key, &draft.action) {
            let author_id = draft.author.as_ref().map_or("", |author| &author.id);
            let hash = self.hasher.key(author_id, text);
            let content = self.hasher.content(&room, content);
            if let Some(&earlier) = batch.keys.get(&hash) {
                let same = batch.appends[earlier].content_hash == Some(content);
                return if same { Verdict::Event(earlier) } else { Verdict::Rejected(SendError::KeyReused) };
            }
            match self.seen(&hash, &content) {
                Ok(None) => {}
                Ok(Some(receipt)) => return Verdict::Replay(receipt),
                Err(error) => return Verdict::Rejected(error),
            }
            batch.keys.insert(hash, batch.appends.len());
            (key, content_hash) = (Some(hash), Some(content));
        }
        if let Body::Delete { target } = body {
            batch.deletes.push(target);
        }
        batch.appends.push(Append { room, author: draft.author, created_at: now, body, key, content_hash });
        Verdict::Event(batch.appends.len() - 1)
    }

    /// Whether the draft's author may change the message at `target`.
    fn target(
        &self,
        batch: &Batch,
        room: &RoomName,
        draft: &Draft,
        target: Position,
        moderator: bool,
    ) -> Result<(), SendError> {
        let record =
            self.shared.log.record(target).map_err(|error| SendError::Unavailable(error.to_string()))?;
        let event = record.and_then(|record| record.event).ok_or(SendError::UnknownTarget(target))?;
        let Body::Message { content } = &event.body else { return Err(SendError::UnknownTarget(target)) };
        if event.room != *room {
            return Err(SendError::UnknownTarget(target));
        }
        let id = |author: &Option<crate::Author>| author.as_ref().map(|author| author.id.clone());
        if !moderator && (draft.author.is_none() || id(&event.author) != id(&draft.author)) {
            return Err(SendError::NotAuthor(target));
        }
        if content.is_none() || batch.deletes.contains(&target) {
            return Err(SendError::TargetDeleted(target));
        }
        Ok(())
    }

    /// The receipt of the event that a key has made, if it has.
    fn seen(&self, key: &Hash, content: &Hash) -> Result<Option<Receipt>, SendError> {
        let Some(position) = self.window.get(key) else { return Ok(None) };
        let record =
            self.shared.log.record(position).map_err(|error| SendError::Unavailable(error.to_string()))?;
        // Below the floor the promise ends.
        let Some(record) = record else { return Ok(None) };
        // A delete cleared the hash: what the content was is not known any more, and need not be.
        if record.content_hash.is_some_and(|known| known != *content) {
            return Err(SendError::KeyReused);
        }
        let prev = record.event.map_or(0, |event| event.prev);
        Ok(Some(Receipt { position, prev, epoch: self.shared.log.epoch(), created_at: record.created_at }))
    }

    /// Stores events, and takes a step of a cut along.
    fn store(&mut self, appends: &[Append]) -> Result<Vec<Arc<crate::Event>>, CommitError> {
        while self.retention.is_behind(&*self.shared.log) && self.cut(CUT_EVENTS_MAX)? {}
        let step = (2 * appends.len()).clamp(CUT_EVENTS_MIN, CUT_EVENTS_MAX);
        let floor = self.next_floor(step);
        self.commit_now(appends, floor)
    }

    /// Takes a step of a cut alone; whether there was anything to cut.
    fn cut(&mut self, events_max: usize) -> Result<bool, CommitError> {
        let floor = self.next_floor(events_max);
        if floor <= self.shared.log.floor() {
            return Ok(false);
        }
        self.commit_now(&[], floor).map(|_| true)
    }

    /// What cannot be read is not cut; whoever reads is told why.
    fn next_floor(&mut self, events_max: usize) -> Position {
        let log = &*self.shared.log;
        self.retention
            .next_floor(log, self.last_at.max(Timestamp::now()), events_max)
            .unwrap_or_else(|_| log.floor())
    }

    /// What is to be done when nobody sends: cut what is old, forget old heads, see whether the disk has room
    /// again. Ends at once when somebody sends.
    fn keep_house(&mut self, commands: &Receiver<Command>) {
        self.idle_at = Instant::now();
        if self.gate.broken.get().is_some() {
            return;
        }
        if self.shared.disk_full.load(Ordering::Acquire) && self.shared.log.require_space().is_ok() {
            self.shared.disk_full.store(false, Ordering::Release);
        }
        while commands.is_empty() && self.cut(CUT_EVENTS_MAX / 4).unwrap_or(false) {}
        let age_ms = self.retention.keep().heads_age().as_millis() as u64;
        let before = Timestamp(Timestamp::now().0.saturating_sub(age_ms));
        if self.shared.log.floor() > 1 && commands.is_empty() {
            let rooms = &self.shared.rooms;
            let spare = |room: &RoomName| rooms.get(room).is_some();
            let forgot = self.shared.log.forget_heads(self.heads_seen.as_ref(), before, &spare);
            self.heads_seen = forgot.unwrap_or(None);
        }
    }

    fn commit_now(&self, appends: &[Append], floor: Position) -> Result<Vec<Arc<crate::Event>>, CommitError> {
        let started = Instant::now();
        let outcome = self.shared.log.commit(appends, floor);
        self.shared.counters.commit(appends.len(), started.elapsed(), outcome.is_ok());
        match &outcome {
            Ok(_) | Err(CommitError::DiskFull { .. }) => {}
            Err(error) => {
                // The first failure is the one to tell.
                let _ =
                    self.gate.broken.set(format!("a commit failed ({error}); a restart opens the log anew"));
            }
        }
        self.shared.disk_full.store(matches!(outcome, Err(CommitError::DiskFull { .. })), Ordering::Release);
        outcome
    }

    /// Publishes, then answers, then wakes.
    fn answer(&mut self, batch: Batch, outcome: &Result<Vec<Arc<crate::Event>>, CommitError>) {
        let events = outcome.as_deref().unwrap_or_default();
        for (hash, index) in &batch.keys {
            if let Some(event) = events.get(*index) {
                self.window.insert(*hash, event.position, event.created_at);
            }
        }
        let rooms = self.shared.publish(events);
        let epoch = self.shared.log.epoch();
        for (reply, verdict) in batch.replies {
            let answer = match verdict {
                Verdict::Replay(receipt) => Ok(receipt),
                Verdict::Rejected(error) => Err(error),
                Verdict::Event(index) => match outcome {
                    Ok(events) => {
                        let event = &events[index];
                        let (position, prev, created_at) = (event.position, event.prev, event.created_at);
                        Ok(Receipt { position, prev, epoch, created_at })
                    }
                    Err(CommitError::DiskFull { free, needed }) => {
                        Err(SendError::DiskFull { free: *free, needed: *needed })
                    }
                    Err(CommitError::Refused(why)) => Err(SendError::Unavailable(why.clone())),
                    Err(CommitError::Unknown(why)) => Err(SendError::Unknown(why.clone())),
                },
            };
            // The sender may have gone; the event stands all the same.
            let _ = reply.send(answer);
        }
        self.shared.fanout.tell(&rooms);
    }
}
