//! The public face: open, send, moderate, subscribe, read history.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crossbeam::channel::{Sender, bounded};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::counters::{Counters, Stats};
use crate::error::{ReadError, SendError};
use crate::event::{Author, Draft, Epoch, Position, Receipt, RoomName, Timestamp};
use crate::limits::FRAME_KINDS_MAX;
use crate::log::{self, Log, LogError, OpenError, Record, Ruling};
use crate::message::Message;
use crate::read::dispatcher::Dispatcher;
use crate::read::history::{self, HistoryPage, HistoryRange};
use crate::read::pool::ReadPool;
use crate::read::start::From;
use crate::read::subscription::{FrameSubscription, Subscription};
use crate::room::encoder::{Encoder, Encoders, FrameKind, Presence};
use crate::room::fanout::{Fanout, Waiting};
use crate::room::housekeeping;
use crate::room::table::Rooms;
use crate::shared::Shared;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::writer::{Committer, Keep, check, check_author};

/// The error of a log whose storage panics when it is closed.
const CLOSE_PANICKED: &str = "the log cannot be closed (its pages do not hang together)";

/// A room at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The room's newest position; 0 when nothing is known of it.
    pub head: Position,
    /// The oldest position of the log that is kept.
    pub floor: Position,
    /// Whether it is closed to writing.
    pub closed: bool,
    /// Who is in it.
    pub presence: Presence,
}

/// An author who is banned: posts, edits, deletes and reacts to nothing, in no room, and is named there by no presence or typing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub author_id: Arc<str>,
    /// Who banned them, as then named.
    pub by: Option<Author>,
    /// The position of the ban in the log.
    pub position: Position,
    /// When.
    pub created_at: Timestamp,
}

/// Opens a chat with encoders.
#[derive(Default)]
pub struct Builder {
    encoders: Vec<Box<dyn Encoder>>,
    keep: Keep,
}

impl Builder {
    /// Registers an encoder and returns the kind of its frames.
    ///
    /// # Panics
    ///
    /// When there are [`FRAME_KINDS_MAX`] already.
    pub fn encoder(&mut self, encoder: impl Encoder) -> FrameKind {
        assert!(self.encoders.len() < FRAME_KINDS_MAX, "a chat has at most {FRAME_KINDS_MAX} kinds of frame");
        self.encoders.push(Box::new(encoder));
        FrameKind((self.encoders.len() - 1) as u8)
    }

    /// How far back the log is kept; by default all of it is.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Opens the log, and makes it when there is none: a path, `memory:` (gone with the process), or `temp:`
    /// (a file without a name, gone with the process).
    pub fn open(self, log: &str) -> Result<Chat, OpenError> {
        self.open_log(log::open(log)?).map_err(|source| OpenError::Io { path: log.to_owned(), source })
    }

    /// Opens a chat over any log. Fails when its threads cannot be started.
    pub fn open_log(self, log: Arc<dyn Log>) -> std::io::Result<Chat> {
        let reads = ReadPool::start(&log)?;
        let shared = Arc::new(Shared {
            encoders: Encoders::new(log.epoch(), self.encoders),
            rooms: Rooms::default(),
            fanout: Fanout::default(),
            marked: Mutex::default(),
            counters: Counters::default(),
            disk_full: AtomicBool::new(log.require_space(0).is_err()),
            closed: AtomicBool::new(false),
            reads,
            log,
        });
        let committer = Arc::new(Committer::start(shared.clone(), self.keep)?);
        let (keeper, stop) = bounded(0);
        housekeeping::start(Arc::downgrade(&shared), stop)?;
        let waiting = shared.fanout.waiting(false);
        Ok(Chat(Arc::new(Inner { shared, committer, waiting, _keeper: keeper })))
    }
}

/// A chat. Cheap to clone.
///
/// Close it with [`Chat::close`]. When the last clone is dropped without that, it is closed in the background, by a
/// thread of its own: the drop waits for nothing, and the log's file is free some time later. Subscriptions end when
/// the chat is closed. They do not keep it open.
///
/// ```
/// # use millchat::{Author, AuthorKind, Chat, Draft, HistoryRange, RoomName};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let chat = Chat::open("memory:")?;
/// let lobby = RoomName::new("lobby")?;
/// let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
/// let receipt = chat.send(&lobby, Draft::post(ada, "hello")).await?;
/// let page = chat.history(&lobby, HistoryRange::Newest, 100).await?;
/// assert_eq!(page.messages[0].position, receipt.position);
/// # Ok(()) })
/// # .map_err(|error: Box<dyn std::error::Error>| error)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Chat(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    committer: Arc<Committer>,
    /// Where the subscriptions of embedders wait.
    waiting: Arc<Waiting>,
    /// Dropping it ends the keeper.
    _keeper: Sender<()>,
}

