//! Writing: a commit is one transaction, and carries the next step of a trim, of a purge and of the deletes before it.
//! It is one fsync too, unless it may wait: see [`super::deferred`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use ::redb::{Database, WriteTransaction};

use crate::cause::Cause;
use crate::event::{Body, Position, RoomName, Timestamp};
use crate::log::contract::{Committed, FinishedEntry, Lookups as _, NewRecord, Payload, READ_EVENTS_MAX};
use crate::log::derived::{Derived, MissingKeys};
use crate::log::error::{CommitError, LogError};
use crate::log::moderation::ModerationChange;
use crate::log::price::{self, ERASE_EDITS_MAX, UNIT_PAGES};
use crate::log::redb::append::Appended;
use crate::log::redb::checkpoint::{write_derived, write_live_bytes};
use crate::log::redb::disk::{DISK_RESERVE_BYTES, PAGE_BYTES, ROW_PAGES};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::keys::FOUND_KEYS_MAX;
use crate::log::redb::packs::{self, Prepared};
use crate::log::redb::state::write_forgotten;
use crate::log::redb::tables::{HEADS, refused, storage_error};
use crate::log::redb::trim::trim;
use crate::log::redb::values::EXPIRE_VALUES_MAX;
use crate::log::redb::{deletions, keys, moderation, place, reactions, values};

/// A commit may write this many times the bytes of its records: pages of the trees are copied on write.
const WRITE_AMPLIFICATION_MAX: u64 = 3;
/// Pages that a step of a purge, one of the deletes and one of expired values may cost: two for each record,
/// and rows.
const ERASE_PAGES: usize = 3 * moderation::ERASE_RECORDS_MAX
    + 2 * ERASE_EDITS_MAX
    + 3 * ROW_PAGES
    + EXPIRE_VALUES_MAX * 2 * ROW_PAGES
    + (moderation::ERASE_REACTIONS_MAX * reactions::ROW_BYTES_MAX).div_ceil(PAGE_BYTES as usize);

impl RedbLog {
    /// Commits a batch: new records, or those that an entry of a journal has finished.
    pub(super) fn write(
        &self,
        batch: &[NewRecord],
        floor: Position,
        entry: Option<&FinishedEntry>,
    ) -> Result<Vec<Committed>, CommitError> {
        let head = self.head.load(Ordering::Acquire) + batch.len() as u64;
        let old_floor = self.floor.load(Ordering::Acquire);
        let floor = floor.clamp(old_floor, head + 1);
        // The heads of rooms that lose their last record must be in their table before the record goes.
        let overtaken = floor > old_floor && floor > self.checkpoint.load(Ordering::Acquire) + 1;
        let needed = DISK_RESERVE_BYTES + self.bytes_max(batch, overtaken).map_err(refused)?;
        self.require_free(needed)?;
        let mut purge = self.moderation.first_purge();
        let mut deletions = self.moderation.first_deletions(self.steps.erase_edits_max as u64);
        let mut expired = self.values.expired(EXPIRE_VALUES_MAX);
        if (purge.is_some() || !deletions.is_empty() || !expired.is_empty())
            && let Err(full) = self.require_free(needed + ERASE_PAGES as u64 * PAGE_BYTES)
        {
            if batch.is_empty() && floor == old_floor {
                return Err(full);
            }
            // The steps wait for space; what they would go along with does not.
            (purge, deletions, expired) = (None, Vec::new(), Vec::new());
        }
        let with_packs = self.has_room_for_packs(needed);
        let tx = self.begin_write()?;
        let finished = entry.map(|entry| entry.records.as_slice());
        let appended = self.append(&tx, batch, finished).map_err(refused)?;
        let Appended { committed, brought, mut change, touched, unpacked, .. } = appended;
        let Appended { mut moderation_changes, mut value_changes, .. } = appended;
        self.packing.spoil(&touched);
        let prepared = if with_packs { self.packing.take_prepared() } else { Vec::new() };
        let sealed: Vec<_> = brought.index().cloned().collect();
        let mut keys_found = 0;
        let checkpoint = {
            let derived = self.derived.read();
            let due = derived.events() + brought.events() >= self.steps.checkpoint_events;
            if due || overtaken {
                write_derived(&tx, &[&derived, &brought], head).map_err(refused)?;
                keys_found = self
                    .write_keys(&tx, &[&derived, &brought], (floor, head), FOUND_KEYS_MAX)
                    .map_err(refused)?;
            }
            due || overtaken
        };
        if floor > old_floor {
            change += trim(&tx, old_floor, floor, head).map_err(refused)?;
            write_forgotten(&tx, self.forgotten.load(Ordering::Acquire), floor).map_err(refused)?;
        }
        if let Some((purge, next)) = purge {
            let (erased, step) =
                moderation::erase_step(&tx, purge, next, (floor, self.steps.erase_records_max))
                    .map_err(refused)?;
            change += erased;
            moderation_changes.push(step);
        }
        if !deletions.is_empty() {
            let (erased, steps) =
                deletions::erase_step(&tx, deletions, self.steps.erase_edits_max).map_err(refused)?;
            change += erased;
            moderation_changes.extend(steps);
        }
        let (erased, expiries) = values::expire_step(&tx, expired).map_err(refused)?;
        change += erased;
        value_changes.extend(expiries);
        let live_bytes = (self.live_bytes.load(Ordering::Acquire) + change.more).saturating_sub(change.less);
        if checkpoint || change.old {
            write_live_bytes(&tx, head, live_bytes).map_err(refused)?;
        }
        write_packs(&tx, &prepared, floor, head, checkpoint || floor > old_floor || !touched.is_empty())
            .map_err(refused)?;
        if let Some(entry) = entry {
            place::write(&tx, entry).map_err(refused)?;
        }
        // An entry without records may be one that the journal is to erase.
        let may_wait = !change.old && entry.is_some_and(|entry| !entry.records.is_empty());
        // Before the commit: a read that misses what the trim takes must know the floor that explains it.
        self.floor.store(floor, Ordering::Release);
        self.deferred.lock().commit(tx, change.more, may_wait)?;
        let mut derived = self.derived.write();
        if checkpoint {
            *derived = Derived::default();
            self.missing_keys.lock().written(keys_found);
            self.checkpoint.store(head, Ordering::Release);
        } else {
            derived.absorb(brought);
        }
        drop(derived);
        *self.redacted.lock() = change.redacted;
        self.live_bytes.store(live_bytes, Ordering::Release);
        // In this order: the moderation state of a position is never visible before the position is the head.
        self.head.store(head, Ordering::Release);
        let is_purged = moderation_changes.iter().any(|it| matches!(it, ModerationChange::Purging(_, None)));
        let bans = moderation_changes.iter().any(ModerationChange::is_of_ban);
        self.moderation.apply(moderation_changes, head);
        self.values.apply(value_changes);
        if bans {
            self.values.raise_version(head);
        }
        // Again: a pack whose preparation began in between may have the texts of before.
        self.packing.spoil(&touched);
        self.packing.note(sealed.into_iter().chain(unpacked));
        if is_purged {
            self.packing.sweep();
        }
        Ok(committed)
    }

