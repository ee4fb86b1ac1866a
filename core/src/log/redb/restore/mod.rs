//! Making a new log of records that have their positions already: a backup restored, an import.
//!
//! It is written under another name and gets its own when it is whole. Its epoch is new, so that an id of the
//! old log cannot mean another event here; positions and all that refers to them are kept. Room heads of
//! which no record is left are not taken over: they explain old ids, and old ids have another epoch.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

use ::redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _, WriteTransaction,
};
use tempfile::NamedTempFile;

use crate::event::{Body, Event, Position, RoomName};
use crate::log::contract::StoredKey;
use crate::log::derived::{Derived, Head};
use crate::log::error::{LogError, NewLogError};
use crate::log::record::{self, RawRecord, Record};
use crate::log::redb::checkpoint::{write_derived, write_live_bytes};
use crate::log::redb::deletes::DeletesTable;
use crate::log::redb::open::{builder, create};
use crate::log::redb::redact::{BytesDelta, redact};
use crate::log::redb::stopped::open_stopped;
use crate::log::redb::tables::{
    EDITS, HEADS, LOG, STATE, STATE_CHECKPOINT, STATE_FLOOR, STATE_KEYS, STATE_LAST, STATE_SIGNING_KEY,
    STATE_SKIPPED, storage_error, stored_head,
};
use crate::log::redb::trim::trim;
use crate::log::redb::{keys, moderation, reactions, values};
use crate::log::snapshot::{LogSnapshot, Piece};

/// Records that one transaction takes.
const BATCH_RECORDS_MAX: usize = 8_192;
/// A transaction is closed by the record that takes it past this many bytes.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The table that a record goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    /// The records.
    Log,
    /// The records that are in force beside them.
    InForce,
}

/// A log being made of records that have their positions. Dropped before [`NewLog::finish`], it leaves
/// nothing.
pub struct NewLog {
    path: PathBuf,
    file: NamedTempFile,
    database: Database,
    /// Heads of the rooms as of the last transaction.
    heads: Option<ReadOnlyTable<&'static str, (u64, u64, u64)>>,
    signing_key: [u8; 32],
    floor: Position,
    last: Position,
    pending: Vec<(RawRecord, Record, Table)>,
    pending_bytes: usize,
    /// Heads, index rows and keys of the pending records.
    derived: Derived,
    live_bytes: u64,
    /// Damaged records of the older log that were left out, and true if any may be.
    skipped: (u64, bool),
    /// Something was taken out again, and its bytes are still on free pages of the file.
    tainted: bool,
}

