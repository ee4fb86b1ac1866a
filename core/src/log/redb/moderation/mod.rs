//! The tables of moderation, beside the records: closed rooms, banned authors, purges under way.
//!
//! A row of `closed` or `bans` holds the record that closed the room or banned the author, as its bytes lie
//! in the log. So it says when and by whom also when the record itself was trimmed. A row of `emptying` says
//! which purge takes text away, and the next position to erase, downwards: by steps, each in the transaction
//! of some commit.

#[cfg(test)]
mod tests;

use ::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::event::{Body, Position, RoomName};
use crate::limits::REACTIONS_PER_MESSAGE_MAX;
use crate::log::error::LogError;
use crate::log::moderation::{ModerationChange, ModerationState, Purge};
use crate::log::record::{self, Record};
use crate::log::redb::counts::CountsTable;
use crate::log::redb::deletions;
use crate::log::redb::packs::PacksTable;
use crate::log::redb::reactions::ReactionsTable;
use crate::log::redb::redact::{BytesDelta, redact};
use crate::log::redb::tables::{LOG, present, storage_error};

/// A room's name or an author's id → position and bytes of the record in force.
pub(super) type RecordTable = TableDefinition<'static, &'static str, (u64, &'static [u8])>;

pub(super) const CLOSED: RecordTable = TableDefinition::new("closed");
pub(super) const BANS: RecordTable = TableDefinition::new("bans");
/// The name in the file is older than the word.
pub(super) const PURGES: TableDefinition<'_, (&str, u64), u64> = TableDefinition::new("emptying");

/// Most records that one step of a purge looks at.
pub(super) const ERASE_RECORDS_MAX: usize = 256;
/// A step ends with the message that takes it past this many reactions.
const ERASE_REACTIONS_PASSED_MAX: usize = 1_024;
/// Most reactions that one step takes.
pub(super) const ERASE_REACTIONS_MAX: usize = ERASE_REACTIONS_PASSED_MAX + REACTIONS_PER_MESSAGE_MAX;
/// A step ends with the record that takes it past this many bytes.
const ERASE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads the tables.
pub(super) fn read(tx: &ReadTransaction, head: Position) -> Result<ModerationState, LogError> {
    let mut changes = Vec::new();
    for table in [CLOSED, BANS] {
        let Some(table) = present(tx.open_table(table))? else { continue };
        for row in table.iter().map_err(storage_error)? {
            let (_, row) = row.map_err(storage_error)?;
            let (position, bytes) = row.value();
            changes.push(ModerationChange::InForce(record::decode(position, bytes)?));
        }
    }
    if let Some(table) = present(tx.open_table(PURGES))? {
        for row in table.iter().map_err(storage_error)? {
            let (key, next) = row.map_err(storage_error)?;
            let (room, below) = key.value();
            let what = "a room that is being emptied has no name";
            let room = RoomName::new(room).map_err(|_| LogError::Damaged { position: below, what })?;
            changes.push(ModerationChange::Purging((room, below), Some(next.value())));
        }
    }
    let deletions = deletions::read(tx)?.into_iter();
    changes.extend(deletions.map(|(at, deletion)| ModerationChange::Deleting(at, Some(deletion))));
    let state = ModerationState::default();
    state.apply(changes, head);
    Ok(state)
}

/// Writes the change that a record makes into the tables; `bytes` are the record's.
pub(super) fn record(
    tx: &WriteTransaction,
    record: Record,
    bytes: &[u8],
) -> Result<Option<ModerationChange>, LogError> {
    let position = record.position;
    let put = |table: RecordTable, key: &str| -> Result<(), LogError> {
        let mut table = tx.open_table(table).map_err(storage_error)?;
        table.insert(key, (position, bytes)).map(drop).map_err(storage_error)
    };
    let remove = |table: RecordTable, key: &str| -> Result<(), LogError> {
        let mut table = tx.open_table(table).map_err(storage_error)?;
        table.remove(key).map(drop).map_err(storage_error)
    };
    let change = match (&record.event, &record.ban) {
        (Some(event), _) => match event.body {
            Body::Close => {
                put(CLOSED, event.room.as_str())?;
                ModerationChange::InForce(record)
            }
            Body::Open => {
                remove(CLOSED, event.room.as_str())?;
                ModerationChange::Opened(event.room.clone())
            }
            // A room without an event before it has nothing to be taken away.
            Body::Purge if event.prev != 0 => {
                let (purge, next) = ((event.room.clone(), position), Some(event.prev));
                write_purge(tx, &purge, next)?;
                ModerationChange::Purging(purge, next)
            }
            _ => return Ok(None),
        },
        (None, Some(ban)) if ban.banned => {
            put(BANS, &ban.author_id)?;
            ModerationChange::InForce(record)
        }
        (None, Some(ban)) => {
            remove(BANS, &ban.author_id)?;
            ModerationChange::Unbanned(ban.author_id.clone())
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(change))
}

/// Returns true if a record is in force until another one revokes it.
pub(super) fn is_in_force(record: &Record) -> bool {
    match (&record.event, &record.ban) {
        (Some(event), _) => event.body == Body::Close,
        (None, ban) => ban.as_ref().is_some_and(|ban| ban.banned),
    }
}

/// Forgets the records in force from a position on.
pub(super) fn forget_records(tx: &WriteTransaction, from: Position) -> Result<(), LogError> {
    for table in [CLOSED, BANS] {
        let mut table = tx.open_table(table).map_err(storage_error)?;
        table.retain(|_, (position, _)| position < from).map_err(storage_error)?;
    }
    Ok(())
}

fn write_purge(tx: &WriteTransaction, (room, below): &Purge, next: Option<Position>) -> Result<(), LogError> {
    let mut table = tx.open_table(PURGES).map_err(storage_error)?;
    match next {
        Some(next) => table.insert((room.as_str(), *below), next).map(drop).map_err(storage_error),
        None => table.remove((room.as_str(), *below)).map(drop).map_err(storage_error),
    }
}

/// Takes a step of a purge: erases text from `next` on down.
pub(super) fn erase_step(
    tx: &WriteTransaction,
    purge: Purge,
    next: Position,
    (floor, records_max): (Position, usize),
) -> Result<(BytesDelta, ModerationChange), LogError> {
    let (bytes, next) = erase(tx, &purge.0, next, floor, records_max)?;
    write_purge(tx, &purge, next)?;
    Ok((bytes, ModerationChange::Purging(purge, next)))
}

/// Takes the text out of a room's records from `at` downwards, at most `records_max` of them, and the
/// reactions to them. Returns the position to go on from; `None` when it is done: at the room's first record,
/// at the floor, or at an earlier purge, which takes care of what is before it.
pub(super) fn erase(
    tx: &WriteTransaction,
    room: &RoomName,
    mut at: Position,
    floor: Position,
    records_max: usize,
) -> Result<(BytesDelta, Option<Position>), LogError> {
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let mut reactions = ReactionsTable::new(tx);
    let mut counts = CountsTable::new(tx);
    let mut packs = PacksTable::new(tx);
    let mut bytes = BytesDelta::default();
    let (mut passed_bytes, mut passed_reactions) = (0, 0);
    for _ in 0..records_max {
        let full = passed_bytes >= ERASE_BYTES_MAX || passed_reactions >= ERASE_REACTIONS_PASSED_MAX;
        if at == 0 || at < floor || full {
            break;
        }
        let row = log.get(at).map_err(storage_error)?.map(|row| record::decode(at, row.value()));
        match row {
            Some(Ok(Record { event: Some(event), content_hash, bytes: held, .. })) if event.room == *room => {
                if event.body == Body::Purge {
                    return Ok((bytes, None));
                }
                passed_bytes += held;
                if event.body.has_content() || content_hash.is_some() {
                    bytes += redact(&mut log, at)?;
                    packs.remove(room, at)?;
                }
                if let Body::Message { .. } = event.body {
                    passed_reactions += reactions.forget(at)?;
                    counts.forget(at)?;
                }
                at = event.prev;
            }
            // A damaged record does not say what is before it: the room's next one is looked for.
            _ => at -= 1,
        }
    }
    Ok((bytes, (at != 0 && at >= floor).then_some(at)))
}
