//! The embedded log: one redb file. The only file of the crate that names redb.
//!
//! | table | row | written |
//! |---|---|---|
//! | `log` | position → record | by every commit, in ascending order |
//! | `edits` | (target, position of the edit) | with the edit |
//! | `heads` | room → (head, count) | at checkpoints (see [`super::derived`]) |
//! | `index` | (room, position), one per 128 events of a room | at checkpoints |
//! | `state` | what cannot be made anew from the records | once, at checkpoints, and by cuts |
//!
//! An event's place in its room is found by `prev` alone: a read walks back from the next index row, so it
//! costs what it returns and at most 128 reads. One commit is one transaction and one fsync.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageBackend, StorageError, TableDefinition, WriteTransaction,
};
use parking_lot::{Mutex, RwLock};

use super::derived::{CHECKPOINT_EVENTS, Derived, Head, INDEX_EVERY};
use super::record::{self, Fields, RECORD_VERSION, Record};
use super::{Append, Chain, CommitError, Log, LogError, READ_BYTES_MAX, READ_EVENTS_MAX};
use crate::event::{Body, Epoch, Event, Position, RoomName};

const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const EDITS: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("edits");
const HEADS: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("heads");
const INDEX: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("index");
const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

const STATE_FORMAT: &str = "format";
const STATE_EPOCH: &str = "epoch";
const STATE_SIGNING_KEY: &str = "signing_key";
const STATE_FLOOR: &str = "floor";
const STATE_LAST: &str = "last";
const STATE_CHECKPOINT: &str = "checkpoint";

/// The first bytes of every redb file.
const REDB_MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";
/// Memory that redb may use for pages; its own default is 1 GiB.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Free space that a commit leaves on the disk, so that redb never meets a full one: after an I/O error it
/// would serve only what it has cached.
const DISK_RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// What a commit may write beyond its records: pages of the trees, copied on write.
const WRITE_AMPLIFICATION_MAX: u64 = 3;

/// The log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0} is in use by another process: stop that one first, or name another log")]
    InUse(String),
    /// The file is something else.
    #[error("{0} is not a Millchat log; it was left as it is: name another log, or move the file away")]
    NotALog(String),
    /// The log is of a newer release.
    #[error(
        "{path} was written by a newer release of Millchat (format {found}; this one reads up to {known}): \
         use that release"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: u8,
        /// The newest this release knows.
        known: u8,
    },
    /// The file is damaged.
    #[error("{path} is damaged ({what}): restore it from a backup")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// The file system refused.
    #[error("{path} cannot be opened: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

pub(crate) struct RedbLog {
    /// `None` once closed. Commits and reads take what they need from it and let the lock go.
    database: RwLock<Option<Database>>,
    epoch: Epoch,
    signing_key: [u8; 32],
    /// The newest durable position. Stored (Release) after the commit; loads (Acquire) see its records.
    head: AtomicU64,
    /// The oldest position kept. Stored (Release) after the cut's commit.
    floor: AtomicU64,
    /// What no checkpoint holds yet. Written by the committer only, held for memory work only.
    derived: RwLock<Derived>,
    /// The committer's buffer for the bytes of a record.
    scratch: Mutex<Vec<u8>>,
    /// Where the file lies, to ask for free space; `None` when it lies in memory or was opened for a test.
    directory: Option<PathBuf>,
}

