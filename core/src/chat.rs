//! The public face: open, send, moderate, subscribe, read history.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crossbeam::channel::{Sender, bounded};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot, watch};

use crate::cluster::NodeState;
use crate::counters::{Counters, Stats};
use crate::currentness::Currentness;
use crate::error::{ReadError, SendError};
use crate::event::{Author, Draft, Epoch, Position, Receipt, RoomName, Timestamp};
#[cfg(doc)]
use crate::limits::CLIENT_READS_MAX;
use crate::limits::FRAME_KINDS_MAX;
use crate::log::role::Role;
use crate::log::{self, BanRecord, Log, LogError, OpenError, Record, RoomHead};
use crate::message::Message;
use crate::neighbours::Neighbours;
use crate::packer;
use crate::read::dispatcher::Dispatcher;
use crate::read::fair_queue::{Lane, UNNAMED_CLIENT};
use crate::read::follow::Follower;
use crate::read::history::{self, HistoryPage, HistoryRange, Texts};
use crate::read::pool::ReadPool;
use crate::read::search::{self, SearchPage};
use crate::read::start::StartFrom;
use crate::read::subscription::{FrameSubscription, Subscription};
use crate::room::encoder::{Encoder, Encoders, FrameKind, Presence};
use crate::room::fanout::{Fanout, WaitList};
use crate::room::housekeeping;
use crate::room::redactions::{RedactionMark, Redactions};
use crate::room::table::Rooms;
use crate::search::Query;
use crate::shared::Shared;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::writer::{Connections, Inbound, RetentionPolicy, WriterHandle, check, check_author};

/// Most reads of the same texts, when rooms are purged or very much is deleted while they are read.
const TEXT_READS_MAX: usize = 8;
/// The error of a log whose storage panics when it is closed.
const CLOSE_PANICKED: &str = "the log cannot be closed (its pages do not hang together)";

/// A room at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The room's newest position; 0 when nothing is known of it.
    pub head: Position,
    /// The oldest position of the log that is kept.
    pub floor: Position,
    /// True if it is closed to writing.
    pub closed: bool,
    /// Its readers.
    pub presence: Presence,
}

