//! The table of reactions, compared with the records.
//!
//! A record that adds one has a row, or another record after it took it away: until that one comes it is
//! remembered. Memory: a little per reaction that was added and taken away again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ::redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _};

use crate::event::{Body, Event, Position, RoomName};
use crate::log::check::Finding;
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::redb::reactions::{Key, REACTIONS, Row};
use crate::log::redb::tables::{LOG, get, present, storage_error};

/// A reaction: the message, the kind's number, the author's id.
type Which = (Position, u8, Arc<str>);

#[derive(Default)]
pub(super) struct ReactionsCheck {
    table: Option<ReadOnlyTable<Key, Row>>,
    /// Added without a row of it: where, in which room.
    unexplained: BTreeMap<Which, (Position, RoomName)>,
}

impl ReactionsCheck {
    pub fn begin(tx: &ReadTransaction) -> Result<Self, LogError> {
        let table = present(tx.open_table(REACTIONS))?;
        Ok(Self { table, unexplained: BTreeMap::new() })
    }

    /// Takes the next event.
    pub fn visit(&mut self, event: &Event, found: &mut dyn FnMut(Finding)) -> Result<(), LogError> {
        match (&event.body, &event.author) {
            (Body::Reaction { target, reaction, on, .. }, Some(author)) => {
                let which = (*target, reaction.number(), author.id.clone());
                let noted = self.noted(&which)?;
                if !on {
                    self.unexplained.remove(&which);
                    if noted.is_some_and(|noted| noted < event.position) {
                        found(finding(event, "the reaction was taken back here, and is still noted"));
                    }
                } else if noted != Some(event.position) {
                    self.unexplained.insert(which, (event.position, event.room.clone()));
                }
            }
            (Body::Delete { target }, _) => {
                let nobody: Arc<str> = "".into();
                let of_message = (*target, 0, nobody.clone())..(*target, u8::MAX, nobody);
                let gone: Vec<Which> =
                    self.unexplained.range(of_message).map(|(which, _)| which.clone()).collect();
                for which in gone {
                    self.unexplained.remove(&which);
                }
            }
            (Body::Purge, _) => self.unexplained.retain(|_, (_, room)| *room != event.room),
            _ => {}
        }
        Ok(())
    }

    fn noted(&self, (target, number, id): &Which) -> Result<Option<Position>, LogError> {
        let Some(table) = &self.table else { return Ok(None) };
        let row = table.get((*target, *number, &**id)).map_err(storage_error)?;
        Ok(row.map(|row| row.value().0))
    }

    /// Holds the rows against the records. Of those whose record is among the `broken` nothing is said, and
    /// where damaged records were left out, `whole` is false, and nothing is concluded from their absence.
    pub fn rows(
        self,
        tx: &ReadTransaction,
        (floor, whole): (Position, bool),
        broken: &HashSet<Position>,
        found: &mut dyn FnMut(Finding),
    ) -> Result<u64, LogError> {
        // What a record that does not read back took away is not known.
        for (position, room) in self.unexplained.into_values().filter(|_| broken.is_empty() && whole) {
            let what = "the reaction is not noted for its message".to_owned();
            found(Finding { room: Some(room), position: Some(position), what });
        }
        let Some(table) = self.table else { return Ok(0) };
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let mut rows = 0;
        for row in table.iter().map_err(storage_error)? {
            rows += 1;
            let (key, row) = row.map_err(storage_error)?;
            let ((target, number, id), position) = (key.value(), row.value().0);
            let mut tell = |what: String| found(Finding { room: None, position: Some(position), what });
            if broken.contains(&position) {
                continue;
            }
            let event = get(&log, position, &RedactionMask::default())?.and_then(|record| record.event);
            let is_it = event.is_some_and(|event| match (&event.body, &event.author) {
                (Body::Reaction { target: of, reaction, on: true, .. }, Some(author)) => {
                    (*of, reaction.number(), &*author.id) == (target, number, id)
                }
                // Of a kind that a newer release knows.
                (Body::Unknown { .. }, _) => true,
                _ => false,
            });
            if !is_it {
                tell(format!("it is noted as a reaction to {target}, and is none"));
            } else if target >= floor && !broken.contains(&target) {
                let message = get(&log, target, &RedactionMask::default())?;
                let is_skipped = message.is_none() && !whole;
                let message = message.and_then(|record| record.event);
                if !is_skipped && !message.is_some_and(|message| message.body.has_content()) {
                    tell(format!("it is noted as a reaction to {target}, which has no text"));
                }
            }
        }
        Ok(rows)
    }
}

fn finding(event: &Event, what: &str) -> Finding {
    Finding { room: Some(event.room.clone()), position: Some(event.position), what: what.to_owned() }
}
