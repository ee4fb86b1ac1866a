//! The tables of moderation, compared with the records: closed rooms, banned authors, purges under way.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};

use crate::event::{Body, Position, RoomName};
use crate::log::check::Finding;
use crate::log::error::LogError;
use crate::log::record::{self, Record};
use crate::log::redb::moderation::{BANS, CLOSED, PURGES, RecordTable};
use crate::log::redb::tables::{LOG, present, storage_error};

/// The last word of the records on each key of a table: the position of the record in force, or `None` if it
/// was revoked.
type Latest<K> = HashMap<K, Option<Position>>;

/// The state of the walk through the records: a little per room, and per author who was ever banned.
pub(super) struct ModerationCheck {
    closed: Latest<RoomName>,
    bans: Latest<Arc<str>>,
    /// Of each room the newest event that has text.
    texts: HashMap<RoomName, Position>,
    /// Of each room the purges under way, and the position from which each goes on.
    purges: HashMap<RoomName, BTreeMap<Position, Position>>,
}

/// Counts the closed rooms and the banned authors.
pub(super) fn counts(tx: &ReadTransaction) -> Result<(u64, u64), LogError> {
    let rows = |table: RecordTable| match present(tx.open_table(table))? {
        Some(table) => table.len().map_err(storage_error),
        None => Ok(0),
    };
    Ok((rows(CLOSED)?, rows(BANS)?))
}

impl ModerationCheck {
    pub fn begin(tx: &ReadTransaction, found: &mut dyn FnMut(Finding)) -> Result<Self, LogError> {
        let mut purges: HashMap<RoomName, BTreeMap<_, _>> = HashMap::new();
        if let Some(table) = present(tx.open_table(PURGES))? {
            for row in table.iter().map_err(storage_error)? {
                let (key, next) = row.map_err(storage_error)?;
                let (room, below) = key.value();
                match RoomName::new(room) {
                    Ok(room) => drop(purges.entry(room).or_default().insert(below, next.value())),
                    Err(_) => found(finding(None, below, "a row of the emptied rooms names no room")),
                }
            }
        }
        Ok(Self { closed: HashMap::new(), bans: HashMap::new(), texts: HashMap::new(), purges })
    }

    /// Takes the next record.
    pub fn visit(&mut self, record: &Record, found: &mut dyn FnMut(Finding)) {
        let position = record.position;
        if let Some(ban) = &record.ban {
            self.bans.insert(ban.author_id.clone(), ban.banned.then_some(position));
        }
        let Some(event) = &record.event else { return };
        let room = &event.room;
        match event.body {
            Body::Close => drop(self.closed.insert(room.clone(), Some(position))),
            Body::Open => drop(self.closed.insert(room.clone(), None)),
            Body::Purge => {
                let Some(text) = self.texts.remove(room) else { return };
                let rows = self.purges.get(room);
                let left = rows.and_then(|rows| rows.range(..=position).map(|(_, next)| *next).max());
                if left.is_none_or(|next| next < text) {
                    let what = format!("its room was emptied at {position}, and its text is still there");
                    found(finding(Some(room), text, what));
                }
            }
            _ if event.body.has_content() || record.content_hash.is_some() => {
                self.texts.insert(room.clone(), position);
            }
            _ => {}
        }
    }

    /// Compares the tables with the records. Where some records do not read back, `whole` is false, and
    /// nothing is concluded from their absence.
    pub fn tables(
        self,
        tx: &ReadTransaction,
        (floor, head): (Position, Position),
        whole: bool,
        found: &mut dyn FnMut(Finding),
    ) -> Result<(), LogError> {
        let bounds = (floor, head, whole);
        let Self { closed, bans, purges, .. } = self;
        let room = |record: &Record| {
            record.event.as_ref().filter(|event| event.body == Body::Close).map(|event| event.room.clone())
        };
        check_table(tx, CLOSED, closed, bounds, "closed room", room, found)?;
        let author =
            |record: &Record| record.ban.as_ref().filter(|ban| ban.banned).map(|ban| ban.author_id.clone());
        check_table(tx, BANS, bans, bounds, "ban", author, found)?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        for (room, rows) in purges {
            for (below, next) in rows {
                let row = log.get(below).map_err(storage_error)?;
                let record = row.map(|row| record::decode(below, row.value()));
                let right = match record {
                    Some(Ok(Record { event: Some(event), .. })) => {
                        event.room == room && event.body == Body::Purge
                    }
                    Some(Ok(_)) => false,
                    // Reported elsewhere.
                    Some(Err(_)) => true,
                    None => below < floor,
                };
                if !right || next >= below || below > head {
                    found(finding(Some(&room), below, "it is noted as emptying the room, and does not"));
                }
            }
        }
        Ok(())
    }
}

/// Each row's record must be in force by the records, and each record in force must have a row.
fn check_table<K: Hash + Eq + AsRef<str>>(
    tx: &ReadTransaction,
    table: RecordTable,
    mut said: Latest<K>,
    (floor, head, whole): (Position, Position, bool),
    name: &str,
    key_of: impl Fn(&Record) -> Option<K>,
    found: &mut dyn FnMut(Finding),
) -> Result<(), LogError> {
    let log = tx.open_table(LOG).map_err(storage_error)?;
    if let Some(table) = present(tx.open_table(table))? {
        for row in table.iter().map_err(storage_error)? {
            let (key, row) = row.map_err(storage_error)?;
            let ((position, bytes), key) = (row.value(), key.value());
            let stands = record::decode(position, bytes).ok().and_then(|record| key_of(&record));
            let Some(stands) = stands.filter(|stands| stands.as_ref() == key) else {
                found(finding(
                    None,
                    position,
                    format!("the row of the {name} {key} does not say that it is"),
                ));
                continue;
            };
            let in_log = log.get(position).map_err(storage_error)?;
            let same = in_log.map_or(position < floor, |row| row.value() == bytes);
            let last = said.remove(&stands);
            let newest = match last {
                Some(Some(last)) => last == position,
                Some(None) => false,
                None => position < floor,
            };
            if whole && !(same && newest && position <= head) {
                let what = format!("by it the {name} {key} stands, and the records say otherwise");
                found(finding(None, position, what));
            }
        }
    }
    for (key, last) in said {
        if let Some(position) = last.filter(|_| whole) {
            let what = format!("by it the {name} {} stands, and there is no row of it", key.as_ref());
            found(finding(None, position, what));
        }
    }
    Ok(())
}

fn finding(room: Option<&RoomName>, position: Position, what: impl Into<String>) -> Finding {
    Finding { room: room.cloned(), position: Some(position), what: what.into() }
}