impl Chat {
    /// Opens a log without encoders: see [`Builder::open`].
    pub fn open(log: &str) -> Result<Self, OpenError> {
        Builder::default().open(log)
    }

    /// A chat with encoders.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Sends a draft to a room, and resolves when its event is durable.
    ///
    /// CRLF and a lone CR in the content become LF. A draft with a key that its author has used before, in
    /// the window of 24 hours or 1,000,000 keys, makes no second event: the first receipt is given again, or
    /// [`SendError::KeyReused`] when room, content or what it answers differ. Keys count for posts; to repeat an
    /// edit, a delete or a reaction does no harm.
    ///
    /// Dropping the future does not take the send back.
    pub async fn send(&self, room: &RoomName, mut draft: Draft) -> Result<Receipt, SendError> {
        check(&mut draft)?;
        self.0.committer.send(room, draft).await
    }

    /// Joins a room. `reader` is whom presence names; without it, and when they are banned, the reader is only counted.
    pub async fn subscribe(
        &self,
        room: &RoomName,
        from: From,
        reader: Option<Author>,
    ) -> Result<Subscription, ReadError> {
        Subscription::open(self.0.shared.clone(), &self.0.waiting, room, from, reader).await
    }

    /// Joins a room as [`Chat::subscribe`] does, and takes encoded frames of one kind.
    pub async fn subscribe_frames(
        &self,
        kind: FrameKind,
        room: &RoomName,
        from: From,
        reader: Option<Author>,
    ) -> Result<FrameSubscription, ReadError> {
        FrameSubscription::open(kind, self.0.shared.clone(), &self.0.waiting, room, from, reader).await
    }

    /// A dispatcher for the subscriptions of one runtime thread.
    pub fn dispatcher(&self) -> Dispatcher {
        Dispatcher::new(self.0.shared.clone(), self.0.shared.fanout.waiting(true))
    }

    /// A page of at most `limit` messages (1 to 1,000), in their latest state, newest last.
    pub async fn history(
        &self,
        room: &RoomName,
        range: HistoryRange,
        limit: usize,
    ) -> Result<HistoryPage, ReadError> {
        let room = room.clone();
        self.0.shared.reads.read(move |log| history::page(log, &room, range, limit)).await
    }

    /// One message in its latest state; `None` when there is no message of this room at the position.
    pub async fn message(&self, room: &RoomName, position: Position) -> Result<Option<Message>, ReadError> {
        let room = room.clone();
        self.0.shared.reads.read(move |log| history::message(log, &room, position)).await
    }

    /// The messages of this room at these positions, in their latest state: those that are there, and as many of them
    /// as a page of history may hold.
    pub async fn messages(
        &self,
        room: &RoomName,
        positions: Vec<Position>,
    ) -> Result<Vec<Message>, ReadError> {
        let room = room.clone();
        self.0.shared.reads.read(move |log| history::messages(log, &room, &positions)).await
    }

    /// A room at a glance.
    pub async fn overview(&self, room: &RoomName) -> Result<Overview, ReadError> {
        let shared = &self.0.shared;
        let known = shared.rooms.get(room);
        let head = if let Some(head) = known.as_ref().and_then(|room| room.head()) {
            head
        } else {
            let room = room.clone();
            shared.reads.read(move |log| log.room_head(&room)).await?
        };
        let presence = known.map(|room| room.signals.presence()).unwrap_or_default();
        let closed = shared.log.standing().is_closed(room);
        Ok(Overview { head, floor: shared.log.floor(), closed, presence })
    }

    /// Says that somebody is typing in a room; nothing happens when nobody is in it, or when the author is banned.
    pub fn typing(&self, room: &RoomName, author: &Author) {
        if self.0.shared.log.standing().is_banned(&author.id) {
            return;
        }
        if let Some(room) = self.0.shared.rooms.get(room) {
            room.signals.type_now(author);
            self.0.shared.mark(&room);
        }
    }