/// An author who is banned: posts, edits, deletes and reacts to nothing, in no room, and no presence or
/// typing names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// The banned author.
    pub author_id: Arc<str>,
    /// The author of the ban, as named at that time.
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
    retention: RetentionPolicy,
    search_index: bool,
    quiet: Vec<Box<str>>,
    vital: Vec<Box<str>>,
    connections: Option<Connections>,
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

    /// Sets how far back the log is kept. By default all of it is kept.
    #[must_use]
    pub fn retention(mut self, policy: RetentionPolicy) -> Self {
        self.retention = policy;
        self
    }

    /// Keeps an index for [`Chat::search`], made by a thread of its own. By default there is none, and a
    /// search reads texts.
    #[must_use]
    pub fn search_index(mut self, is_kept: bool) -> Self {
        self.search_index = is_kept;
        self
    }

    /// Lets the values of a kind leave [`Chat::values_version`] as it is: for kinds by which nothing is decided, so
    /// that a change of one makes nobody decide again.
    #[must_use]
    pub fn quiet_values(mut self, kind: &str) -> Self {
        self.quiet.push(kind.into());
        self
    }

    /// Reserves [`VALUES_BYTES_RESERVED`](crate::VALUES_BYTES_RESERVED) bytes for the values of a kind, and of others that
    /// are named so: for what must not fail when others have filled the rest.
    #[must_use]
    pub fn vital_values(mut self, kind: &str) -> Self {
        self.vital.push(kind.into());
        self
    }

    /// Makes the chat one node of many: its log is a copy of theirs, and changes by the entries of their journal
    /// only. The log begins as a copy of the one with which the cluster began: see
    /// [`cluster::begin`](crate::cluster::begin).
    #[must_use]
    pub fn connect(mut self, connections: Connections) -> Self {
        self.connections = Some(connections);
        self
    }

    /// Opens the log, and makes it when there is none: a path, `memory:` (gone with the process), or `temp:`
    /// (a file without a name, gone with the process).
    pub fn open(self, log: &str) -> Result<Chat, OpenError> {
        let opened = log::open_as(log, self.role())?;
        self.open_log(opened).map_err(|source| OpenError::Io { path: log.to_owned(), source })
    }

    /// Opens a chat over any log. Fails when its threads cannot be started, and when a log of a cluster is opened
    /// without connections or another one with them.
    pub fn open_log(self, log: Arc<dyn Log>) -> std::io::Result<Chat> {
        self.role().check("the log", log.cluster()).map_err(std::io::Error::other)?;
        log.values().set_quiet(self.quiet);
        log.values().set_vital(self.vital);
        let reads = ReadPool::start(&log)?;
        let shared = Arc::new(Shared {
            encoders: Encoders::new(log.epoch(), self.encoders),
            rooms: Rooms::default(),
            fanout: Fanout::default(),
            marked: Mutex::default(),
            counters: Counters::default(),
            redactions: Redactions::default(),
            committed: Notify::new(),
            disk_full: AtomicBool::new(log.require_space(0).is_err()),
            closed: AtomicBool::new(false),
            currentness: match &self.connections {
                None => Currentness::of_single_node(),
                Some(_) => Currentness::of_member(),
            },
            neighbours: self.connections.as_ref().map(|Connections { peers, me, members, .. }| {
                let others = members.iter().copied().filter(|member| member != me);
                Neighbours::new(peers.clone(), others.collect(), log.head())
            }),
            reads,
            log,
        });
        let writer = Arc::new(match self.connections {
            None => WriterHandle::start(shared.clone(), self.retention)?,
            Some(connections) => WriterHandle::start_member(shared.clone(), self.retention, connections)?,
        });
        let (housekeeping, stop) = bounded(0);
        housekeeping::start(Arc::downgrade(&shared), stop.clone())?;
        if self.search_index {
            packer::start(Arc::downgrade(&shared), stop)?;
        }
        let wait_list = shared.fanout.wait_list(false);
        let inner = Arc::new(Inner { shared, writer, wait_list, _housekeeping: housekeeping });
        Ok(Chat { inner, client: UNNAMED_CLIENT })
    }

    fn role(&self) -> Role {
        if self.connections.is_some() { Role::Member } else { Role::Single }
    }
}

/// A chat. Cheap to clone.
///
/// Close it with [`Chat::close`]. When the last clone is dropped without that, it is closed in the
/// background, by a thread of its own: the drop waits for nothing, and the log's file is free some time
/// later. Subscriptions end when the chat is closed. They do not keep it open.
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
pub struct Chat {
    inner: Arc<Inner>,
    /// The client for whom the log is read.
    client: u64,
}

struct Inner {
    shared: Arc<Shared>,
    writer: Arc<WriterHandle>,
    /// The wait list of the embedders' subscriptions.
    wait_list: Arc<WaitList>,
    /// Dropping it ends the housekeeping thread, and the one that prepares the search index.
    _housekeeping: Sender<()>,
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
    /// [`SendError::KeyReused`] when room, content or what it answers differ. Keys count for posts; to repeat
    /// an edit, a delete or a reaction does no harm.
    ///
    /// Dropping the future does not take the send back.
    pub async fn send(&self, room: &RoomName, mut draft: Draft) -> Result<Receipt, SendError> {
        check(&mut draft)?;
        self.inner.writer.send(room, draft, None).await
    }

