//! Opening: refusing a file, making a new one, and rebuilding what the checkpoint does not hold.
//!
//! A refused file stays unchanged to the last byte, also when it was not closed and had to be repaired before
//! anything could be said of it: see [`super::staged_file`].

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use ::redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend, StorageError,
};
use parking_lot::{Mutex, RwLock};

use crate::event::Position;
use crate::log::contract::StoredKey;
use crate::log::derived::{Derived, MissingKeys};
use crate::log::error::{LogError, OpenError};
use crate::log::record::{self, RECORD_VERSION_MIN};
use crate::log::redb::disk::free_bytes;
use crate::log::redb::handle::{RedbLog, Steps};
use crate::log::redb::packs::{Packing, refuse_stale};
use crate::log::redb::staged_file::StagedFile;
use crate::log::redb::state::{State, check_format};
use crate::log::redb::tables::{
    EDITS, HEADS, INDEX, LOG, STATE, STATE_EPOCH, STATE_FORMAT, STATE_SIGNING_KEY, storage_error, stored_head,
};
use crate::log::redb::walk::Walks;
use crate::log::redb::{identity, moderation, values};
use crate::log::role::Role;

/// The first bytes of every redb file.
pub(super) const REDB_MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";
/// Memory that redb may use for pages; its own default is 1 GiB.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Free space without which a log is not opened: enough to make one. With more, and too little for commits,
/// it is read as ever, and sends are refused.
const START_BYTES_MIN: u64 = 1024 * 1024;
/// Of a file up to this size every page is verified at each start, about 1 ms a MB; of a larger one only
/// after a crash, so that a clean start does not take longer the more it holds.
const VERIFY_BYTES_MAX: u64 = 128 * 1024 * 1024;

impl RedbLog {
    /// Opens or creates the log in a file.
    #[cfg(test)]
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_as(path, Role::Either)
    }

    /// Opens the log in a file, and creates it when there is none, unless it is to be one of a cluster's.
    pub fn open_as(path: &Path, role: Role) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let io = |source| OpenError::Io { path: name.clone(), source };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let file = match open_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && role != Role::Member => {
                require_space(&directory, &name)?;
                make(path, &directory, &name)?;
                open_file(path)
            }
            opened => opened,
        };
        let mut file = file.map_err(io)?;
        let mut magic = Vec::new();
        (&mut file).take(REDB_MAGIC.len() as u64).read_to_end(&mut magic).map_err(io)?;
        // An empty file counts as a new log.
        if !magic.is_empty() && magic != REDB_MAGIC {
            return Err(OpenError::NotALog(name));
        }
        require_space(path, &name)?;
        let verify = file.metadata().map_err(io)?.len() <= VERIFY_BYTES_MAX;
        let staged = StagedFile::new(file).map_err(|error| open_error(&name, error))?;
        let database = builder().set_check_integrity_on_open(verify).create_with_backend(staged.clone());
        let database = database.map_err(|error| open_error(&name, error))?;
        let log = Self::start_as(database, role, &name, Some(path.to_owned()))?;
        staged.commit().map_err(io)?;
        Ok(log)
    }

    /// A log in a file that has no name and is gone with the process.
    pub fn temporary() -> Result<Self, OpenError> {
        let name = "the temporary log".to_owned();
        let io = |source| OpenError::Io { path: name.clone(), source };
        require_space(&std::env::temp_dir(), &name)?;
        let file = tempfile::tempfile().map_err(io)?;
        let backend = ::redb::backends::FileBackend::new(file).map_err(|error| open_error(&name, error))?;
        let database = builder().create_with_backend(backend).map_err(|error| open_error(&name, error))?;
        Self::start(database, &name, Some(std::env::temp_dir()))
    }

    /// A log in memory.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::with_backend(::redb::backends::InMemoryBackend::new())
    }

    /// Opens a log over any storage that redb takes, so that tests can put their own disk below it.
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let name = "the log";
        let database = builder().create_with_backend(backend).map_err(|error| open_error(name, error))?;
        Self::start(database, name, None)
    }

    /// The same with almost no cache, so that reads meet the storage.
    #[cfg(feature = "testing")]
    pub fn with_small_cache(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let name = "the log";
        let database = Builder::new().set_cache_size(0).create_with_backend(backend);
        Self::start(database.map_err(|error| open_error(name, error))?, name, None)
    }

    /// Opens a log whose commits take along steps of another size.
    #[cfg(feature = "testing")]
    pub fn with_steps(backend: impl StorageBackend, steps: Steps) -> Result<Self, OpenError> {
        Ok(Self { steps, ..Self::with_backend(backend)? })
    }

    pub(super) fn start(
        database: Database,
        name: &str,
        disk_path: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        Self::start_as(database, Role::Either, name, disk_path)
    }

    fn start_as(
        database: Database,
        role: Role,
        name: &str,
        disk_path: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        let damaged = |what: String| OpenError::Damaged { path: name.to_owned(), what };
        let storage = |error: LogError| damaged(error.to_string());
        let reading = database.begin_read().map_err(|error| damaged(error.to_string()))?;
        let tables = reading.list_tables().map_err(|error| damaged(error.to_string()))?.count();
        if tables == 0 {
            create(&database).map_err(storage)?;
        }
        drop(reading);

        let reading = database.begin_read().map_err(|error| damaged(error.to_string()))?;
        let log = Self::over(&reading, name, disk_path)?;
        role.check(name, log.cluster)?;
        let state = State::read(&reading).map_err(storage)?;
        drop(reading);
        refuse_stale(&database, &state).map_err(storage)?;
        *log.database.write() = Some(database);
        Ok(log)
    }

    /// Holds the memory of a log, without its database.
    pub(super) fn over(
        reading: &ReadTransaction,
        name: &str,
        disk_path: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        let storage = |error: LogError| OpenError::Damaged { path: name.to_owned(), what: error.to_string() };
        check_format(reading, name)?;
        let state = State::read(reading).map_err(storage)?;
        let replayed = replay(reading, &state).map_err(storage)?;
        let head = replayed.head.max(state.last);
        let moderation_state = moderation::read(reading, head).map_err(storage)?;
        let values = values::read(reading).map_err(storage)?;
        let packing = Packing::new();
        packing.note(replayed.derived.index().cloned());
        Ok(Self {
            database: RwLock::new(None),
            read_only: None,
            epoch: state.epoch,
            signing_key: state.signing_key,
            cluster: identity::read(reading).map_err(storage)?,
            head: AtomicU64::new(head),
            floor: AtomicU64::new(state.floor),
            forgotten: AtomicU64::new(state.forgotten),
            live_bytes: AtomicU64::new(replayed.live_bytes),
            skipped: state.skipped,
            checkpoint: AtomicU64::new(state.checkpoint),
            derived: RwLock::new(replayed.derived),
            missing_keys: Mutex::new(if state.keys < state.checkpoint {
                MissingKeys::After(state.keys, state.checkpoint)
            } else {
                MissingKeys::None
            }),
            moderation: moderation_state,
            values,
            packing,
            steps: Steps::default(),
            walks: Walks::default(),
            redacted: Mutex::default(),
            deferred: Mutex::default(),
            scratch: Mutex::new(Vec::new()),
            disk_path,
        })
    }
}

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens a file as a log is opened. What is no file, such as a directory or a device, is no log.
fn open_file(path: &Path) -> std::io::Result<File> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        Ok(found) if !found.is_file() => Err(std::io::Error::new(ErrorKind::InvalidInput, "not a file")),
        _ => OpenOptions::new().read(true).write(true).open(path),
    }
}

