//! The contract of a log: its invariants, and the data that go in and come out.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::cluster::{ClusterId, Mark, Passed};
use crate::event::{Author, Body, Epoch, Event, Position, RoomName, Timestamp};
use crate::log::error::{CommitError, LogError};
use crate::log::moderation::ModerationState;
use crate::log::record::{self, BanRecord, Hash, RawRecord, Record, ValueRecord};
use crate::log::values::ValuesState;
use crate::message::Reacted;
use crate::reaction::Reaction;

/// Most records one read may return: a read transaction pins the pages it could see.
pub const READ_EVENTS_MAX: usize = 256;
/// A read stops after the record that takes it past this many bytes of records.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// The payload of a record.
#[derive(Clone)]
pub enum Payload {
    /// An event of a room.
    Event {
        /// The room it goes to.
        room: RoomName,
        /// Its body.
        body: Body,
    },
    /// An author, by id, is banned: a record of no room.
    Ban(Arc<str>),
    /// The ban of an author, by id, ends: a record of no room.
    Unban(Arc<str>),
    /// A value is kept: a record of no room.
    SetValue {
        /// Its key.
        key: Arc<str>,
        /// Its text.
        text: Arc<str>,
        /// When it expires.
        until: Option<Timestamp>,
    },
    /// The value of a key is kept no longer: a record of no room.
    RemoveValue(Arc<str>),
}

/// Without the texts of values, which may be secrets.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { room, body } => {
                f.debug_struct("Event").field("room", room).field("body", body).finish()
            }
            Self::Ban(author_id) => f.debug_tuple("Ban").field(author_id).finish(),
            Self::Unban(author_id) => f.debug_tuple("Unban").field(author_id).finish(),
            Self::SetValue { key, text, until } => {
                let mut out = f.debug_struct("SetValue");
                out.field("key", key).field("text_bytes", &text.len()).field("until", until).finish()
            }
            Self::RemoveValue(key) => f.debug_tuple("RemoveValue").field(key).finish(),
        }
    }
}

/// One record on its way into the log: everything but its position.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its payload.
    pub payload: Payload,
    /// Its author.
    pub author: Option<Author>,
    /// When the writer took it.
    pub created_at: Timestamp,
    /// Keyed hash of the author and the idempotency key, when there is one.
    pub key: Option<Hash>,
    /// Keyed hash of the room and the content, when there is a key.
    pub content_hash: Option<Hash>,
}

impl NewRecord {
    /// An event without a key.
    pub fn event(room: RoomName, author: Option<Author>, created_at: Timestamp, body: Body) -> Self {
        Self { payload: Payload::Event { room, body }, author, created_at, key: None, content_hash: None }
    }

    /// Returns the ban that it is.
    pub(crate) fn ban(&self) -> Option<BanRecord> {
        let by = self.author.clone();
        match &self.payload {
            Payload::Ban(id) => Some(BanRecord { author_id: id.clone(), banned: true, by }),
            Payload::Unban(id) => Some(BanRecord { author_id: id.clone(), banned: false, by }),
            _ => None,
        }
    }

    /// Returns the record about a value that it is.
    pub(crate) fn value(&self) -> Option<ValueRecord> {
        let by = self.author.clone();
        match &self.payload {
            Payload::SetValue { key, text, until } => {
                let (key, text, until) = (key.clone(), Some(text.clone()), *until);
                Some(ValueRecord { key, is_set: true, text, until, by })
            }
            Payload::RemoveValue(key) => {
                Some(ValueRecord { key: key.clone(), is_set: false, text: None, until: None, by })
            }
            _ => None,
        }
    }

    /// Returns the most bytes that its record takes.
    pub(crate) fn bytes_max(&self) -> u64 {
        let author = self.author.as_ref().map_or(0, Author::text_bytes);
        let texts = match &self.payload {
            Payload::Event { body, .. } => body.content().map_or(0, str::len),
            Payload::Ban(author_id) | Payload::Unban(author_id) => author_id.len(),
            // In the record, and in its row.
            Payload::SetValue { key, text, .. } => 2 * (key.len() + text.len()),
            Payload::RemoveValue(key) => key.len(),
        };
        record::bytes_max(author + texts) as u64
    }
}

/// The idempotency key of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredKey {
    /// The position of the record.
    pub position: Position,
    /// Keyed hash of the author and the key.
    pub key: Hash,
    /// When the writer took the record.
    pub created_at: Timestamp,
}

/// The numbers of edits and reactions of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Its edits.
    pub edits: usize,
    /// Its reactions in force, in the order of [`Reaction::ALL`].
    pub reactions: [usize; Reaction::ALL.len()],
}

