//! Writing: a commit is one transaction and one fsync, and carries the next step of a cut with it.

use std::mem::ManuallyDrop;
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::redb::{AccessGuard, Database, Durability, ReadableTable as _, StorageError, Table, WriteTransaction};

use super::{
    EDITS, HEADS, INDEX, LOG, RedbLog, STATE, STATE_CHECKPOINT, STATE_FLOOR, STATE_LAST, STATE_LIVE, refused,
    storage_error, stored_head,
};
use crate::event::{Body, Event, Position, RoomName, Timestamp};
use crate::log::derived::{CHECKPOINT_EVENTS, Derived, Head};
use crate::log::record::{self, Fields};
use crate::log::{Append, CommitError, Log as _, LogError, READ_EVENTS_MAX};

/// Free space that a commit leaves on the disk, so that redb never meets a full one: after an I/O error it
/// would serve only what it has cached.
pub(super) const DISK_RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// What a commit may write beyond its records: pages of the trees, copied on write.
const WRITE_AMPLIFICATION_MAX: u64 = 3;
/// A page of redb.
const PAGE_BYTES: u64 = 4 * 1024;

/// How the bytes of the kept records change.
#[derive(Default)]
pub(super) struct Change {
    pub more: u64,
    pub less: u64,
    /// Records that were there before became smaller or went: a start cannot count that anew.
    old: bool,
}

impl AddAssign for Change {
    fn add_assign(&mut self, other: Self) {
        self.more += other.more;
        self.less += other.less;
        self.old |= other.old;
    }
}

impl RedbLog {
    pub(super) fn write(&self, batch: &[Append], floor: Position) -> Result<Vec<Arc<Event>>, CommitError> {
        self.require_free(DISK_RESERVE_BYTES + self.bytes_max(batch).map_err(refused)?)?;
        let mut tx = self.begin_write()?;
        tx.set_durability(Durability::Immediate).map_err(refused)?;
        let (events, brought, mut change) = self.append(&tx, batch).map_err(refused)?;
        let head = self.head.load(Ordering::Acquire) + batch.len() as u64;
        let old_floor = self.floor.load(Ordering::Acquire);
        let floor = floor.clamp(old_floor, head + 1);
        let checkpoint = {
            let derived = self.derived.read();
            // The heads of rooms that lose their last record must be in their table before the record goes.
            let due = derived.events() + brought.events() >= CHECKPOINT_EVENTS;
            let overtaken = floor > old_floor && floor > self.checkpoint.load(Ordering::Acquire) + 1;
            if due || overtaken {
                write_derived(&tx, &[&derived, &brought], head).map_err(refused)?;
            }
            due || overtaken
        };
        if floor > old_floor {
            change += cut(&tx, old_floor, floor, head).map_err(refused)?;
        }
        let live_bytes = (self.live_bytes.load(Ordering::Acquire) + change.more).saturating_sub(change.less);
        if checkpoint || change.old {
            write_live_bytes(&tx, head, live_bytes).map_err(refused)?;
        }
        // Before the commit: a read that misses what the cut takes must know the floor that explains it.
        self.floor.store(floor, Ordering::Release);
        tx.commit().map_err(|error| CommitError::Unknown(error.to_string()))?;
        let mut derived = self.derived.write();
        if checkpoint {
            *derived = Derived::default();
            self.checkpoint.store(head, Ordering::Release);
        } else {
            derived.absorb(brought);
        }
        self.live_bytes.store(live_bytes, Ordering::Release);
        self.head.store(head, Ordering::Release);
        Ok(events)
    }

    /// What a batch may write at worst: its records, a page for each record that a delete rewrites, and a page
    /// for each row of a checkpoint.
    fn bytes_max(&self, batch: &[Append]) -> Result<u64, LogError> {
        let records: usize = batch.iter().map(append_bytes_max).sum();
        let mut pages = 0;
        for append in batch {
            if let Body::Delete { target } = append.body {
                pages += 2 * (1 + self.edits(target)?);
            }
        }
        let derived = self.derived.read();
        if derived.events() + batch.len() >= CHECKPOINT_EVENTS {
            pages += derived.heads().count() + derived.index().count() + batch.len();
        }
        Ok(records as u64 * WRITE_AMPLIFICATION_MAX + pages as u64 * PAGE_BYTES)
    }