/// Refuses a full disk: who starts a server there should hear of it at once.
fn require_space(path: &Path, name: &str) -> Result<(), OpenError> {
    match free_bytes(path) {
        Some(free) if free < START_BYTES_MIN => {
            Err(OpenError::DiskFull { path: name.to_owned(), free, needed: START_BYTES_MIN })
        }
        _ => Ok(()),
    }
}

/// Makes a new log under another name and gives it its own when it is whole: power lost in between leaves no
/// file that is neither a log nor none.
fn make(path: &Path, directory: &Path, name: &str) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: name.to_owned(), source };
    let file =
        tempfile::Builder::new().prefix(".millchat-").suffix(".new").tempfile_in(directory).map_err(io)?;
    let database = builder().create(file.path()).map_err(|error| open_error(name, error))?;
    create(&database).map_err(|error| io(std::io::Error::other(error)))?;
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
        insert(STATE_FORMAT, &[RECORD_VERSION_MIN])?;
        insert(STATE_EPOCH, &rand::random::<[u8; 4]>())?;
        insert(STATE_SIGNING_KEY, &rand::random::<[u8; 32]>())?;
    }
    tx.commit().map_err(storage_error)
}

struct Replayed {
    head: Position,
    derived: Derived,
    live_bytes: u64,
}

/// Rebuilds what the checkpoint does not hold: reads the records behind it, at most
/// [`crate::log::derived::CHECKPOINT_EVENTS`] and a batch.
fn replay(tx: &ReadTransaction, state: &State) -> Result<Replayed, LogError> {
    let log = tx.open_table(LOG).map_err(storage_error)?;
    let heads = tx.open_table(HEADS).map_err(storage_error)?;
    let (counted, bytes) = state.live;
    let mut replayed = Replayed { head: state.checkpoint, derived: Derived::default(), live_bytes: bytes };
    for row in log.range(state.checkpoint + 1..).map_err(storage_error)? {
        let (position, bytes) = row.map_err(storage_error)?;
        let (position, bytes) = (position.value(), bytes.value());
        replayed.head = position;
        if position > counted {
            replayed.live_bytes += record::stored_bytes(bytes);
        }
        let Ok(record) = record::decode(position, bytes) else {
            // If what it seems to say fits, its readers learn that something was there. Else the next event
            // of its room tells them.
            if let Some((room, prev)) = record::claims(position, bytes) {
                let before = match replayed.derived.head(&room) {
                    Some(before) => before,
                    None => stored_head(&heads, &room)?,
                };
                if before.position == prev {
                    replayed.derived.record(&room, before, position, before.at);
                }
            }
            continue;
        };
        if let Some(key) = record.key {
            let (position, created_at) = (record.position, record.created_at);
            replayed.derived.record_key(StoredKey { position, key, created_at });
        }
        if let Some(event) = record.event {
            let before = match replayed.derived.head(&event.room) {
                Some(before) => before,
                None => stored_head(&heads, &event.room)?,
            };
            replayed.derived.record(&event.room, before, event.position, event.created_at);
        }
    }
    Ok(replayed)
}

pub(super) fn open_error(name: &str, error: DatabaseError) -> OpenError {
    let path = name.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path),
        DatabaseError::Storage(StorageError::Io(source)) if source.kind() == ErrorKind::UnexpectedEof => {
            OpenError::Damaged { path, what: "it ends too early".into() }
        }
        DatabaseError::Storage(StorageError::Io(source)) if source.kind() == ErrorKind::InvalidData => {
            OpenError::Damaged { path, what: source.to_string() }
        }
        DatabaseError::Storage(StorageError::Io(source)) => OpenError::Io { path, source },
        DatabaseError::Storage(StorageError::Corrupted(what)) => OpenError::Damaged { path, what },
        other => OpenError::Damaged { path, what: other.to_string() },
    }
}