    /// Sends as [`Chat::send`] does, if it is still allowed when the writer takes the draft; otherwise the
    /// answer is [`SendError::NotAllowed`], and nothing is stored.
    ///
    /// The writer asks after every commit that it acknowledged before: so no draft is stored behind the
    /// acknowledgement of a value, a ban or a purge that `is_allowed` looks at. It asks on its own thread,
    /// and everybody waits: look at memory only, such as [`Chat::value`]. If it panics, it is not allowed. A draft that is repeated with its
    /// key gets its receipt unasked.
    pub async fn send_if(
        &self,
        room: &RoomName,
        mut draft: Draft,
        is_allowed: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Receipt, SendError> {
        check(&mut draft)?;
        self.inner.writer.send(room, draft, Some(Box::new(is_allowed))).await
    }

    /// Returns the same chat for the reads of one client, as an address or an account: any number but 0.
    ///
    /// Reads of the log that wait are served by turns, a client at a time, so one who asks for much delays
    /// nobody but themselves. At most [`CLIENT_READS_MAX`] of a client wait; it gets [`ReadError::Busy`] for
    /// more. Clients that are not named share one turn.
    #[must_use]
    pub fn for_client(&self, client: u64) -> Self {
        Self { inner: self.inner.clone(), client }
    }

    /// Joins a room. `reader` is whom presence names; without it, and when they are banned, the reader is
    /// only counted.
    pub async fn subscribe(
        &self,
        room: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
    ) -> Result<Subscription, ReadError> {
        Subscription::open(self.inner.shared.clone(), &self.inner.wait_list, room, from, reader, self.client)
            .await
    }

    /// Joins a room as [`Chat::subscribe`] does, and takes encoded frames of one kind.
    pub async fn subscribe_frames(
        &self,
        kind: FrameKind,
        room: &RoomName,
        from: StartFrom,
        reader: Option<Author>,
    ) -> Result<FrameSubscription, ReadError> {
        FrameSubscription::open(
            kind,
            self.inner.shared.clone(),
            &self.inner.wait_list,
            room,
            from,
            reader,
            self.client,
        )
        .await
    }

    /// Follows the whole log: the events of all rooms after a position, in order, as they become durable.
    ///
    /// A follower reads the log and holds nothing but its place: the writer never waits for it. It is for
    /// programs that must see everything; who reads a room subscribes.
    pub fn follow(&self, after: Position) -> Follower {
        Follower::new(self.inner.shared.clone(), after, self.client)
    }

    /// Returns a dispatcher for the subscriptions of one runtime thread.
    pub fn dispatcher(&self) -> Dispatcher {
        Dispatcher::new(self.inner.shared.clone(), self.inner.shared.fanout.wait_list(true))
    }

    /// A page of at most `limit` messages (1 to 1,000), in their latest state, newest last. It holds no text
    /// of which the delete was acknowledged before it is given.
    pub async fn history(
        &self,
        room: &RoomName,
        range: HistoryRange,
        limit: usize,
    ) -> Result<HistoryPage, ReadError> {
        self.read_texts(room, move |log, room| history::page(log, room, range, limit)).await
    }

    /// One message in its latest state; `None` when there is no message of this room at the position.
    pub async fn message(&self, room: &RoomName, position: Position) -> Result<Option<Message>, ReadError> {
        self.read_texts(room, move |log, room| history::message(log, room, position)).await
    }

    /// The messages of this room at these positions, in their latest state: those that are there, and as many
    /// of them as a page of history may hold.
    pub async fn messages(
        &self,
        room: &RoomName,
        positions: Vec<Position>,
    ) -> Result<Vec<Message>, ReadError> {
        self.read_texts(room, move |log, room| history::messages(log, room, &positions)).await
    }

    /// Returns the moment now, for an answer that is about to be made of texts: see [`Chat::is_current`].
    pub fn redaction_mark(&self) -> RedactionMark {
        self.inner.shared.redactions.mark()
    }

    /// Returns true if an answer that was begun after the mark may be given: no delete and no purge that was
    /// acknowledged since then concerns a text in it. `has_text_of` says of which messages it may have texts. One node
    /// of many gives none while it does not know all that the others have stored.
    ///
    /// A read of a chat is current when it is given. An embedder that takes its time to make an answer
    /// of it asks again, and makes it again if need be.
    pub fn is_current(&self, mark: RedactionMark, has_text_of: impl Fn(Position) -> bool) -> bool {
        let shared = &self.inner.shared;
        shared.redactions.validate(mark.0, has_text_of).is_some() && shared.currentness.is_current()
    }

    /// Reads texts of a room for somebody who waits for the answer. What was deleted while they were read is
    /// taken out; if it is not known what that was, they are read again.
    async fn read_texts<T: Texts + Send + 'static>(
        &self,
        room: &RoomName,
        read: impl Fn(&dyn Log, &RoomName) -> Result<T, LogError> + Clone + Send + 'static,
    ) -> Result<T, ReadError> {
        for _ in 0..TEXT_READS_MAX {
            let mark = self.redaction_mark();
            let (read, room) = (read.clone(), room.clone());
            let mut texts = self.read(move |log| read(log, &room)).await?;
            if let Some((_, deleted)) = self.inner.shared.redactions.since(mark.0) {
                texts.redact(&deleted);
                return Ok(texts);
            }
        }
        Err(ReadError::Busy)
    }