impl Counts {
    /// Returns the number of reactions of a kind.
    pub fn of(&self, reaction: Reaction) -> usize {
        self.reactions[usize::from(reaction.number()) - 1]
    }

    pub(crate) fn of_mut(&mut self, reaction: Reaction) -> &mut usize {
        &mut self.reactions[usize::from(reaction.number()) - 1]
    }

    /// Returns the number of reactions of all kinds.
    pub fn all_reactions(&self) -> usize {
        self.reactions.iter().sum()
    }
}

/// The result of storing a [`NewRecord`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its position in the log.
    pub position: Position,
    /// The event; `None` for a record of no room.
    pub event: Option<Arc<Event>>,
}

/// An entry of the journal of a cluster, as it is applied to a log.
#[derive(Debug, Clone)]
pub struct FinishedEntry {
    /// The things that are remembered of it.
    pub passed: Passed,
    /// The place behind it. Its floor is the log's from then on.
    pub mark: Mark,
    /// Its records, which continue the log; none of an entry that is void.
    pub records: Vec<RawRecord>,
}

/// The age of a record, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordAge {
    /// Its position.
    pub position: Position,
    /// When it was made; `None` if it is damaged.
    pub created_at: Option<Timestamp>,
    /// The bytes that it takes.
    pub bytes: u64,
}

impl RecordAge {
    pub(crate) fn of(position: Position, record: &[u8]) -> Self {
        let created_at = record::outline(position, record).ok().map(|outline| outline.created_at);
        Self { position, created_at, bytes: record::stored_bytes(record) }
    }
}

/// A room and its newest event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomHead {
    /// The room's name.
    pub room: RoomName,
    /// The position of its newest event, which may not be kept any more.
    pub head: Position,
    /// The time of that event.
    pub last_at: Timestamp,
}

/// A piece of a room's chain, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// The events, each the `prev` of the next.
    pub events: Vec<Arc<Event>>,
    /// The room's head when it was read: 0 when nothing is known of the room.
    pub head: Position,
    /// The floor when it was read.
    pub floor: Position,
}

/// A point of a room's chain, from which a reader reads on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainPoint {
    /// `prev` of the first event that follows; `None` when none does.
    pub prev: Option<Position>,
    /// The room's head when it was read: 0 when nothing is known of the room.
    pub head: Position,
    /// The floor when it was read.
    pub floor: Position,
}

/// The part of a room that a search has to look at next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Of the messages before the position that was asked for and from `next` on, none but these can have all
    /// terms.
    Indexed {
        /// Their positions, newest first.
        messages: Vec<Position>,
        /// The position before which to look on; 0 when there is nothing more.
        next: Position,
        /// The packs that were looked at.
        packs: usize,
    },
    /// The texts after this position are in no index: they have to be read.
    Unindexed {
        /// The position.
        after: Position,
    },
}

/// The chunks of a copy of a whole log, each of at most [`COPY_CHUNK_BYTES_MAX`](super::COPY_CHUNK_BYTES_MAX). They
/// are read when they are asked for, and that waits for the disk. After an error there is none.
pub type LogCopy = Box<dyn Iterator<Item = Result<Bytes, LogError>> + Send>;

/// Look-ups of single records and rows. Of a log each is as of its own moment; those that [`Log::lookups`] began are
/// all as of the moment when they were begun.
pub trait Lookups {
    /// The record at a position; `None` below the floor and beyond the head.
    fn record(&self, position: Position) -> Result<Option<Record>, LogError>;
    /// The newest edit of a message that can be read, content and time.
    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError>;
    /// Returns the number of edits of a message and of the reactions to it. Costs the same whatever they are.
    fn counts(&self, target: Position) -> Result<Counts, LogError>;
    /// The event that added an author's reaction to a message; `None` when it is not in force.
    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError>;
}