impl RedbLog {
    /// Opens or creates the log in a file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let io = |source| OpenError::Io { path: name.clone(), source };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        match File::open(path) {
            Ok(file) => {
                let mut magic = Vec::new();
                file.take(REDB_MAGIC.len() as u64).read_to_end(&mut magic).map_err(io)?;
                if !magic.is_empty() && magic != REDB_MAGIC {
                    return Err(OpenError::NotALog(name));
                }
                // An empty file is taken as one that somebody made to be filled.
                if !magic.is_empty() {
                    look(path, &name)?;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path, &directory, &name)?,
            Err(error) => return Err(io(error)),
        }
        let database = builder().create(path).map_err(|error| open_error(&name, error))?;
        Self::start(database, &name, Some(directory))
    }

    /// A log in a file that has no name and is gone with the process.
    pub fn temporary() -> Result<Self, OpenError> {
        let name = "the temporary log".to_owned();
        let io = |source| OpenError::Io { path: name.clone(), source };
        let file = tempfile::tempfile().map_err(io)?;
        let backend = ::redb::backends::FileBackend::new(file).map_err(|error| open_error(&name, error))?;
        let database = builder().create_with_backend(backend).map_err(|error| open_error(&name, error))?;
        Self::start(database, &name, Some(std::env::temp_dir()))
    }

    /// A log in memory.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::with_backend(::redb::backends::InMemoryBackend::new())
    }

    /// A log over any storage that redb takes: how tests stand between redb and the disk.
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let name = "the log";
        let database = builder().create_with_backend(backend).map_err(|error| open_error(name, error))?;
        Self::start(database, name, None)
    }

    fn start(database: Database, name: &str, directory: Option<PathBuf>) -> Result<Self, OpenError> {
        let damaged = |what: String| OpenError::Damaged { path: name.to_owned(), what };
        let storage = |error: LogError| damaged(error.to_string());
        let reading = database.begin_read().map_err(|error| damaged(error.to_string()))?;
        let tables = reading.list_tables().map_err(|error| damaged(error.to_string()))?.count();
        if tables == 0 {
            create(&database).map_err(storage)?;
        }
        drop(reading);

        let reading = database.begin_read().map_err(|error| damaged(error.to_string()))?;
        check_format(&reading, name)?;
        let fixed = |bytes: Option<Vec<u8>>, key| bytes.ok_or_else(|| damaged(format!("it has no {key}")));
        let epoch = fixed(state(&reading, STATE_EPOCH).map_err(storage)?, STATE_EPOCH)?;
        let epoch = epoch.try_into().map_err(|_| damaged("its epoch does not read back".into()))?;
        let signing_key = fixed(state(&reading, STATE_SIGNING_KEY).map_err(storage)?, STATE_SIGNING_KEY)?;
        let signing_key = signing_key.try_into().map_err(|_| damaged("its key does not read back".into()))?;
        let floor = state_number(&reading, STATE_FLOOR).map_err(storage)?.unwrap_or(1);
        let last = state_number(&reading, STATE_LAST).map_err(storage)?.unwrap_or(0);
        let checkpoint = state_number(&reading, STATE_CHECKPOINT).map_err(storage)?.unwrap_or(0);
        let (head, derived) = replay(&reading, checkpoint).map_err(storage)?;
        drop(reading);
        Ok(Self {
            database: RwLock::new(Some(database)),
            epoch: Epoch(u32::from_le_bytes(epoch)),
            signing_key,
            head: AtomicU64::new(head.max(last)),
            floor: AtomicU64::new(floor),
            derived: RwLock::new(derived),
            scratch: Mutex::new(Vec::new()),
            directory,
        })
    }

    fn begin_read(&self) -> Result<ReadTransaction, LogError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| LogError::Storage("the log is closed".into()))?;
        database.begin_read().map_err(storage_error)
    }

    fn begin_write(&self) -> Result<WriteTransaction, CommitError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| CommitError::Refused("the log is closed".into()))?;
        database.begin_write().map_err(refused)
    }

    /// Compares the free space with what a batch may need at worst.
    fn require_space(&self, records_bytes: usize) -> Result<(), CommitError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        // A disk that does not answer is met by the commit itself.
        let Ok(disk) = rustix::fs::statvfs(directory) else { return Ok(()) };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let needed = records_bytes as u64 * WRITE_AMPLIFICATION_MAX + DISK_RESERVE_BYTES;
        if free < needed { Err(CommitError::DiskFull { free, needed }) } else { Ok(()) }
    }

    /// Writes the batch into a transaction that is not committed yet.
    fn write(&self, tx: &WriteTransaction, batch: &[Append]) -> Result<(Vec<Arc<Event>>, Derived), LogError> {
        let mut log = tx.open_table(LOG).map_err(storage_error)?;
        let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
        let heads = tx.open_table(HEADS).map_err(storage_error)?;
        let mut scratch = self.scratch.lock();
        let mut brought = Derived::default();
        let mut events = Vec::with_capacity(batch.len());
        let mut position = self.head.load(Ordering::Acquire);
        for append in batch {
            position += 1;
            let known = brought.head(&append.room).or_else(|| self.derived.read().head(&append.room));
            let head = match known {
                Some(head) => head,
                None => stored_head(&heads, &append.room)?,
            };
            let event = Arc::new(Event {
                position,
                prev: head.position,
                room: append.room.clone(),
                author: append.author.clone(),
                created_at: append.created_at,
                body: append.body.clone(),
            });
            let fields = Fields {
                event: &event,
                key: append.key.as_ref(),
                content_hash: append.content_hash.as_ref(),
            };
            record::encode(&fields, &mut scratch);
            log.insert(position, scratch.as_slice()).map_err(storage_error)?;
            brought.note(&append.room, head, position);
            match append.body {
                Body::Edit { target, .. } => {
                    edits.insert((target, position), ()).map_err(storage_error)?;
                }
                Body::Delete { target } => {
                    withhold(&mut log, target)?;
                    for edit in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)? {
                        let (key, ()) = edit.map(|(key, _)| (key.value(), ())).map_err(storage_error)?;
                        withhold(&mut log, key.1)?;
                    }
                }
                _ => {}
            }
            events.push(event);
        }
        Ok((events, brought))
    }

    /// Writes what is derived into its tables, up to `head`.
    fn checkpoint(tx: &WriteTransaction, parts: &[&Derived], head: Position) -> Result<(), LogError> {
        let mut heads = tx.open_table(HEADS).map_err(storage_error)?;
        let mut index = tx.open_table(INDEX).map_err(storage_error)?;
        for part in parts {
            for (room, head) in part.heads() {
                heads.insert(room.as_str(), (head.position, head.count)).map_err(storage_error)?;
            }
            for (room, position) in part.index() {
                index.insert((room.as_str(), *position), ()).map_err(storage_error)?;
            }
        }
        let mut state = tx.open_table(STATE).map_err(storage_error)?;
        state.insert(STATE_CHECKPOINT, head.to_le_bytes().as_slice()).map_err(storage_error)?;
        Ok(())
    }

    /// Where a walk back through a room must begin so that it meets the first event after `after`: the next
    /// index row, or else the head. Also gives the head.
    fn walk_from(
        tx: &ReadTransaction,
        room: &RoomName,
        after: Position,
        known: &Known,
    ) -> Result<Walk, LogError> {
        let head = match known.head {
            Some(head) => head.position,
            None => stored_head(&tx.open_table(HEADS).map_err(storage_error)?, room)?.position,
        };
        let index = tx.open_table(INDEX).map_err(storage_error)?;
        let from = (room.as_str(), after.saturating_add(1));
        let row = index.range(from..=(room.as_str(), Position::MAX)).map_err(storage_error)?.next();
        let stored = row.transpose().map_err(storage_error)?.map(|(key, _)| key.value().1);
        let row = match (stored, known.index) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok(Walk { head, from: row.map_or(head, |row| row.min(head)) })
    }

    /// What is known beside the tables. Must be asked before the transaction begins: what a checkpoint takes
    /// away in between is then in the transaction's tables.
    fn known(&self, room: &RoomName, after: Position) -> Known {
        let derived = self.derived.read();
        Known { head: derived.head(room), index: derived.index_after(room, after) }
    }
}