    /// Compares the free space with what a commit may need.
    pub(super) fn require_free(&self, needed: u64) -> Result<(), CommitError> {
        let Some(place) = &self.place else { return Ok(()) };
        let Some(free) = free_bytes(place) else { return Ok(()) };
        if free < needed { Err(CommitError::DiskFull { free, needed }) } else { Ok(()) }
    }

    /// Puts the batch into a transaction that is not committed yet.
    fn append(
        &self,
        tx: &WriteTransaction,
        batch: &[Append],
    ) -> Result<(Vec<Arc<Event>>, Derived, Change), LogError> {
        let mut log = tx.open_table(LOG).map_err(storage_error)?;
        let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
        let heads = tx.open_table(HEADS).map_err(storage_error)?;
        let mut scratch = self.scratch.lock();
        let (mut brought, mut change) = (Derived::default(), Change::default());
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
            change.more += record::stored_bytes(&scratch);
            brought.note(&append.room, head, position, append.created_at);
            match append.body {
                Body::Edit { target, .. } => {
                    edits.insert((target, position), ()).map_err(storage_error)?;
                }
                Body::Delete { target } => {
                    change += withhold(&mut log, target)?;
                    for edit in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)? {
                        let (key, _) = edit.map_err(storage_error)?;
                        change += withhold(&mut log, key.value().1)?;
                    }
                }
                _ => {}
            }
            events.push(event);
        }
        Ok((events, brought, change))
    }

    pub(super) fn forget(
        &self,
        after: Option<&RoomName>,
        before: Timestamp,
        spare: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError> {
        let floor = self.floor.load(Ordering::Acquire);
        let mut old = Vec::new();
        let mut last = None;
        let mut look = || -> Result<(), LogError> {
            let tx = self.begin_read()?;
            let heads = tx.open_table(HEADS).map_err(storage_error)?;
            let rows = match after {
                Some(after) => heads
                    .range::<&str>((std::ops::Bound::Excluded(after.as_str()), std::ops::Bound::Unbounded)),
                None => heads.range::<&str>(..),
            };
            let mut seen = 0;
            for row in rows.map_err(storage_error)? {
                let (room, head) = row.map_err(storage_error)?;
                let (position, _, at) = head.value();
                let Ok(room) = RoomName::new(room.value()) else { continue };
                if position < floor
                    && at < before.0
                    && !spare(&room)
                    && self.derived.read().head(&room).is_none()
                {
                    old.push(room.clone());
                }
                seen += 1;
                if seen == READ_EVENTS_MAX {
                    last = Some(room);
                    break;
                }
            }
            Ok(())
        };
        look().map_err(refused)?;
        if !old.is_empty() {
            self.require_free(DISK_RESERVE_BYTES + old.len() as u64 * PAGE_BYTES)?;
            let tx = self.begin_write()?;
            {
                let mut heads = tx.open_table(HEADS).map_err(refused)?;
                for room in &old {
                    heads.remove(room.as_str()).map_err(refused)?;
                }
            }
            tx.commit().map_err(|error| CommitError::Unknown(error.to_string()))?;
        }
        Ok(last)
    }

    pub(super) fn finish(&self) -> Result<(), LogError> {
        let Some(database) = self.database.write().take() else { return Ok(()) };
        // redb may panic over pages that were damaged since they were written.
        catch_unwind(AssertUnwindSafe(|| self.close_database(database))).unwrap_or_else(|_| {
            let what =
                "it cannot be closed, its pages do not hang together; the next start repairs or refuses it";
            Err(LogError::Storage(what.into()))
        })
    }

    fn close_database(&self, database: Database) -> Result<(), LogError> {
        let derived = std::mem::take(&mut *self.derived.write());
        if derived.events() > 0 {
            let tx = database.begin_write().map_err(storage_error)?;
            let head = self.head.load(Ordering::Acquire);
            write_derived(&tx, &[&derived], head)?;
            write_live_bytes(&tx, head, self.live_bytes.load(Ordering::Acquire))?;
            tx.commit().map_err(storage_error)?;
        }
        database.close().map_err(storage_error)
    }
}

