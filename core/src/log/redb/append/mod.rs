//! Appending a batch in a transaction: its records first, then what they change.
//!
//! The records go behind all others, so many of them are written in one run: redb packs its pages full and
//! looks for the place only once. What edits, deletes, reactions, values and moderation change comes
//! afterwards, record by record in their order: it may look at any record of the batch.

#[cfg(test)]
mod tests;

use std::mem::ManuallyDrop;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::redb::{CursorMut, ReadableTable as _, Table, WriteTransaction};

use crate::event::{Body, Event, Position, RoomName};
use crate::log::contract::{Committed, NewRecord, Payload, StoredKey};
use crate::log::derived::Derived;
use crate::log::error::LogError;
use crate::log::finish::encode_of_no_room;
use crate::log::moderation::{Deletion, ModerationChange};
use crate::log::price;
use crate::log::record::{self, Fields, RawRecord};
use crate::log::redb::counts::CountsTable;
use crate::log::redb::deletes::DeletesTable;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::packs::{PacksTable, Touched};
use crate::log::redb::redact::{BytesDelta, redact};
use crate::log::redb::tables::{EDITS, HEADS, LOG, LazyTable, storage_error, stored_head};
use crate::log::redb::{deletions, moderation, reactions, values};
use crate::log::values::ValueChange;

/// Batches of this many records and more are written in one run. For fewer the run costs more than it saves.
const RUN_RECORDS_MIN: usize = 32;

/// A batch in a transaction: the result of each record, and what it brings.
#[derive(Default)]
pub(super) struct Appended {
    pub committed: Vec<Committed>,
    pub brought: Derived,
    pub change: BytesDelta,
    pub moderation_changes: Vec<ModerationChange>,
    pub value_changes: Vec<ValueChange>,
    /// The texts that it changed, of messages that were there before.
    pub touched: Vec<Touched>,
    /// The pieces whose packs it removed.
    pub unpacked: Vec<(RoomName, Position)>,
}

type LogTable<'tx> = Table<'tx, u64, &'static [u8]>;

/// The end of the table of records, behind which a batch goes.
enum Tail<'a, 'tx> {
    Few(&'a mut LogTable<'tx>),
    /// Dropped, it writes what it holds. After a panic over a damaged page that could be a second panic in the
    /// middle of the first, and the end of the process.
    Many(ManuallyDrop<Box<CursorMut<'a, u64, &'static [u8]>>>),
}

impl<'a, 'tx> Tail<'a, 'tx> {
    fn new(log: &'a mut LogTable<'tx>, records: usize) -> Result<Self, LogError> {
        if records < RUN_RECORDS_MIN {
            return Ok(Self::Few(log));
        }
        let cursor = log.upper_bound_mut(Bound::<u64>::Unbounded).map_err(storage_error)?;
        Ok(Self::Many(ManuallyDrop::new(Box::new(cursor))))
    }

    fn push(&mut self, position: Position, record: &[u8]) -> Result<(), LogError> {
        match self {
            Self::Few(log) => log.insert(position, record).map(drop).map_err(storage_error),
            Self::Many(cursor) => cursor.insert_before(position, record).map_err(storage_error),
        }
    }

    /// Writes what is not in the table yet.
    fn finish(self) -> Result<(), LogError> {
        match self {
            Self::Few(_) => Ok(()),
            Self::Many(cursor) => ManuallyDrop::into_inner(cursor).close().map_err(storage_error),
        }
    }
}

impl RedbLog {
    /// Puts the batch into a transaction that is not committed yet. The bytes of its records are made, or are
    /// those that are finished.
    pub(super) fn append(
        &self,
        tx: &WriteTransaction,
        batch: &[NewRecord],
        finished: Option<&[RawRecord]>,
    ) -> Result<Appended, LogError> {
        let mut appended = Appended::default();
        if batch.is_empty() {
            return Ok(appended);
        }
        let mut log = tx.open_table(LOG).map_err(storage_error)?;
        let mut tail = Tail::new(&mut log, batch.len())?;
        let pushed = self.append_records(tx, &mut tail, batch, finished, &mut appended);
        let finished = tail.finish();
        pushed.and(finished)?;
        append_changes(tx, &mut log, batch, &mut appended)?;
        Ok(appended)
    }

