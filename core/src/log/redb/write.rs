//! Writing: a commit is one transaction and one fsync, and carries the next step of a cut with it.

use std::mem::ManuallyDrop;
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::redb::{AccessGuard, Database, Durability, ReadableTable as _, StorageError, Table, WriteTransaction};

use crate::event::{Body, Event, Position, RoomName, Timestamp};
use crate::log::derived::{CHECKPOINT_EVENTS, Derived, Head};
use crate::log::record::Fields;
use crate::log::redb::{
    EDITS, HEADS, INDEX, LOG, RedbLog, STATE, STATE_CHECKPOINT, STATE_FLOOR, STATE_LAST, STATE_LIVE,
    moderation, reactions, refused, storage_error, stored_head,
};
use crate::log::standing::Change as Standing;
use crate::log::{Append, CommitError, Committed, Log as _, LogError, READ_EVENTS_MAX, Ruling, What, record};

/// Free space that a commit leaves on the disk, so that redb never meets a full one: after an I/O error it
/// would serve only what it has cached.
pub(super) const DISK_RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// What a commit may write beyond its records: pages of the trees, copied on write.
const WRITE_AMPLIFICATION_MAX: u64 = 3;
/// A page of redb.
const PAGE_BYTES: u64 = 4 * 1024;
/// Pages that a row of a table beside the log may cost: a leaf and what leads to it, copied.
const ROW_PAGES: usize = 4;
/// Pages that a step of an emptying may cost: as for a delete, two for each record, and its row.
const ERASE_PAGES: usize =
    2 * moderation::ERASE_RECORDS_MAX + 2 * ROW_PAGES + pages_of_reactions(moderation::ERASE_REACTIONS_MAX);

/// Pages that rows of reactions may cost beside each other.
const fn pages_of_reactions(rows: usize) -> usize {
    (rows * reactions::ROW_BYTES_MAX).div_ceil(PAGE_BYTES as usize)
}

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

/// A batch in a transaction: what became of each, and what it brings.
#[derive(Default)]
struct Appended {
    committed: Vec<Committed>,
    brought: Derived,
    change: Change,
    standing: Vec<Standing>,
}