struct Known {
    head: Option<Head>,
    index: Option<Position>,
}

struct Walk {
    head: Position,
    from: Position,
}

impl Log for RedbLog {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn signing_key(&self) -> [u8; 32] {
        self.signing_key
    }

    fn head(&self) -> Position {
        self.head.load(Ordering::Acquire)
    }

    fn floor(&self) -> Position {
        self.floor.load(Ordering::Acquire)
    }

    fn commit(&self, batch: &[Append]) -> Result<Vec<Arc<Event>>, CommitError> {
        self.require_space(batch.iter().map(append_bytes_max).sum())?;
        let mut tx = self.begin_write()?;
        tx.set_durability(Durability::Immediate).map_err(refused)?;
        let (events, brought) = self.write(&tx, batch).map_err(refused)?;
        let head = self.head() + batch.len() as u64;
        let full = self.derived.read().events() + brought.events() >= CHECKPOINT_EVENTS;
        if full {
            Self::checkpoint(&tx, &[&self.derived.read(), &brought], head).map_err(refused)?;
        }
        tx.commit().map_err(|error| CommitError::Unknown(error.to_string()))?;
        let mut derived = self.derived.write();
        if full {
            *derived = Derived::default();
        } else {
            derived.absorb(brought);
        }
        self.head.store(head, Ordering::Release);
        Ok(events)
    }

