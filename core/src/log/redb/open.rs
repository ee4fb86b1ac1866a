//! Opening: what is refused, what is made, what is made anew.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use ::redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend, StorageError,
};
use parking_lot::{Mutex, RwLock};

use super::{
    EDITS, HEADS, INDEX, LOG, RedbLog, STATE, STATE_CHECKPOINT, STATE_EPOCH, STATE_FLOOR, STATE_FORMAT,
    STATE_LAST, STATE_LIVE, STATE_SIGNING_KEY, moderation, storage_error, stored_head,
};
use crate::event::{Epoch, Position};
use crate::log::LogError;
use crate::log::derived::Derived;
use crate::log::record::{self, RECORD_VERSION};

/// The first bytes of every redb file.
pub(super) const REDB_MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";
/// Memory that redb may use for pages; its own default is 1 GiB.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

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
        Self::start(database, &name, Some(path.to_owned()))
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

    /// The same with almost no cache, so that reads meet the storage.
    #[cfg(test)]
    pub fn with_small_cache(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let name = "the log";
        let database = Builder::new().set_cache_size(0).create_with_backend(backend);
        Self::start(database.map_err(|error| open_error(name, error))?, name, None)
    }

    pub(super) fn start(database: Database, name: &str, place: Option<PathBuf>) -> Result<Self, OpenError> {
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
        let state = State::read(&reading).map_err(storage)?;
        let replayed = replay(&reading, &state).map_err(storage)?;
        let head = replayed.head.max(state.last);
        let standing = moderation::read(&reading, head).map_err(storage)?;
        drop(reading);
        Ok(Self {
            database: RwLock::new(Some(database)),
            epoch: state.epoch,
            signing_key: state.signing_key,
            head: AtomicU64::new(head),
            floor: AtomicU64::new(state.floor),
            live_bytes: AtomicU64::new(replayed.live_bytes),
            checkpoint: AtomicU64::new(state.checkpoint),
            derived: RwLock::new(replayed.derived),
            standing,
            scratch: Mutex::new(Vec::new()),
            place,
        })
    }
}

pub(super) fn builder() -> Builder {
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

pub(super) fn check_format(reading: &ReadTransaction, name: &str) -> Result<(), OpenError> {
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
pub(super) fn create(database: &Database) -> Result<(), LogError> {
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

/// What the state table holds.
pub(super) struct State {
    pub epoch: Epoch,
    pub signing_key: [u8; 32],
    pub floor: Position,
    pub last: Position,
    pub checkpoint: Position,
    /// The bytes of the records up to a position.
    pub live: (Position, u64),
}

impl State {
    pub fn read(tx: &ReadTransaction) -> Result<Self, LogError> {
        let number = |key| Ok::<_, LogError>(fixed(tx, key)?.map(u64::from_le_bytes));
        let missing = |key| LogError::Storage(format!("it has no {key}"));
        let live: Option<[u8; 16]> = fixed(tx, STATE_LIVE)?;
        let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        Ok(Self {
            epoch: Epoch(u32::from_le_bytes(fixed(tx, STATE_EPOCH)?.ok_or_else(|| missing(STATE_EPOCH))?)),
            signing_key: fixed(tx, STATE_SIGNING_KEY)?.ok_or_else(|| missing(STATE_SIGNING_KEY))?,
            floor: number(STATE_FLOOR)?.unwrap_or(1),
            last: number(STATE_LAST)?.unwrap_or(0),
            checkpoint: number(STATE_CHECKPOINT)?.unwrap_or(0),
            live: live.map_or((0, 0), |live| (half(&live[..8]), half(&live[8..]))),
        })
    }
}

struct Replayed {
    head: Position,
    derived: Derived,
    live_bytes: u64,
}

/// Makes anew what the checkpoint does not hold: reads the records behind it, at most
/// [`crate::log::derived::CHECKPOINT_EVENTS`] and a batch.
fn replay(tx: &ReadTransaction, state: &State) -> Result<Replayed, LogError> {
    let log = tx.open_table(LOG).map_err(storage_error)?;
    let heads = tx.open_table(HEADS).map_err(storage_error)?;
    let (counted, bytes) = state.live;
    let mut replayed = Replayed { head: state.checkpoint, derived: Derived::default(), live_bytes: bytes };
    for row in log.range(state.checkpoint + 1..).map_err(storage_error)? {
        let (position, bytes) = row.map_err(storage_error)?;
        let record = record::decode(position.value(), bytes.value())?;
        replayed.head = record.position;
        if record.position > counted {
            replayed.live_bytes += record.bytes;
        }
        if let Some(event) = record.event {
            let before = match replayed.derived.head(&event.room) {
                Some(before) => before,
                None => stored_head(&heads, &event.room)?,
            };
            replayed.derived.note(&event.room, before, event.position, event.created_at);
        }
    }
    Ok(replayed)
}

fn state(tx: &ReadTransaction, key: &str) -> Result<Option<Vec<u8>>, LogError> {
    let table = tx.open_table(STATE).map_err(storage_error)?;
    Ok(table.get(key).map_err(storage_error)?.map(|value| value.value().to_vec()))
}

fn fixed<const N: usize>(tx: &ReadTransaction, key: &'static str) -> Result<Option<[u8; N]>, LogError> {
    let Some(bytes) = state(tx, key)? else { return Ok(None) };
    let bytes = bytes.try_into().map_err(|_| LogError::Storage(format!("{key} does not read back")))?;
    Ok(Some(bytes))
}

pub(super) fn open_error(name: &str, error: DatabaseError) -> OpenError {
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