    /// Returns true if there is space for the packs that wait, beside the bytes that a batch needs.
    pub(super) fn has_room_for_packs(&self, needed: u64) -> bool {
        let bytes = self.packing.prepared_bytes() as u64;
        let pages = (packs::PREPARED_MAX * 2 * ROW_PAGES) as u64;
        bytes > 0 && self.require_free(needed + WRITE_AMPLIFICATION_MAX * bytes + pages * PAGE_BYTES).is_ok()
    }

    /// Returns the most bytes that a batch may write: its records, pages for what they make the log rewrite
    /// and remove, and a page for each row of a checkpoint, when one is due or `overtaken` by a trim.
    pub(super) fn bytes_max(&self, batch: &[NewRecord], overtaken: bool) -> Result<u64, LogError> {
        let records: u64 = batch.iter().map(NewRecord::bytes_max).sum();
        let (mut units, mut lookups) = (0, None);
        for append in batch {
            units += match &append.payload {
                Payload::Event { body: Body::Delete { target }, .. } => {
                    let lookups = match &lookups {
                        Some(lookups) => lookups,
                        None => lookups.insert(self.begin_lookups()?),
                    };
                    price::delete(&lookups.counts(*target)?)
                }
                other => price::of(other),
            };
        }
        let mut pages = units * UNIT_PAGES;
        let derived = self.derived.read();
        if overtaken || derived.events() + batch.len() >= self.steps.checkpoint_events {
            pages += derived.heads().count() + derived.index().count() + batch.len();
            pages += keys::pages(derived.keys().len() + batch.len());
        }
        Ok(records * WRITE_AMPLIFICATION_MAX + pages as u64 * PAGE_BYTES)
    }

    pub(super) fn forget(
        &self,
        after: Option<&RoomName>,
        before: Timestamp,
        spare: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError> {
        let floor = self.floor.load(Ordering::Acquire);
        let mut old = Vec::new();
        let mut forgotten = self.forgotten.load(Ordering::Acquire);
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
                    forgotten = forgotten.max(position);
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
            write_forgotten(&tx, forgotten, floor).map_err(refused)?;
            // Before the commit: a read that misses a head must know that it may have been there.
            self.forgotten.store(forgotten, Ordering::Release);
            tx.commit().map_err(|error| CommitError::Unknown(Cause::new(error)))?;
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
        let found = matches!(&*self.missing_keys.lock(), MissingKeys::Found(_));
        if derived.events() > 0 || found || self.deferred.lock().has_some() {
            let tx = database.begin_write().map_err(storage_error)?;
            let head = self.head.load(Ordering::Acquire);
            write_derived(&tx, &[&derived], head)?;
            let floor = self.floor.load(Ordering::Acquire);
            self.write_keys(&tx, &[&derived], (floor, head), usize::MAX)?;
            write_live_bytes(&tx, head, self.live_bytes.load(Ordering::Acquire))?;
            packs::mark(&tx, head)?;
            tx.commit().map_err(storage_error)?;
        }
        database.close().map_err(storage_error)
    }
}

/// Stores packs, and notes up to where all of them are right if that may be asked for.
fn write_packs(
    tx: &WriteTransaction,
    prepared: &[Prepared],
    floor: Position,
    head: Position,
    is_due: bool,
) -> Result<(), LogError> {
    if !prepared.is_empty() {
        packs::store(tx, prepared, floor)?;
    }
    if is_due || !prepared.is_empty() { packs::mark(tx, head) } else { Ok(()) }
}