    fn cut(&self, floor: Position) -> Result<(), CommitError> {
        let old = self.floor();
        let floor = floor.min(self.head() + 1);
        if floor <= old {
            return Ok(());
        }
        let tx = self.begin_write()?;
        let cut = || -> Result<(), LogError> {
            // The heads of rooms that lose their last record must be in their table: nothing else has them.
            Self::checkpoint(&tx, &[&self.derived.read()], self.head())?;
            let mut log = tx.open_table(LOG).map_err(storage_error)?;
            let mut index = tx.open_table(INDEX).map_err(storage_error)?;
            let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
            for row in log.extract_from_if(old..floor, |_, _| true).map_err(storage_error)? {
                let (position, bytes) = row.map_err(storage_error)?;
                let record = record::decode(position.value(), bytes.value())?;
                let Some(event) = record.event else { continue };
                index.remove((event.room.as_str(), event.position)).map_err(storage_error)?;
                if let Body::Edit { target, .. } = event.body {
                    edits.remove((target, event.position)).map_err(storage_error)?;
                }
            }
            let mut state = tx.open_table(STATE).map_err(storage_error)?;
            state.insert(STATE_FLOOR, floor.to_le_bytes().as_slice()).map_err(storage_error)?;
            state.insert(STATE_LAST, self.head().to_le_bytes().as_slice()).map_err(storage_error)?;
            Ok(())
        };
        cut().map_err(refused)?;
        tx.commit().map_err(|error| CommitError::Unknown(error.to_string()))?;
        *self.derived.write() = Derived::default();
        self.floor.store(floor, Ordering::Release);
        Ok(())
    }

    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        let tx = self.begin_read()?;
        get(&tx.open_table(LOG).map_err(storage_error)?, position)
    }

    fn room_head(&self, room: &RoomName) -> Result<Position, LogError> {
        let known = self.known(room, 0);
        if let Some(head) = known.head {
            return Ok(head.position);
        }
        let tx = self.begin_read()?;
        Ok(stored_head(&tx.open_table(HEADS).map_err(storage_error)?, room)?.position)
    }

    fn read_after(&self, room: &RoomName, after: Position) -> Result<Chain, LogError> {
        let mut chain = Chain { floor: self.floor(), ..Chain::default() };
        let (mut at, mut bytes) = (after, 0);
        loop {
            let known = self.known(room, at);
            let tx = self.begin_read()?;
            let walk = Self::walk_from(&tx, room, at, &known)?;
            chain.head = walk.head;
            let log = tx.open_table(LOG).map_err(storage_error)?;
            let piece = walk_back(&log, walk.from, at, INDEX_EVERY as usize, READ_BYTES_MAX)?;
            let Some(last) = piece.last() else { break };
            at = last.position;
            bytes += piece.iter().map(|event| event.cost_bytes()).sum::<usize>();
            chain.events.extend(piece);
            if chain.events.len() + INDEX_EVERY as usize > READ_EVENTS_MAX || bytes >= READ_BYTES_MAX {
                break;
            }
        }
        chain.floor = chain.floor.max(self.floor());
        Ok(chain)
    }

    fn read_before(&self, room: &RoomName, before: Position, count: usize) -> Result<Chain, LogError> {
        let count = count.min(READ_EVENTS_MAX);
        // The walk begins at the first index row from `before` on, and passes over at most 128 events.
        let known = self.known(room, before.saturating_sub(1));
        let tx = self.begin_read()?;
        let walk = Self::walk_from(&tx, room, before.saturating_sub(1), &known)?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let mut events = Vec::with_capacity(count);
        let (mut at, mut bytes) = (walk.from, 0);
        while at != 0 && events.len() < count && bytes < READ_BYTES_MAX {
            let Some(event) = get(&log, at)?.and_then(|record| record.event) else { break };
            at = event.prev;
            if event.position < before {
                bytes += event.cost_bytes();
                events.push(event);
            }
        }
        events.reverse();
        Ok(Chain { events, head: walk.head, floor: self.floor() })
    }

    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        let tx = self.begin_read()?;
        let edits = tx.open_table(EDITS).map_err(storage_error)?;
        let newest = edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)?.next_back();
        match newest.transpose().map_err(storage_error)? {
            Some((key, _)) => get(&tx.open_table(LOG).map_err(storage_error)?, key.value().1),
            None => Ok(None),
        }
    }

    fn scan_back(&self, before: Position) -> Result<Vec<Record>, LogError> {
        let tx = self.begin_read()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let rows = log.range(..before).map_err(storage_error)?.rev().take(READ_EVENTS_MAX);
        rows.map(|row| {
            let (position, bytes) = row.map_err(storage_error)?;
            record::decode(position.value(), bytes.value())
        })
        .collect()
    }

    fn close(&self) -> Result<(), LogError> {
        let Some(database) = self.database.write().take() else { return Ok(()) };
        let derived = std::mem::take(&mut *self.derived.write());
        if derived.events() > 0 {
            let tx = database.begin_write().map_err(storage_error)?;
            Self::checkpoint(&tx, &[&derived], self.head())?;
            tx.commit().map_err(storage_error)?;
        }
        database.close().map_err(storage_error)
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Refuses what is not a log of ours before it is opened for writing, which would change the file. A file that
/// was not closed cannot be looked at like this: it is repaired first, and refused then.
fn look(path: &Path, name: &str) -> Result<(), OpenError> {
    match builder().open_read_only(path) {
        Ok(database) => {
            let reading = database.begin_read();
            let reading = reading
                .map_err(|error| OpenError::Damaged { path: name.to_owned(), what: error.to_string() })?;
            check_format(&reading, name)
        }
        Err(DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(open_error(name, error)),
    }
}

fn check_format(reading: &ReadTransaction, name: &str) -> Result<(), OpenError> {
    match state(reading, STATE_FORMAT).ok().flatten().as_deref() {
        Some([found]) if *found > RECORD_VERSION => {
            Err(OpenError::Newer { path: name.to_owned(), found: *found, known: RECORD_VERSION })
        }
        Some([_]) => Ok(()),
        _ => Err(OpenError::NotALog(name.to_owned())),
    }
}

/// Makes a new log under another name and gives it its own when it is whole: power lost in between leaves no
/// file that is neither a log nor none.
fn make(path: &Path, directory: &Path, name: &str) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: name.to_owned(), source };
    let file =
        tempfile::Builder::new().prefix(".millchat-").suffix(".new").tempfile_in(directory).map_err(io)?;
    let database = builder().create(file.path()).map_err(|error| open_error(name, error))?;
    create(&database)
        .map_err(|error| OpenError::Damaged { path: name.to_owned(), what: error.to_string() })?;
    database.close().map_err(|error| open_error(name, error))?;
    match file.persist_noclobber(path) {
        // Somebody else has just made it: that one counts.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error.error)),
        Ok(_) => {}
    }
    // The file's entry in its directory must be as durable as what it will hold.
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)
}