    /// Bans an author from all rooms, and resolves when that is durable. Who may do it is the embedder's to decide.
    ///
    /// A ban is a record of the log outside every room (its receipt's `prev` is 0), and it outlives that record. An
    /// author who is banned already stays so, and the receipt is the one of the ban.
    pub async fn ban(&self, author_id: &str, by: Author) -> Result<Receipt, SendError> {
        self.rule(author_id, by, true).await
    }

    /// Takes a ban back, as durably. Of somebody who is not banned it is one more record and nothing else.
    pub async fn unban(&self, author_id: &str, by: Author) -> Result<Receipt, SendError> {
        self.rule(author_id, by, false).await
    }

    async fn rule(&self, author_id: &str, by: Author, banned: bool) -> Result<Receipt, SendError> {
        check_author(author_id, &by.name)?;
        check_author(&by.id, &by.name)?;
        self.0.committer.rule(Ruling { author_id: author_id.into(), banned, by: Some(by) }).await
    }

    /// Everybody who is banned, by id; at most [`crate::BANS_MAX`].
    pub fn bans(&self) -> Vec<Ban> {
        let ban = |record: Record| {
            let Ruling { author_id, by, .. } = record.ruling?;
            Some(Ban { author_id, by, position: record.position, created_at: record.created_at })
        };
        self.0.shared.log.standing().bans().into_iter().filter_map(ban).collect()
    }

    /// Whether a room is closed to writing.
    pub fn is_closed(&self, room: &RoomName) -> bool {
        self.0.shared.log.standing().is_closed(room)
    }

    /// The rooms that are closed to writing, by name; at most [`crate::CLOSED_ROOMS_MAX`].
    pub fn closed_rooms(&self) -> Vec<RoomName> {
        self.0.shared.log.standing().closed_rooms()
    }

    /// The epoch of the log.
    pub fn epoch(&self) -> Epoch {
        self.0.shared.log.epoch()
    }

    /// The newest durable position of the whole log.
    pub fn head(&self) -> Position {
        self.0.shared.log.head()
    }

    /// The oldest position that is kept.
    pub fn floor(&self) -> Position {
        self.0.shared.log.floor()
    }

    /// A secret made once with the log, for tokens and cookies that outlive a restart.
    pub fn signing_key(&self) -> [u8; 32] {
        self.0.shared.log.signing_key()
    }

    /// Whether sends are taken, and if not, why.
    pub fn ready(&self) -> Result<(), String> {
        self.0.committer.ready()?;
        self.0.shared.reads.ready()?;
        if self.0.shared.disk_full.load(Ordering::Acquire) {
            return Err("the disk is full".into());
        }
        Ok(())
    }

    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        let shared = &self.0.shared;
        shared.counters.stats(self.0.committer.queued(), shared.rooms.len(), &*shared.log)
    }

    /// Takes no more sends, commits those accepted, ends the subscriptions, and closes the log.
    ///
    /// A subscription still delivers the events that are in memory before it ends. The work is done by a thread of
    /// its own; dropping the future does not stop it. To close a closed chat does nothing.
    pub async fn close(&self) -> Result<(), LogError> {
        match close_in_background(&self.0) {
            Ok(closed) => closed.await.unwrap_or_else(|_| Err(LogError::Storage(CLOSE_PANICKED.into()))),
            Err(error) => {
                Err(LogError::Storage(format!("no thread can be started to close the log: {error}")))
            }
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.shared.is_closed() {
            // Nobody is left to be told of an error; the next start repairs what was not written.
            let _ = close_in_background(self);
        }
    }
}

/// Closes a chat by a thread of its own: to join the writer and to close the log wait for the disk.
fn close_in_background(chat: &Inner) -> std::io::Result<oneshot::Receiver<Result<(), LogError>>> {
    let (shared, committer) = (chat.shared.clone(), chat.committer.clone());
    let (done, closed) = oneshot::channel();
    thread::Builder::new().name("millchat-close".into()).spawn(move || {
        committer.close();
        shared.end_subscriptions();
        // A damaged file can make the storage panic.
        if let Ok(result) = catch_unwind(AssertUnwindSafe(|| shared.log.close())) {
            let _ = done.send(result);
        }
    })?;
    Ok(closed)
}
