//! The place in the journal of a cluster that this log has reached, and the entries whose records it has.

use ::redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use crate::cluster::{EntryId, MARKS_MAX, Mark, NodeId, Passed, Seq, Term, Writer};
use crate::event::Position;
use crate::log::contract::{Committed, FinishedEntry, NewRecord, Payload};
use crate::log::error::{CommitError, LogError};
use crate::log::record;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::{present, refused, storage_error};

/// The newest entries, by their number: id, true if it counts, trail.
pub(super) const MARKS: TableDefinition<'_, Seq, ([u8; 16], bool, [u8; 16])> = TableDefinition::new("marks");
/// The place; one row.
pub(super) const PLACE: TableDefinition<'_, (), Row> = TableDefinition::new("place");

/// Seq, last, term, the leader's node and run, head, floor.
pub(super) type Row = (Seq, [u8; 16], Term, (NodeId, u64), Position, Position);

/// Notes an entry, and the place behind it.
pub(super) fn write(tx: &WriteTransaction, entry: &FinishedEntry) -> Result<(), LogError> {
    let Mark { seq, last, term, leader, head, floor } = entry.mark;
    let mut place = tx.open_table(PLACE).map_err(storage_error)?;
    place.insert((), (seq, last.0, term, (leader.node, leader.run), head, floor)).map_err(storage_error)?;
    let mut marks = tx.open_table(MARKS).map_err(storage_error)?;
    let Passed { id, counts, trail } = entry.passed;
    marks.insert(seq, (id.0, counts, trail.0)).map_err(storage_error)?;
    if let Some(old) = seq.checked_sub(MARKS_MAX as Seq) {
        marks.remove(old).map_err(storage_error)?;
    }
    Ok(())
}

/// The place, and the newest entries up to it, oldest first. A log that was never one of many is at the
/// beginning.
pub(super) fn read(tx: &ReadTransaction) -> Result<(Mark, Vec<Passed>), LogError> {
    let Some(place) = present(tx.open_table(PLACE))? else { return Ok(Default::default()) };
    let Some(row) = place.get(()).map_err(storage_error)? else { return Ok(Default::default()) };
    let (seq, last, term, (node, run), head, floor) = row.value();
    let mark = Mark { seq, last: EntryId(last), term, leader: Writer { node, run }, head, floor };
    let marks = tx.open_table(MARKS).map_err(storage_error)?;
    let rows = marks.iter().map_err(storage_error)?;
    let passed: Result<Vec<_>, _> = rows
        .map(|row| {
            let (id, counts, trail) = row?.1.value();
            Ok(Passed { id: EntryId(id), counts, trail: EntryId(trail) })
        })
        .collect();
    Ok((mark, passed.map_err(|error: ::redb::StorageError| storage_error(error))?))
}

impl RedbLog {
    /// Applies an entry: finished records that continue this log, or none.
    pub(super) fn apply_entry(&self, entry: &FinishedEntry) -> Result<Vec<Committed>, CommitError> {
        let head = self.head.load(std::sync::atomic::Ordering::Acquire);
        let mut batch = Vec::with_capacity(entry.records.len());
        for (raw, position) in entry.records.iter().zip(head + 1..) {
            if raw.position != position {
                return Err(CommitError::Refused("the records do not continue this log".into()));
            }
            let record = record::decode(position, &raw.bytes).map_err(refused)?;
            let (created_at, key, content_hash) = (record.created_at, record.key, record.content_hash);
            let (payload, author) = match (record.event, record.ban, record.value) {
                (Some(event), _, _) => {
                    let (room, body) = (event.room.clone(), event.body.clone());
                    (Payload::Event { room, body }, event.author.clone())
                }
                (None, Some(ban), _) if ban.banned => (Payload::Ban(ban.author_id), ban.by),
                (None, Some(ban), _) => (Payload::Unban(ban.author_id), ban.by),
                (None, None, Some(value)) => match value.text {
                    Some(text) if value.is_set => {
                        (Payload::SetValue { key: value.key, text, until: value.until }, value.by)
                    }
                    _ => (Payload::RemoveValue(value.key), value.by),
                },
                (None, None, None) => {
                    return Err(CommitError::Refused("a record was written by a newer release".into()));
                }
            };
            batch.push(NewRecord { payload, author, created_at, key, content_hash });
        }
        self.write(&batch, entry.mark.floor, Some(entry))
    }
}