/// Makes the tables and what is made once with a log.
fn create(database: &Database) -> Result<(), LogError> {
    let tx = database.begin_write().map_err(storage_error)?;
    tx.open_table(LOG).map_err(storage_error)?;
    tx.open_table(EDITS).map_err(storage_error)?;
    tx.open_table(HEADS).map_err(storage_error)?;
    tx.open_table(INDEX).map_err(storage_error)?;
    {
        let mut state = tx.open_table(STATE).map_err(storage_error)?;
        let mut insert = |key, bytes: &[u8]| state.insert(key, bytes).map(drop).map_err(storage_error);
        insert(STATE_FORMAT, &[RECORD_VERSION])?;
        insert(STATE_EPOCH, &rand::random::<[u8; 4]>())?;
        insert(STATE_SIGNING_KEY, &rand::random::<[u8; 32]>())?;
    }
    tx.commit().map_err(storage_error)
}

/// Makes anew what the checkpoint does not hold: reads the records behind it, at most
/// [`CHECKPOINT_EVENTS`] and a batch.
fn replay(tx: &ReadTransaction, checkpoint: Position) -> Result<(Position, Derived), LogError> {
    let log = tx.open_table(LOG).map_err(storage_error)?;
    let heads = tx.open_table(HEADS).map_err(storage_error)?;
    let mut derived = Derived::default();
    let mut head = checkpoint;
    for row in log.range(checkpoint + 1..).map_err(storage_error)? {
        let (position, bytes) = row.map_err(storage_error)?;
        let record = record::decode(position.value(), bytes.value())?;
        head = record.position;
        if let Some(event) = record.event {
            let before = match derived.head(&event.room) {
                Some(before) => before,
                None => stored_head(&heads, &event.room)?,
            };
            derived.note(&event.room, before, event.position);
        }
    }
    Ok((head, derived))
}