impl NewLog {
    /// Begins a log that keeps positions from `floor` on, with the signing key of an older log or a new one.
    pub fn create(path: &Path, signing_key: Option<[u8; 32]>, floor: Position) -> Result<Self, NewLogError> {
        let name = path.display().to_string();
        let io = |source| NewLogError::Io { path: name.clone(), source };
        if path.symlink_metadata().is_ok() {
            return Err(NewLogError::Exists(name));
        }
        let file = tempfile::Builder::new()
            .prefix(".millchat-")
            .suffix(".new")
            .tempfile_in(directory_of(path))
            .map_err(io)?;
        let signing_key = signing_key.unwrap_or_else(rand::random);
        let floor = floor.max(1);
        let begin = || {
            let database = builder().create(file.path()).map_err(storage_error)?;
            create(&database)?;
            let tx = write(&database)?;
            {
                let mut state = tx.open_table(STATE).map_err(storage_error)?;
                state.insert(STATE_SIGNING_KEY, signing_key.as_slice()).map_err(storage_error)?;
                state.insert(STATE_FLOOR, floor.to_le_bytes().as_slice()).map_err(storage_error)?;
            }
            tx.commit().map_err(storage_error)?;
            Ok(database)
        };
        let database = begin().map_err(|error: LogError| storage(path, &error))?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            database,
            heads: None,
            signing_key,
            floor,
            last: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            derived: Derived::default(),
            live_bytes: 0,
            skipped: (0, false),
            tainted: false,
        };
        log.read_heads()?;
        Ok(log)
    }

    /// Leaves damaged records out (see [`Piece::Damaged`]), none perhaps. From here on an event may follow on
    /// one that is not here: it follows on its room's newest one then.
    pub fn skip(&mut self, positions: &[Position]) {
        self.skipped = (self.skipped.0 + positions.len() as u64, true);
    }

    /// Takes over how many damaged records had been left out of the older log.
    pub fn were_skipped(&mut self, count: u64) {
        self.skipped.0 += count;
    }

    /// Adds a record; positions ascend, and `prev` must be the record before it in its room. A record of a
    /// room that has none here yet may follow on one below the floor.
    pub fn append(&mut self, mut raw: RawRecord) -> Result<(), NewLogError> {
        let position = raw.position;
        let misfit = |what: String| NewLogError::Misfit { position, what };
        if position <= self.last {
            return Err(misfit(format!("positions must ascend, and {} came before it", self.last)));
        }
        if position < self.floor {
            return Err(misfit(format!("it is below the floor, {}", self.floor)));
        }
        let mut decoded = raw.decode().map_err(|error| misfit(error.to_string()))?;
        if let Some(event) = decoded.event.clone() {
            let head = self.head_of(&event.room)?;
            if let Some(what) = self.broken_link(&event, head.position) {
                if !self.skipped.1 {
                    return Err(misfit(what));
                }
                let relinked = record::relink(position, &raw.bytes, head.position);
                raw.bytes = relinked.map_err(|error| misfit(error.to_string()))?;
                decoded = raw.decode().map_err(|error| misfit(error.to_string()))?;
            }
            self.derived.record(&event.room, head, position, event.created_at);
        }
        if let Some(key) = decoded.key {
            let created_at = decoded.created_at;
            self.derived.record_key(StoredKey { position, key, created_at });
        }
        self.last = raw.position;
        self.put(raw, decoded, Table::Log)
    }

    /// Returns the fault of an event's `prev` in a room whose newest event here is at `head`.
    fn broken_link(&self, event: &Event, head: Position) -> Option<String> {
        let (prev, room) = (event.prev, &event.room);
        if head >= self.floor && prev != head {
            Some(format!("`prev` is {prev}, and the record before it in room {room} is {head}"))
        } else if head < self.floor && prev >= self.floor {
            Some(format!("`prev` is {prev}, and no record of room {room} came before it"))
        } else {
            None
        }
    }

    fn put(&mut self, raw: RawRecord, record: Record, table: Table) -> Result<(), NewLogError> {
        self.pending_bytes += raw.bytes.len();
        self.pending.push((raw, record, table));
        if self.pending.len() >= BATCH_RECORDS_MAX || self.pending_bytes >= BATCH_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Takes the text of a message and of its edits away, and the reactions to it, as a delete does.
    pub fn delete(&mut self, target: Position) -> Result<(), NewLogError> {
        self.flush()?;
        self.tainted = true;
        self.transact(|this, tx| {
            this.redact(tx, target)?;
            write_live_bytes(tx, this.last, this.live_bytes)
        })
    }

    /// Takes a record in force (see [`Piece::InForce`]): one that closes a room, bans an author or sets a value.
    /// It may lie below the floor, and comes before the records that may revoke it.
    pub fn put_in_force(&mut self, raw: &RawRecord) -> Result<(), NewLogError> {
        let misfit = |what: String| NewLogError::Misfit { position: raw.position, what };
        let record = raw.decode().map_err(|error| misfit(error.to_string()))?;
        if !moderation::is_in_force(&record) && !values::is_in_force(&record) {
            let what = "it closes no room, bans no author and sets no value, so it cannot stand";
            return Err(misfit(what.into()));
        }
        self.put(raw.clone(), record, Table::InForce)
    }

    /// Takes the text of all events of a room away, as a purge after the last of them does.
    pub fn purge(&mut self, room: &RoomName) -> Result<(), NewLogError> {
        self.flush()?;
        let head = self.head_of(room)?.position;
        self.erase(room, head)
    }

    /// Takes the text out of a room's records from `at` downwards.
    fn erase(&mut self, room: &RoomName, at: Position) -> Result<(), NewLogError> {
        let mut next = (at != 0).then_some(at);
        while let Some(at) = next {
            self.transact(|this, tx| {
                let change;
                (change, next) = moderation::erase(tx, room, at, this.floor, BATCH_RECORDS_MAX)?;
                this.account(&change);
                write_live_bytes(tx, this.last, this.live_bytes)
            })?;
        }
        Ok(())
    }

    /// Takes the records before `floor` out, and forgets the records in force: they come again.
    pub fn raise_floor(&mut self, floor: Position) -> Result<(), NewLogError> {
        self.flush()?;
        self.transact(|_, tx| forget_records(tx, 0))?;
        while self.floor < floor {
            self.tainted |= self.last > 0;
            // Beyond the last record there is nothing to take out step by step.
            let step = self.floor + BATCH_RECORDS_MAX as u64;
            let next = if self.floor > self.last { floor } else { floor.min(step) };
            self.transact(|this, tx| {
                let change = trim(tx, this.floor, next, this.last)?;
                this.live_bytes = (this.live_bytes + change.more).saturating_sub(change.less);
                write_live_bytes(tx, this.last, this.live_bytes)
            })?;
            self.floor = next;
        }
        Ok(())
    }

    /// Makes what is there durable and gives the file its name. `head` is the log's newest position, whether
    /// or not a record is there.
    pub fn finish(mut self, head: Position) -> Result<(), NewLogError> {
        self.flush()?;
        let head = head.max(self.last).max(self.floor - 1);
        self.transact(|this, tx| {
            let floor = this.floor;
            let mut heads = tx.open_table(HEADS).map_err(storage_error)?;
            heads.retain(|_, (position, _, _)| position >= floor).map_err(storage_error)?;
            let mut state = tx.open_table(STATE).map_err(storage_error)?;
            for key in [STATE_LAST, STATE_CHECKPOINT, STATE_KEYS] {
                state.insert(key, head.to_le_bytes().as_slice()).map_err(storage_error)?;
            }
            if this.skipped.0 > 0 {
                let skipped = this.skipped.0.to_le_bytes();
                state.insert(STATE_SKIPPED, skipped.as_slice()).map_err(storage_error)?;
            }
            drop((heads, state));
            // A trim may have brought records from after the end.
            forget_records(tx, head + 1)?;
            write_live_bytes(tx, head, this.live_bytes)
        })?;
        let Self { path, file, database, heads, signing_key, skipped, tainted, .. } = self;
        drop(heads);
        database.close().map_err(|error| storage(&path, &storage_error(error)))?;
        if tainted {
            // Bytes of what was taken out lie on free pages: only a file that never held them is free of
            // them.
            return rewrite(&path, file.path(), signing_key, skipped.0);
        }
        let name = path.display().to_string();
        file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => NewLogError::Exists(name.clone()),
            _ => NewLogError::Io { path: name.clone(), source: error.error },
        })?;
        // The file's entry in its directory must be as durable as what it holds.
        File::open(directory_of(&path))
            .and_then(|directory| directory.sync_all())
            .map_err(|source| NewLogError::Io { path: name, source })
    }

    /// Returns the head of a room, from the pending records or from the table.
    fn head_of(&self, room: &RoomName) -> Result<Head, NewLogError> {
        match (self.derived.head(room), &self.heads) {
            (Some(head), _) => Ok(head),
            (None, Some(heads)) => stored_head(heads, room).map_err(|error| storage(&self.path, &error)),
            (None, None) => Ok(Head::default()),
        }
    }

    fn flush(&mut self) -> Result<(), NewLogError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let derived = std::mem::take(&mut self.derived);
        self.pending_bytes = 0;
        let mut purged = Vec::new();
        self.transact(|this, tx| {
            for (raw, record, table) in pending {
                if table == Table::InForce {
                    this.rule(tx, record, &raw.bytes)?;
                    continue;
                }
                {
                    let mut log = tx.open_table(LOG).map_err(storage_error)?;
                    log.insert(raw.position, raw.bytes.as_slice()).map_err(storage_error)?;
                    this.live_bytes += record::stored_bytes(&raw.bytes);
                }
                match record.event.as_ref().map(|event| &event.body) {
                    Some(Body::Edit { target, .. }) => {
                        let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
                        edits.insert((*target, raw.position), ()).map_err(storage_error)?;
                    }
                    // What comes from a log has no text here any more; what comes from elsewhere may have.
                    Some(Body::Delete { target }) => {
                        this.redact(tx, *target)?;
                        DeletesTable::new(tx).note(*target, raw.position)?;
                    }
                    Some(Body::Message { .. }) => {}
                    Some(Body::Reaction { .. }) => {
                        let event = record.event.as_ref();
                        event.map_or(Ok(false), |event| reactions::ReactionsTable::new(tx).record(event))?;
                    }
                    Some(Body::Purge) => purged.extend(record.event),
                    _ => this.rule(tx, record, &raw.bytes)?,
                }
            }
            write_derived(tx, &[&derived], this.last)?;
            keys::write(tx, derived.keys().iter(), this.floor, Some(this.last))?;
            write_live_bytes(tx, this.last, this.live_bytes)
        })?;
        // Now, and not when the log is opened: the file is to hold nothing of it.
        purged.into_iter().try_for_each(|event| self.erase(&event.room, event.prev))
    }

    /// Writes what a record changes of all that is in force.
    fn rule(&mut self, tx: &WriteTransaction, record: Record, bytes: &[u8]) -> Result<(), LogError> {
        if record.value.is_none() {
            return moderation::record(tx, record, bytes).map(drop);
        }
        let mut log = tx.open_table(LOG).map_err(storage_error)?;
        let (change, _) = values::record(tx, &mut log, &record, bytes)?;
        self.account(&change);
        Ok(())
    }

    /// Takes a change of stored records into account.
    fn account(&mut self, change: &BytesDelta) {
        self.tainted |= change.more != change.less;
        self.live_bytes = (self.live_bytes + change.more).saturating_sub(change.less);
    }

    fn redact(&mut self, tx: &WriteTransaction, target: Position) -> Result<(), LogError> {
        let mut log = tx.open_table(LOG).map_err(storage_error)?;
        let edits = tx.open_table(EDITS).map_err(storage_error)?;
        reactions::ReactionsTable::new(tx).forget(target)?;
        let mut gone = vec![target];
        for row in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)? {
            gone.push(row.map_err(storage_error)?.0.value().1);
        }
        for position in gone {
            let change = redact(&mut log, position)?;
            self.account(&change);
        }
        Ok(())
    }

    fn transact(
        &mut self,
        work: impl FnOnce(&mut Self, &WriteTransaction) -> Result<(), LogError>,
    ) -> Result<(), NewLogError> {
        // An open read would pin the pages that the transaction leaves.
        self.heads = None;
        let done = write(&self.database)
            .and_then(|tx| work(self, &tx).map(|()| tx))
            .and_then(|tx| tx.commit().map_err(storage_error));
        done.map_err(|error| storage(&self.path, &error))?;
        self.read_heads()
    }

    fn read_heads(&mut self) -> Result<(), NewLogError> {
        let tx = self.database.begin_read().map_err(storage_error);
        let heads = tx.and_then(|tx| tx.open_table(HEADS).map_err(storage_error));
        self.heads = Some(heads.map_err(|error| storage(&self.path, &error))?);
        Ok(())
    }
}

