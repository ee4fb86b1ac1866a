//! What stands beside the records, in its tables: rooms closed, authors banned, rooms being emptied.
//!
//! A row of `closed` or `bans` holds the record that closed the room or banned the author, as its bytes lie in the
//! log, so that it says when and by whom also when the record itself was cut. A row of `emptying` says which Empty
//! takes text away, and from where on down that is still to be done: by steps, each in some commit's transaction.

#[cfg(test)]
mod tests;

use ::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::event::{Body, Position, RoomName};
use crate::limits::REACTIONS_PER_MESSAGE_MAX;
use crate::log::error::LogError;
use crate::log::moderation::{Change, Emptying, Standing};
use crate::log::record::{self, Record};
use crate::log::redb::reactions;
use crate::log::redb::redact::{Change as Bytes, withhold};
use crate::log::redb::tables::{LOG, present, storage_error};

/// A room's name or an author's id → position and bytes of the record that stands.
pub(super) type Stands = TableDefinition<'static, &'static str, (u64, &'static [u8])>;

pub(super) const CLOSED: Stands = TableDefinition::new("closed");
pub(super) const BANS: Stands = TableDefinition::new("bans");
pub(super) const EMPTYING: TableDefinition<'_, (&str, u64), u64> = TableDefinition::new("emptying");

/// Most records that one step of an emptying looks at.
pub(super) const ERASE_RECORDS_MAX: usize = 256;
/// A step ends with the message that takes it past this many reactions.
const ERASE_REACTIONS_PASSED_MAX: usize = 1_024;
/// Most reactions that one step takes.
pub(super) const ERASE_REACTIONS_MAX: usize = ERASE_REACTIONS_PASSED_MAX + REACTIONS_PER_MESSAGE_MAX;
/// A step ends with the record that takes it past this many bytes.
const ERASE_BYTES_MAX: u64 = 1024 * 1024;

/// What the tables hold.
pub(super) fn read(tx: &ReadTransaction, head: Position) -> Result<Standing, LogError> {
    let mut changes = Vec::new();
    for table in [CLOSED, BANS] {
        let Some(table) = present(tx.open_table(table))? else { continue };
        for row in table.iter().map_err(storage_error)? {
            let (_, row) = row.map_err(storage_error)?;
            let (position, bytes) = row.value();
            changes.push(Change::Stands(record::decode(position, bytes)?));
        }
    }
    if let Some(table) = present(tx.open_table(EMPTYING))? {
        for row in table.iter().map_err(storage_error)? {
            let (key, next) = row.map_err(storage_error)?;
            let (room, below) = key.value();
            let what = "a room that is being emptied has no name";
            let room = RoomName::new(room).map_err(|_| LogError::Damaged { position: below, what })?;
            changes.push(Change::Emptying((room, below), Some(next.value())));
        }
    }
    let standing = Standing::default();
    standing.apply(changes, head);
    Ok(standing)
}

/// Writes what a record changes into the tables; `bytes` are the record's.
pub(super) fn note(tx: &WriteTransaction, record: Record, bytes: &[u8]) -> Result<Option<Change>, LogError> {
    let position = record.position;
    let stands = |table: Stands, key: &str| -> Result<(), LogError> {
        let mut table = tx.open_table(table).map_err(storage_error)?;
        table.insert(key, (position, bytes)).map(drop).map_err(storage_error)
    };
    let taken_back = |table: Stands, key: &str| -> Result<(), LogError> {
        let mut table = tx.open_table(table).map_err(storage_error)?;
        table.remove(key).map(drop).map_err(storage_error)
    };
    let change = match (&record.event, &record.ruling) {
        (Some(event), _) => match event.body {
            Body::Close => {
                stands(CLOSED, event.room.as_str())?;
                Change::Stands(record)
            }
            Body::Open => {
                taken_back(CLOSED, event.room.as_str())?;
                Change::Opened(event.room.clone())
            }
            // A room without an event before it has nothing to be taken away.
            Body::Empty if event.prev != 0 => {
                let (emptying, next) = ((event.room.clone(), position), Some(event.prev));
                write_emptying(tx, &emptying, next)?;
                Change::Emptying(emptying, next)
            }
            _ => return Ok(None),
        },
        (None, Some(ruling)) if ruling.banned => {
            stands(BANS, &ruling.author_id)?;
            Change::Stands(record)
        }
        (None, Some(ruling)) => {
            taken_back(BANS, &ruling.author_id)?;
            Change::Unbanned(ruling.author_id.clone())
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(change))
}

/// Whether a record stands until it is taken back.
pub(super) fn stands(record: &Record) -> bool {
    match (&record.event, &record.ruling) {
        (Some(event), _) => event.body == Body::Close,
        (None, ruling) => ruling.as_ref().is_some_and(|ruling| ruling.banned),
    }
}

/// Forgets the records that stand from a position on.
pub(super) fn forget_standing(tx: &WriteTransaction, from: Position) -> Result<(), LogError> {
    for table in [CLOSED, BANS] {
        let mut table = tx.open_table(table).map_err(storage_error)?;
        table.retain(|_, (position, _)| position < from).map_err(storage_error)?;
    }
    Ok(())
}

fn write_emptying(
    tx: &WriteTransaction,
    (room, below): &Emptying,
    next: Option<Position>,
) -> Result<(), LogError> {
    let mut table = tx.open_table(EMPTYING).map_err(storage_error)?;
    match next {
        Some(next) => table.insert((room.as_str(), *below), next).map(drop).map_err(storage_error),
        None => table.remove((room.as_str(), *below)).map(drop).map_err(storage_error),
    }
}

/// Takes a step of an emptying: erases text from `next` on down.
pub(super) fn erase_step(
    tx: &WriteTransaction,
    emptying: Emptying,
    next: Position,
    floor: Position,
) -> Result<(Bytes, Change), LogError> {
    let (bytes, next) = erase(tx, &emptying.0, next, floor, ERASE_RECORDS_MAX)?;
    write_emptying(tx, &emptying, next)?;
    Ok((bytes, Change::Emptying(emptying, next)))
}

/// Takes the text out of a room's records from `at` on down, so many of them at most, and the reactions to them. Returns where to go on;
/// `None` when it is done: at the room's first record, at the floor, or at an earlier Empty, which has seen, or will
/// see, to what is before it.
pub(super) fn erase(
    tx: &WriteTransaction,
    room: &RoomName,
    mut at: Position,
    floor: Position,
    records_max: usize,
) -> Result<(Bytes, Option<Position>), LogError> {
    let mut log = tx.open_table(LOG).map_err(storage_error)?;
    let mut reactions = reactions::Standing::new(tx);
    let mut bytes = Bytes::default();
    let (mut passed_bytes, mut passed_reactions) = (0, 0);
    for _ in 0..records_max {
        let full = passed_bytes >= ERASE_BYTES_MAX || passed_reactions >= ERASE_REACTIONS_PASSED_MAX;
        if at == 0 || at < floor || full {
            break;
        }
        let row = log.get(at).map_err(storage_error)?.map(|row| record::decode(at, row.value()));
        match row {
            Some(Ok(Record { event: Some(event), content_hash, bytes: held, .. })) if event.room == *room => {
                if event.body == Body::Empty {
                    return Ok((bytes, None));
                }
                passed_bytes += held;
                if event.body.has_content() || content_hash.is_some() {
                    bytes += withhold(&mut log, at)?;
                }
                if let Body::Message { .. } = event.body {
                    passed_reactions += reactions.forget(at)?;
                }
                at = event.prev;
            }
            // A damaged record does not say what is before it: the room's next one is looked for.
            _ => at -= 1,
        }
    }
    Ok((bytes, (at != 0 && at >= floor).then_some(at)))
}