/// Follows `prev` from `from` down to the first event after `after`. Returns the oldest of what it passed,
/// oldest first, at most `count` events and about `bytes_max`; older ones push newer ones out.
fn walk_back(
    log: &impl ReadableTable<u64, &'static [u8]>,
    from: Position,
    after: Position,
    count: usize,
    bytes_max: usize,
) -> Result<Vec<Arc<Event>>, LogError> {
    let mut passed = std::collections::VecDeque::new();
    let (mut at, mut bytes) = (from, 0);
    while at > after {
        let Some(event) = get(log, at)?.and_then(|record| record.event) else { break };
        at = event.prev;
        bytes += event.cost_bytes();
        passed.push_back(event);
        while passed.len() > 1 && (bytes > bytes_max || passed.len() > count) {
            bytes -= passed.pop_front().map_or(0, |event| event.cost_bytes());
        }
    }
    Ok(passed.into_iter().rev().collect())
}

fn get(log: &impl ReadableTable<u64, &'static [u8]>, position: Position) -> Result<Option<Record>, LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)? else { return Ok(None) };
    record::decode(position, bytes.value()).map(Some)
}

fn withhold(log: &mut ::redb::Table<'_, u64, &'static [u8]>, position: Position) -> Result<(), LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)?.map(|bytes| bytes.value().to_vec()) else {
        return Ok(());
    };
    let bytes = record::withhold(position, &bytes)?;
    log.insert(position, bytes.as_slice()).map(drop).map_err(storage_error)
}

fn stored_head(
    heads: &impl ReadableTable<&'static str, (u64, u64)>,
    room: &RoomName,
) -> Result<Head, LogError> {
    let row = heads.get(room.as_str()).map_err(storage_error)?;
    Ok(row.map_or(Head::default(), |row| {
        let (position, count) = row.value();
        Head { position, count }
    }))
}

fn state(tx: &ReadTransaction, key: &str) -> Result<Option<Vec<u8>>, LogError> {
    let table = tx.open_table(STATE).map_err(storage_error)?;
    Ok(table.get(key).map_err(storage_error)?.map(|value| value.value().to_vec()))
}

fn state_number(tx: &ReadTransaction, key: &'static str) -> Result<Option<u64>, LogError> {
    let Some(bytes) = state(tx, key)? else { return Ok(None) };
    let bytes = bytes.try_into().map_err(|_| LogError::Storage(format!("{key} does not read back")))?;
    Ok(Some(u64::from_le_bytes(bytes)))
}

fn append_bytes_max(append: &Append) -> usize {
    let author = append.author.as_ref().map_or(0, |author| author.id.len() + author.name.len());
    let content = match &append.body {
        Body::Message { content } | Body::Edit { content, .. } => content.as_deref().map_or(0, str::len),
        Body::Delete { .. } | Body::Unknown { .. } => 0,
    };
    record::bytes_max(author + content)
}

fn storage_error(error: impl Into<::redb::Error>) -> LogError {
    LogError::Storage(error.into().to_string())
}