    /// The first pass: the records.
    fn append_records(
        &self,
        tx: &WriteTransaction,
        tail: &mut Tail<'_, '_>,
        batch: &[NewRecord],
        finished: Option<&[RawRecord]>,
        appended: &mut Appended,
    ) -> Result<(), LogError> {
        let mut heads = LazyTable::new(tx, HEADS);
        let mut scratch = self.scratch.lock();
        let Appended { committed, brought, change, .. } = appended;
        committed.reserve(batch.len());
        let mut position = self.head.load(Ordering::Acquire);
        for (nth, append) in batch.iter().enumerate() {
            position += 1;
            let finished = finished.map(|records| records[nth].bytes.as_slice());
            let mut event = None;
            if let Payload::Event { room, body } = &append.payload {
                let head = brought.append(room, (position, append.created_at), || {
                    let known = self.derived.read().head(room);
                    known.map_or_else(|| stored_head(heads.get()?, room), Ok)
                })?;
                let made = event_of(append, (room, body), (position, head), finished)?;
                if finished.is_none() {
                    let (key, content_hash) = (append.key.as_ref(), append.content_hash.as_ref());
                    record::encode(&Fields { event: &made, key, content_hash }, &mut scratch);
                }
                if let Some(key) = append.key {
                    brought.record_key(StoredKey { position, key, created_at: append.created_at });
                }
                event = Some(Arc::new(made));
            } else if finished.is_none() {
                encode_of_no_room(append, position, &mut scratch);
            }
            let bytes = finished.unwrap_or(&scratch);
            tail.push(position, bytes)?;
            change.more += record::stored_bytes(bytes);
            committed.push(Committed { position, event });
        }
        Ok(())
    }
}

/// The second pass: what the records change in others and in the rows beside them.
fn append_changes(
    tx: &WriteTransaction,
    log: &mut LogTable<'_>,
    batch: &[NewRecord],
    appended: &mut Appended,
) -> Result<(), LogError> {
    let mut edits = LazyTable::new(tx, EDITS);
    let mut reactions = reactions::ReactionsTable::new(tx);
    let mut counts = CountsTable::new(tx);
    let mut deletes = DeletesTable::new(tx);
    let mut packs = PacksTable::new(tx);
    let Appended { committed, change, moderation_changes, value_changes, touched, .. } = appended;
    for (append, Committed { position, event }) in batch.iter().zip(&*committed) {
        let position = *position;
        match &append.payload {
            Payload::Event { body: Body::Message { .. }, .. } => {}
            Payload::Event { body: Body::Edit { target, .. }, .. } => {
                let edits = edits.get()?;
                edits.insert((*target, position), ()).map_err(storage_error)?;
                counts.change(*target, edits, &mut reactions, |counts| counts.edits += 1)?;
            }
            Payload::Event { body: Body::Delete { target }, .. } => {
                *change += redact(log, *target)?;
                let edits = edits.get()?;
                let left = price::erased_later(&counts.get(*target, edits, &mut reactions)?) as u64;
                if left > 0 {
                    let deletion = Deletion { target: *target, next: 0, left };
                    moderation_changes.push(deletions::write(tx, position, Some(deletion))?);
                } else {
                    for edit in edits.range((*target, 0)..=(*target, Position::MAX)).map_err(storage_error)? {
                        let (key, _) = edit.map_err(storage_error)?;
                        *change += redact(log, key.value().1)?;
                    }
                }
                deletes.note(*target, position)?;
                reactions.forget(*target)?;
                counts.forget(*target)?;
            }
            Payload::Event { body: Body::Reaction { target, reaction, on, .. }, .. } => {
                if event.as_ref().map_or(Ok(false), |event| reactions.record(event))? {
                    counts.change(*target, edits.get()?, &mut reactions, |counts| {
                        let count = counts.of_mut(*reaction);
                        *count = count.saturating_add_signed(if *on { 1 } else { -1 });
                    })?;
                }
            }
            Payload::SetValue { .. } | Payload::RemoveValue(_) => {
                let bytes = stored(log, position)?;
                let record = record::decode(position, &bytes)?;
                let (erased, value_change) = values::record(tx, log, &record, &bytes)?;
                *change += erased;
                value_changes.extend(value_change);
            }
            _ => {
                let bytes = stored(log, position)?;
                let record = record::decode(position, &bytes)?;
                moderation_changes.extend(moderation::record(tx, record, &bytes)?);
            }
        }
        if let Payload::Event { room, body } = &append.payload {
            match body {
                Body::Edit { target, .. } | Body::Delete { target } => {
                    packs.remove(room, *target)?;
                    touched.push((room.clone(), Some(*target)));
                }
                // Its steps remove the packs as they pass.
                Body::Purge => touched.push((room.clone(), None)),
                _ => {}
            }
        }
    }
    appended.unpacked = packs.into_removed();
    Ok(())
}

/// Returns the bytes of a record that the first pass has written.
fn stored(log: &LogTable<'_>, position: Position) -> Result<Vec<u8>, LogError> {
    let what = "it was written, and is not there";
    let bytes = log.get(position).map_err(storage_error)?.ok_or(LogError::Damaged { position, what })?;
    Ok(bytes.value().to_vec())
}

/// The event that a record makes behind the head of its room, or that it is already.
fn event_of(
    append: &NewRecord,
    (room, body): (&RoomName, &Body),
    (position, head): (Position, Position),
    finished: Option<&[u8]>,
) -> Result<Event, LogError> {
    let prev = match finished {
        // Each log forgets heads on its own.
        Some(bytes) => record::prev(position, bytes)?.unwrap_or(0),
        None => head,
    };
    let (room, body, author) = (room.clone(), body.clone(), append.author.clone());
    Ok(Event { position, prev, room, author, created_at: append.created_at, body })
}