/// Copies a whole log that was just made to its table, so that nothing but its records is in the file.
fn rewrite(path: &Path, made: &Path, signing_key: [u8; 32], skipped: u64) -> Result<(), NewLogError> {
    let failed = |what: String| NewLogError::Storage { path: path.display().to_string(), what };
    let log = open_stopped(made).map_err(|error| failed(error.to_string()))?;
    let mut copy = LogSnapshot::begin(&*log);
    let mut new = NewLog::create(path, Some(signing_key), copy.floor())?;
    new.were_skipped(skipped);
    while let Some(piece) = copy.next(&*log).map_err(|error| failed(error.to_string()))? {
        match piece {
            Piece::Records(records) => records.into_iter().try_for_each(|record| new.append(record))?,
            Piece::InForce(records) => records.iter().try_for_each(|record| new.put_in_force(record))?,
            // Nobody writes to it, and it was just made: there are no deletes, no trims and no damage.
            Piece::Floor(_) | Piece::Deleted(_) | Piece::Purged(_) | Piece::Damaged(_) => {}
        }
    }
    new.finish(copy.head())
}

/// Forgets the records in force from a position on.
fn forget_records(tx: &WriteTransaction, from: Position) -> Result<(), LogError> {
    moderation::forget_records(tx, from)?;
    values::forget_records(tx, from)
}

fn write(database: &Database) -> Result<WriteTransaction, LogError> {
    let mut tx = database.begin_write().map_err(storage_error)?;
    tx.set_durability(Durability::Immediate).map_err(storage_error)?;
    Ok(tx)
}

fn storage(path: &Path, error: &LogError) -> NewLogError {
    NewLogError::Storage { path: path.display().to_string(), what: error.to_string() }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