/// The free space where a file lies; `None` when the disk does not say: then whoever writes will meet it.
pub(super) fn free_bytes(place: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(place).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Writes what is derived into its tables, up to `head`.
pub(super) fn write_derived(
    tx: &WriteTransaction,
    parts: &[&Derived],
    head: Position,
) -> Result<(), LogError> {
    let mut heads = tx.open_table(HEADS).map_err(storage_error)?;
    let mut index = tx.open_table(INDEX).map_err(storage_error)?;
    for part in parts {
        for (room, Head { position, count, at }) in part.heads() {
            heads.insert(room.as_str(), (*position, *count, at.0)).map_err(storage_error)?;
        }
        for (room, position) in part.index() {
            index.insert((room.as_str(), *position), ()).map_err(storage_error)?;
        }
    }
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    state.insert(STATE_CHECKPOINT, head.to_le_bytes().as_slice()).map_err(storage_error)?;
    Ok(())
}

pub(super) fn write_live_bytes(
    tx: &WriteTransaction,
    head: Position,
    live_bytes: u64,
) -> Result<(), LogError> {
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    let both = [head.to_le_bytes(), live_bytes.to_le_bytes()].concat();
    state.insert(STATE_LIVE, both.as_slice()).map_err(storage_error)?;
    Ok(())
}

/// Takes the records from `old` to `floor` out, with their index rows and edits.
pub(super) fn cut(
    tx: &WriteTransaction,
    old: Position,
    floor: Position,
    head: Position,
) -> Result<Change, LogError> {
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let mut index = tx.open_table(INDEX).map_err(storage_error)?;
    let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
    let mut change = Change { old: true, ..Change::default() };
    // Dropped, it goes on with its work. After a panic over a damaged page that would be a second panic in the middle
    // of the first, and the end of the process.
    let mut rows = ManuallyDrop::new(log.extract_from_if(old..floor, |_, _| true).map_err(storage_error)?);
    let mut take = |row: Result<(AccessGuard<'_, u64>, AccessGuard<'_, &[u8]>), StorageError>| {
        let (position, bytes) = row.map_err(storage_error)?;
        change.less += record::stored_bytes(bytes.value());
        // A damaged record goes like any other; what it would have said about its room is not known.
        let Ok(record) = record::decode(position.value(), bytes.value()) else { return Ok(()) };
        let Some(event) = record.event else { return Ok(()) };
        index.remove((event.room.as_str(), event.position)).map_err(storage_error)?;
        if let Body::Edit { target, .. } = event.body {
            edits.remove((target, event.position)).map_err(storage_error)?;
        }
        Ok(())
    };
    let taken = rows.by_ref().try_for_each(&mut take);
    drop(ManuallyDrop::into_inner(rows));
    taken?;
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    state.insert(STATE_FLOOR, floor.to_le_bytes().as_slice()).map_err(storage_error)?;
    state.insert(STATE_LAST, head.to_le_bytes().as_slice()).map_err(storage_error)?;
    Ok(change)
}

pub(super) fn withhold(
    log: &mut Table<'_, u64, &'static [u8]>,
    position: Position,
) -> Result<Change, LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)?.map(|bytes| bytes.value().to_vec()) else {
        return Ok(Change::default());
    };
    // A damaged record is served to nobody: it must not stand in the way of the delete.
    let Ok(withheld) = record::withhold(position, &bytes) else { return Ok(Change::default()) };
    log.insert(position, withheld.as_slice()).map_err(storage_error)?;
    Ok(Change { more: record::stored_bytes(&withheld), less: record::stored_bytes(&bytes), old: true })
}

fn append_bytes_max(append: &Append) -> usize {
    let author = append.author.as_ref().map_or(0, |author| author.id.len() + author.name.len());
    let content = match &append.body {
        Body::Message { content } | Body::Edit { content, .. } => content.as_deref().map_or(0, str::len),
        Body::Delete { .. } | Body::Unknown { .. } => 0,
    };
    record::bytes_max(author + content)
}