    /// Searches a room: the newest messages before a position (`None`: the newest of all) that have every
    /// term of a query in their text as it is now, newest first, at most `limit` (1 to 100).
    ///
    /// A search looks at a bounded part of the room. If it ends before the room does, [`SearchPage::older`]
    /// says where the next one goes on.
    pub async fn search(
        &self,
        room: &RoomName,
        query: Query,
        before: Option<Position>,
        limit: usize,
    ) -> Result<SearchPage, ReadError> {
        let before = before.unwrap_or(Position::MAX);
        self.read_texts(room, move |log, room| search::search(log, room, &query, before, limit)).await
    }

    /// Reads the log for somebody who waits for the answer.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = &self.inner.shared;
        shared.check_current()?;
        let read = shared.reads.read((Lane::Pages, self.client), read).await?;
        // It may have waited for its turn, and for the disk.
        shared.check_current()?;
        Ok(read)
    }

    /// A room at a glance.
    pub async fn overview(&self, room: &RoomName) -> Result<Overview, ReadError> {
        let shared = &self.inner.shared;
        shared.check_current()?;
        let known = shared.rooms.get(room);
        let head = if let Some(head) = known.as_ref().and_then(|room| room.head()) {
            head
        } else {
            let room = room.clone();
            self.read(move |log| log.room_head(&room)).await?
        };
        let presence = match (known, &shared.neighbours) {
            (Some(room), _) => room.signals.presence(),
            (None, Some(neighbours)) => neighbours.presence(room),
            (None, None) => Presence::default(),
        };
        let closed = shared.log.moderation().is_closed(room);
        Ok(Overview { head, floor: shared.log.floor(), closed, presence })
    }

    /// The rooms of the log by name: those after one of them, at most `count` (256). Fewer than that are the last.
    /// The newest event of a room may not be kept any more: then its head is below [`Chat::floor`].
    ///
    /// It costs `count` rows of a table, and a look at each room that had an event since the last checkpoint: at most
    /// 16,384.
    pub async fn rooms(&self, after: Option<RoomName>, count: usize) -> Result<Vec<RoomHead>, ReadError> {
        self.read(move |log| log.room_heads(after.as_ref(), count)).await
    }

    /// Bans an author from all rooms, and resolves when that is durable. Who may do it is the embedder's to
    /// decide.
    ///
    /// A ban is a record of the log outside every room (its receipt's `prev` is 0), and it outlives that
    /// record. An author who is banned already stays so, and the receipt is the one of the ban.
    pub async fn ban(&self, author_id: &str, by: Author) -> Result<Receipt, SendError> {
        self.set_ban(author_id, by, true).await
    }

    /// Takes a ban back, as durably. Of somebody who is not banned it is one more record and nothing else.
    pub async fn unban(&self, author_id: &str, by: Author) -> Result<Receipt, SendError> {
        self.set_ban(author_id, by, false).await
    }

    async fn set_ban(&self, author_id: &str, by: Author, banned: bool) -> Result<Receipt, SendError> {
        check_author(author_id, &by.name)?;
        check_author(&by.id, &by.name)?;
        self.inner.writer.ban(BanRecord { author_id: author_id.into(), banned, by: Some(by) }).await
    }

    /// Returns true if an author is banned.
    pub fn is_banned(&self, author_id: &str) -> bool {
        self.inner.shared.log.moderation().is_banned(author_id)
    }

    /// Everybody who is banned, by id; at most [`crate::BANS_MAX`].
    pub fn bans(&self) -> Vec<Ban> {
        let ban = |record: Record| {
            let BanRecord { author_id, by, .. } = record.ban?;
            Some(Ban { author_id, by, position: record.position, created_at: record.created_at })
        };
        self.inner.shared.log.moderation().bans().into_iter().filter_map(ban).collect()
    }

    /// Returns true if a room is closed to writing.
    pub fn is_closed(&self, room: &RoomName) -> bool {
        self.inner.shared.log.moderation().is_closed(room)
    }

    /// The rooms that are closed to writing, by name; at most [`crate::CLOSED_ROOMS_MAX`].
    pub fn closed_rooms(&self) -> Vec<RoomName> {
        self.inner.shared.log.moderation().closed_rooms()
    }

    /// The epoch of the log.
    pub fn epoch(&self) -> Epoch {
        self.inner.shared.log.epoch()
    }

    /// The newest durable position of the whole log.
    pub fn head(&self) -> Position {
        self.inner.shared.log.head()
    }

    /// The oldest position that is kept.
    pub fn floor(&self) -> Position {
        self.inner.shared.log.floor()
    }

    /// A secret made once with the log, for tokens and cookies that outlive a restart.
    pub fn signing_key(&self) -> [u8; 32] {
        self.inner.shared.log.signing_key()
    }

    /// Returns the way for the messages of other nodes, if this is one node of many.
    pub fn inbound(&self) -> Option<Inbound> {
        self.inner.writer.inbound().cloned()
    }

    /// Returns what this node knows of its cluster, if it is one of many.
    pub fn cluster(&self) -> Option<NodeState> {
        self.inner.writer.node_state()
    }

    /// Returns whether this node leads, now and as it changes: of many nodes one does, and a single node does. What
    /// is to be done once for all nodes is done there.
    pub fn leadership(&self) -> watch::Receiver<bool> {
        self.inner.writer.leadership()
    }

    /// Fails with the reason when no sends are taken.
    pub fn ready(&self) -> Result<(), String> {
        self.inner.writer.ready()?;
        self.inner.shared.reads.ready()?;
        if self.inner.shared.disk_full.load(Ordering::Acquire) {
            return Err("the disk is full".into());
        }
        Ok(())
    }

    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        let shared = &self.inner.shared;
        shared.counters.stats(self.inner.writer.queued(), shared.rooms.len(), &*shared.log)
    }

    /// Takes no more sends, commits those accepted, ends the subscriptions, and closes the log.
    ///
    /// A subscription still delivers the events that are in memory before it ends. The work is done by a
    /// thread of its own; dropping the future does not stop it. To close a closed chat does nothing.
    pub async fn close(&self) -> Result<(), LogError> {
        match close_in_background(&self.inner) {
            Ok(closed) => closed.await.unwrap_or_else(|_| Err(LogError::Storage(CLOSE_PANICKED.into()))),
            Err(error) => {
                let sentence = format!("no thread can be started to close the log: {error}");
                Err(LogError::Storage(sentence.into()))
            }
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    pub(crate) fn writer(&self) -> &WriterHandle {
        &self.inner.writer
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.shared.is_closed() {
            // Nobody is left to receive an error; the next start repairs what was not written.
            let _ = close_in_background(self);
        }
    }
}

/// Closes a chat by a thread of its own: to join the writer and to close the log wait for the disk.
fn close_in_background(chat: &Inner) -> std::io::Result<oneshot::Receiver<Result<(), LogError>>> {
    let (shared, writer) = (chat.shared.clone(), chat.writer.clone());
    let (done, closed) = oneshot::channel();
    thread::Builder::new().name("millchat-close".into()).spawn(move || {
        writer.close();
        shared.end_subscriptions();
        // A damaged file can make the storage panic.
        if let Ok(result) = catch_unwind(AssertUnwindSafe(|| shared.log.close())) {
            let _ = done.send(result);
        }
    })?;
    Ok(closed)
}