impl RedbLog {
    pub(super) fn write(&self, batch: &[Append], floor: Position) -> Result<Vec<Committed>, CommitError> {
        let head = self.head.load(Ordering::Acquire) + batch.len() as u64;
        let old_floor = self.floor.load(Ordering::Acquire);
        let floor = floor.clamp(old_floor, head + 1);
        let needed = DISK_RESERVE_BYTES + self.bytes_max(batch).map_err(refused)?;
        self.require_free(needed)?;
        let mut emptying = self.standing.first_emptying();
        if emptying.is_some()
            && let Err(full) = self.require_free(needed + ERASE_PAGES as u64 * PAGE_BYTES)
        {
            if batch.is_empty() && floor == old_floor {
                return Err(full);
            }
            // The step waits for space; what it would go along with does not.
            emptying = None;
        }
        let mut tx = self.begin_write()?;
        tx.set_durability(Durability::Immediate).map_err(refused)?;
        let Appended { committed, brought, mut change, mut standing } =
            self.append(&tx, batch).map_err(refused)?;
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
        if let Some((emptying, next)) = emptying {
            let (erased, step) = moderation::erase_step(&tx, emptying, next, floor).map_err(refused)?;
            change += erased;
            standing.push(step);
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
        // In this order: what stands as of a position is never told before the position is the head.
        self.head.store(head, Ordering::Release);
        self.standing.apply(standing, head);
        Ok(committed)
    }

    /// What a batch may write at worst: its records, pages for each record that a delete rewrites and for each row
    /// of what stands, and a page for each row of a checkpoint.
    pub(super) fn bytes_max(&self, batch: &[Append]) -> Result<u64, LogError> {
        let records: u64 = batch.iter().map(Append::bytes_max).sum();
        let mut pages = 0;
        for append in batch {
            match &append.what {
                What::Event { body: Body::Delete { target }, .. } => {
                    pages += 2 * (1 + self.edits(*target)?);
                    pages += ROW_PAGES + pages_of_reactions(self.reactions(*target)?.len());
                }
                What::Event { body: Body::Message { .. } | Body::Edit { .. }, .. } => {}
                What::Event { .. } | What::Ban(_) | What::Unban(_) => pages += ROW_PAGES,
            }
        }
        let derived = self.derived.read();
        if derived.events() + batch.len() >= CHECKPOINT_EVENTS {
            pages += derived.heads().count() + derived.index().count() + batch.len();
        }
        Ok(records * WRITE_AMPLIFICATION_MAX + pages as u64 * PAGE_BYTES)
    }

    /// Compares the free space with what a commit may need.
    pub(super) fn require_free(&self, needed: u64) -> Result<(), CommitError> {
        let Some(place) = &self.place else { return Ok(()) };
        let Some(free) = free_bytes(place) else { return Ok(()) };
        if free < needed { Err(CommitError::DiskFull { free, needed }) } else { Ok(()) }
    }

    /// Puts the batch into a transaction that is not committed yet.
    fn append(&self, tx: &WriteTransaction, batch: &[Append]) -> Result<Appended, LogError> {
        let mut log = tx.open_table(LOG).map_err(storage_error)?;
        let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
        let heads = tx.open_table(HEADS).map_err(storage_error)?;
        let mut reactions = reactions::Standing::new(tx);
        let mut scratch = self.scratch.lock();
        let mut appended = Appended::default();
        let Appended { committed, brought, change, standing } = &mut appended;
        let mut position = self.head.load(Ordering::Acquire);
        for append in batch {
            position += 1;
            let mut event = None;
            match &append.what {
                What::Event { room, body } => {
                    let known = brought.head(room).or_else(|| self.derived.read().head(room));
                    let head = match known {
                        Some(head) => head,
                        None => stored_head(&heads, room)?,
                    };
                    let made = Event {
                        position,
                        prev: head.position,
                        room: room.clone(),
                        author: append.author.clone(),
                        created_at: append.created_at,
                        body: body.clone(),
                    };
                    let (key, content_hash) = (append.key.as_ref(), append.content_hash.as_ref());
                    record::encode(&Fields { event: &made, key, content_hash }, &mut scratch);
                    brought.note(room, head, position, append.created_at);
                    event = Some(Arc::new(made));
                }
                What::Ban(author_id) | What::Unban(author_id) => {
                    let banned = matches!(append.what, What::Ban(_));
                    let ruling = Ruling { author_id: author_id.clone(), banned, by: append.author.clone() };
                    record::encode_ruling(position, append.created_at, &ruling, &mut scratch);
                }
            }
            log.insert(position, scratch.as_slice()).map_err(storage_error)?;
            change.more += record::stored_bytes(&scratch);
            match &append.what {
                What::Event { body: Body::Message { .. }, .. } => {}
                What::Event { body: Body::Edit { target, .. }, .. } => {
                    edits.insert((*target, position), ()).map_err(storage_error)?;
                }
                What::Event { body: Body::Delete { target }, .. } => {
                    *change += withhold(&mut log, *target)?;
                    for edit in edits.range((*target, 0)..=(*target, Position::MAX)).map_err(storage_error)? {
                        let (key, _) = edit.map_err(storage_error)?;
                        *change += withhold(&mut log, key.value().1)?;
                    }
                    reactions.forget(*target)?;
                }
                What::Event { body: Body::Reaction { .. }, .. } => {
                    event.as_ref().map_or(Ok(()), |event| reactions.note(event))?;
                }
                _ => {
                    let record = record::decode(position, &scratch)?;
                    standing.extend(moderation::note(tx, record, &scratch)?);
                }
            }
            committed.push(Committed { position, event });
        }
        Ok(appended)
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

/// Takes the records from `old` to `floor` out, with their rows of index, edits and reactions.
pub(super) fn cut(
    tx: &WriteTransaction,
    old: Position,
    floor: Position,
    head: Position,
) -> Result<Change, LogError> {
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let mut index = tx.open_table(INDEX).map_err(storage_error)?;
    let mut edits = tx.open_table(EDITS).map_err(storage_error)?;
    let mut reactions = reactions::Standing::new(tx);
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
        reactions.cut(&event)
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