/// A durable, totally ordered log of records. The chat relies on these invariants and on nothing else:
///
/// 1. Positions ascend from 1 and are never reused, whatever happens to the process or the disk.
/// 2. `prev` of a record is the position of the record before it in the same room, 0 for the first. It may
///    be stored by the log or derived by a reader that reads in order: the chat never computes it.
/// 3. What [`Log::commit`] returned is durable and is seen by every read that begins afterwards. A batch is
///    stored whole or not at all.
/// 4. A commit that failed with [`CommitError::Refused`] stored nothing. One that failed with
///    [`CommitError::Unknown`] stored all or nothing, and the log takes no commit after it.
/// 5. [`Log::head`] and [`Log::floor`] never go back. Every record from the floor to the head is readable, or
///    damaged: then reads of its room go on beyond it.
/// 6. A record is never changed, but that content (and the hash of the content) is taken out: by a delete of
///    its target and of the target's edits; by a purge of every event before it in its room. No read that
///    begins after the commit of a delete or a purge serves what it takes. The record of a deleted message is
///    erased in that commit. A purge, and the edits of a message that has many, are erased gradually: each
///    commit, also an empty one, takes a bounded step of it along, until [`ModerationState::counts`] says
///    that none is under way. A restart goes on with it.
/// 7. The epoch and the signing key are made once with the log.
/// 8. A record that closes a room or bans an author is in force until another one revokes it, also when
///    retention has trimmed it: [`Log::moderation`] says which are, from the moment the commit returned.
/// 9. A reaction is in force until it is taken back, its message deleted, or its room purged:
///    [`Log::reactions`] says which are, from the moment the commit returned. Of a message that has no text
///    they are not to be shown.
/// 10. A value is in force until another record replaces or removes it, or until it expires, also when
///     retention has trimmed its record: [`Log::values`] says which are. It changes within the call of
///     [`Log::commit`], after the commit is durable and before the call returns, for all records of the batch
///     together, and its version rises with it. So the chat publishes and acknowledges nothing of this commit
///     or a later one before everybody can see the change. A value that expired is absent at once. Its row is
///     taken out by later commits, in bounded steps, once [`ValuesState::let_expire`] allows it. The text of a
///     secret value is taken out of its record by the commit that replaces or removes it.
///
/// Calls block on storage. `commit`, `forget_heads` and `close` have one caller at a time (the writer, and
/// after it the closing of the chat); reads come from any thread.
pub trait Log: Lookups + Send + Sync + 'static {
    /// The id of this log's life.
    fn epoch(&self) -> Epoch;
    /// A secret made with the log.
    fn signing_key(&self) -> [u8; 32];
    /// The newest position that is durable, here or in the journal of which this log applies the entries; 0 when there
    /// is none.
    fn head(&self) -> Position;
    /// The oldest position that is still kept.
    fn floor(&self) -> Position;
    /// The position up to which a room of which nothing is known may have had events: none whose newest event
    /// was after it has been forgotten.
    fn forgotten(&self) -> Position {
        self.floor().saturating_sub(1)
    }
    /// Stores a batch, durably, and raises the floor to `floor` if that is higher, in the same commit: the
    /// records before it are gone, their positions never come again. Returns what became of each, in the
    /// batch's order.
    fn commit(&self, batch: &[NewRecord], floor: Position) -> Result<Vec<Committed>, CommitError>;
    /// Applies an entry of a journal: stores its records as they are, and the place behind it, in one commit.
    /// A log that cannot be one of many refuses. It may be durable later than at once, as the journal has it: see
    /// [`Log::has_deferred`].
    fn apply(&self, _entry: &FinishedEntry) -> Result<Vec<Committed>, CommitError> {
        Err(CommitError::Refused("this kind of log cannot be one of a cluster".into()))
    }
    /// Takes the positions of the records out of which the newest commit took the texts; none of a log that cannot be
    /// one of many.
    fn take_redacted(&self) -> Vec<Position> {
        Vec::new()
    }
    /// The place in the journal that this log has reached, and the newest entries up to it, oldest first.
    fn place(&self) -> Result<(Mark, Vec<Passed>), LogError> {
        Ok((Mark::default(), Vec::new()))
    }
    /// The cluster of which this log is one; `None` of the log of a single node.
    fn cluster(&self) -> Option<ClusterId> {
        None
    }
    /// Begins a run of this node of the cluster, and returns its number: greater than all before it, and not
    /// below the time in milliseconds.
    fn begin_run(&self, _now: Timestamp) -> Result<(ClusterId, u64), LogError> {
        Err(LogError::Storage("this kind of log cannot be one of a cluster".into()))
    }
    /// Begins a copy of the whole log as it is now, of one that is of a cluster. It pins the moment: until it is
    /// dropped, the file of the log grows by what changes. Once the log is closed it yields an error.
    fn copy(&self) -> Result<LogCopy, LogError> {
        Err(LogError::Storage("this kind of log cannot be one of a cluster".into()))
    }
    /// The rooms that are closed, the authors that are banned.
    fn moderation(&self) -> &ModerationState;
    /// The values in force.
    fn values(&self) -> &ValuesState;
    /// Bytes of the records that are kept.
    fn live_bytes(&self) -> u64;
    /// Begins look-ups for as long as nothing is committed. They may pin the moment: a commit that runs until they are
    /// dropped may make the log's file grow. `None` of a log that has none that are cheaper than its own.
    fn lookups(&self) -> Result<Option<Box<dyn Lookups + '_>>, LogError> {
        Ok(None)
    }
    /// The newest position of a room; 0 when nothing is known of it.
    fn room_head(&self, room: &RoomName) -> Result<Position, LogError>;
    /// The rooms of which something is known, by name: those after one of them, at most `count` and at most
    /// [`READ_EVENTS_MAX`]. A log that cannot list them has none.
    fn room_heads(&self, _after: Option<&RoomName>, _count: usize) -> Result<Vec<RoomHead>, LogError> {
        Ok(Vec::new())
    }
    /// The events of a room after a position, oldest first: at most [`READ_EVENTS_MAX`], about
    /// [`READ_BYTES_MAX`]. Empty only when there are none that can be read. Damaged records end a piece, and
    /// the next one begins beyond them: then `prev` of its first event is after the position.
    fn read_after(&self, room: &RoomName, after: Position) -> Result<Chain, LogError>;
    /// The newest `count` (at most [`READ_EVENTS_MAX`]) events of a room before a position, oldest first. A
    /// damaged record ends a piece, and the next one begins beyond it.
    fn read_before(&self, room: &RoomName, before: Position, count: usize) -> Result<Chain, LogError>;
    /// The point after a position of a room's chain. Reads no more than one event.
    fn point_after(&self, room: &RoomName, after: Position) -> Result<ChainPoint, LogError>;
    /// The point before the newest `count` events of a room, or before all that are there. Reads no event.
    fn point_before_last(&self, room: &RoomName, count: usize) -> Result<ChainPoint, LogError>;
    /// The delete of a message, if it is kept and can be read. A log that does not note them has none.
    fn delete_of(&self, _target: Position) -> Result<Option<Record>, LogError> {
        Ok(None)
    }
    /// Forgets the heads of rooms that have no record any more and whose newest was made before `before`:
    /// looks at [`READ_EVENTS_MAX`] rooms at most, from the one after `after` on. Returns where to go on.
    /// `spare` names rooms to leave alone.
    fn forget_heads(
        &self,
        after: Option<&RoomName>,
        before: Timestamp,
        spare: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError>;
    /// Fails unless the disk has room for a commit at all, and `free` bytes are free.
    fn require_space(&self, free: u64) -> Result<(), CommitError>;
    /// The reactions to a message, in any order.
    fn reactions(&self, target: Position) -> Result<Vec<Reacted>, LogError>;
    /// Records of the whole log from a position on, oldest first: at most [`READ_EVENTS_MAX`], about
    /// [`READ_BYTES_MAX`].
    fn scan(&self, from: Position) -> Result<Vec<Record>, LogError>;
    /// The same as their bytes lie there, about [`READ_BYTES_MAX`]: what a copy takes.
    fn scan_raw(&self, from: Position) -> Result<Vec<RawRecord>, LogError>;
    /// The ages of records from a position on, oldest first: at most [`READ_EVENTS_MAX`].
    fn ages(&self, from: Position) -> Result<Vec<RecordAge>, LogError> {
        Ok(self.scan_raw(from)?.iter().map(|raw| RecordAge::of(raw.position, &raw.bytes)).collect())
    }
    /// The bytes of the record at a position; `None` below the floor and beyond the head.
    fn raw(&self, position: Position) -> Result<Option<RawRecord>, LogError> {
        Ok(self.scan_raw(position)?.into_iter().find(|raw| raw.position == position))
    }
    /// Damaged records that were left out when the log was made of another one: what others refer to may not
    /// be there.
    fn skipped(&self) -> u64 {
        0
    }
    /// The idempotency keys of the records that are not older than `oldest`, oldest first: at most
    /// [`KEYS_MAX`](crate::limits::KEYS_MAX) and those of the last few commits. Called once, before the first
    /// record with a key is stored. A log keeps them so that this does not read records, or few.
    fn keys(&self, oldest: Timestamp) -> Result<Vec<StoredKey>, LogError>;
    /// Looks for the messages of a room before a position that may have all terms of these hashes, in at most
    /// `packs_max` packs of the index. A log may have no index, or none of a part: a search reads the texts
    /// there.
    fn find(
        &self,
        _room: &RoomName,
        _before: Position,
        _terms: &[u32],
        _packs_max: usize,
    ) -> Result<Found, LogError> {
        Ok(Found::Unindexed { after: 0 })
    }
    /// Prepares the next piece of the index, which a later commit takes along; returns false when there is
    /// nothing to do now. Has one caller at a time.
    fn prepare_index(&self) -> Result<bool, LogError> {
        Ok(false)
    }
    /// Returns true if applied entries have waited long enough for a commit that makes them durable.
    fn has_deferred(&self) -> bool {
        false
    }
    /// Returns true if pieces of the index wait for a commit.
    fn has_prepared_index(&self) -> bool {
        false
    }
    /// Takes no more commits and leaves nothing to be repaired by the next start.
    fn close(&self) -> Result<(), LogError>;
}