/// Nothing of the transaction was committed: certainly not stored.
fn refused(error: impl std::fmt::Display) -> CommitError {
    CommitError::Refused(error.to_string())
}

fn open_error(name: &str, error: DatabaseError) -> OpenError {
    let path = name.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path),
        DatabaseError::Storage(StorageError::Io(source))
            if source.kind() == std::io::ErrorKind::InvalidData =>
        {
            OpenError::Damaged { path, what: source.to_string() }
        }
        DatabaseError::Storage(StorageError::Io(source)) => OpenError::Io { path, source },
        DatabaseError::Storage(StorageError::Corrupted(what)) => OpenError::Damaged { path, what },
        other => OpenError::Damaged { path, what: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn room(n: u64) -> RoomName {
        RoomName::new(&format!("room-{n}")).unwrap()
    }

    fn fill(log: &RedbLog, events: u64, rooms: u64) {
        let appends: Vec<Append> = (0..events)
            .map(|n| Append {
                room: room(n % rooms),
                author: None,
                created_at: Timestamp(1),
                body: Body::Message { content: Some("x".into()) },
                key: None,
                content_hash: None,
            })
            .collect();
        for batch in appends.chunks(1_000) {
            log.commit(batch).unwrap();
        }
    }

    fn index_rows(log: &RedbLog) -> Vec<(String, Position)> {
        let tx = log.begin_read().unwrap();
        let index = tx.open_table(INDEX).unwrap();
        let rows = index.range::<(&str, u64)>(..).unwrap().map(|row| row.unwrap().0);
        rows.map(|key| (key.value().0.to_owned(), key.value().1)).collect()
    }

    #[test]
    fn a_room_has_an_index_row_for_every_128_of_its_events() {
        let log = RedbLog::in_memory().unwrap();
        fill(&log, 40_000, 2);
        let written = index_rows(&log).len() as u64;
        let derived = log.derived.read();
        let both = written + derived.index().count() as u64;
        assert_eq!(both, 2 * (20_000 / INDEX_EVERY));
        assert!(derived.events() < CHECKPOINT_EVENTS, "and it is not all in memory");
        assert!(index_rows(&log).contains(&("room-0".into(), 2 * INDEX_EVERY - 1)));
    }

    #[test]
    fn a_start_makes_anew_what_no_checkpoint_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = RedbLog::open(&path).unwrap();
        fill(&log, 20_000, 3);
        // As a crash leaves it: the database is dropped, the checkpoint of a close is not made.
        let database = log.database.write().take();
        drop(database);
        let before = std::mem::take(&mut *log.derived.write());
        let log = RedbLog::open(&path).unwrap();
        let after = log.derived.read();
        assert_eq!((log.head(), after.events()), (20_000, before.events()));
        assert!(
            after.heads().count() == 3 && after.heads().all(|(room, head)| before.head(room) == Some(*head))
        );
        assert!(after.index().eq(before.index()));
    }

    #[test]
    fn a_file_that_is_no_log_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes.txt");
        std::fs::write(&path, "dear diary").unwrap();
        let error = RedbLog::open(&path).err().unwrap().to_string();
        assert!(error.contains("notes.txt") && error.contains("not a Millchat log"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"dear diary");
        // A redb file of another program.
        let path = directory.path().join("other.redb");
        let other = Database::create(&path).unwrap();
        let tx = other.begin_write().unwrap();
        tx.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap();
        tx.commit().unwrap();
        drop(other);
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(RedbLog::open(&path), Err(OpenError::NotALog(_))));
        assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
    }

    #[test]
    fn a_log_of_a_newer_release_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        drop(RedbLog::open(&path).unwrap());
        let database = Database::open(&path).unwrap();
        let tx = database.begin_write().unwrap();
        tx.open_table(STATE).unwrap().insert(STATE_FORMAT, [RECORD_VERSION + 1].as_slice()).unwrap();
        tx.commit().unwrap();
        drop(database);
        let before = std::fs::read(&path).unwrap();
        let error = RedbLog::open(&path).err().unwrap().to_string();
        assert!(error.contains("newer release") && error.contains("log"), "{error}");
        assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
    }
}
