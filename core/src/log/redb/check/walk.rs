//! The walk through a log: every record once, then what is kept beside them.

use std::collections::{HashMap, HashSet};

use ::redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _};

use crate::event::{Body, Event, Position, RoomName, Timestamp};
use crate::log::check::{Checked, Finding};
use crate::log::derived::INDEX_EVERY;
use crate::log::error::LogError;
use crate::log::moderation::RedactionMask;
use crate::log::record;
use crate::log::redb::check::counts;
use crate::log::redb::check::deletions::DeletionsCheck;
use crate::log::redb::check::keys::KeysCheck;
use crate::log::redb::check::moderation::ModerationCheck;
use crate::log::redb::check::packs;
use crate::log::redb::check::reactions::ReactionsCheck;
use crate::log::redb::check::values::ValuesCheck;
use crate::log::redb::deletes::DELETES;
use crate::log::redb::state::State;
use crate::log::redb::tables::{EDITS, HEADS, INDEX, LOG, get, present, storage_error};

/// Progress is reported once per this many records.
const PROGRESS_EVERY: u64 = 1_024;

/// The state of a room during the walk.
struct Seen {
    first_prev: Position,
    last: Position,
    at: Timestamp,
    count: u64,
    /// Its newest event that a checkpoint holds, and how many there were up to it.
    held: Option<(Position, Timestamp, u64)>,
    /// Events since the last row of the index.
    unindexed: u64,
}

pub(super) struct Walk<'a> {
    tx: &'a ReadTransaction,
    log: ReadOnlyTable<u64, &'static [u8]>,
    state: State,
    rooms: HashMap<RoomName, Seen>,
    /// Rows of the index that no event has claimed yet.
    index: HashMap<Position, RoomName>,
    /// Positions whose record does not read back: their rooms are not known.
    broken: HashSet<Position>,
    counted_bytes: u64,
    reactions: ReactionsCheck,
    keys: KeysCheck,
    deletions: DeletionsCheck,
    moderation: ModerationCheck,
    values: ValuesCheck,
    checked: &'a mut Checked,
    found: &'a mut dyn FnMut(Finding),
}

impl<'a> Walk<'a> {
    pub fn begin(
        tx: &'a ReadTransaction,
        state: State,
        checked: &'a mut Checked,
        found: &'a mut dyn FnMut(Finding),
    ) -> Result<Self, LogError> {
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let newest = log.last().map_err(storage_error)?.map_or(0, |(position, _)| position.value());
        checked.head = newest.max(state.last).max(state.checkpoint);
        let mut index = HashMap::new();
        for row in tx.open_table(INDEX).map_err(storage_error)?.iter().map_err(storage_error)? {
            let (key, ()) = row.map(|(key, value)| (key, value.value())).map_err(storage_error)?;
            let (room, position) = key.value();
            checked.index_rows += 1;
            match RoomName::new(room) {
                Ok(room) => drop(index.insert(position, room)),
                Err(_) => found(Finding {
                    room: None,
                    position: Some(position),
                    what: "the index names no room here".into(),
                }),
            }
        }
        let (rooms, broken) = (HashMap::new(), HashSet::new());
        let (keys, deletions) = (KeysCheck::begin(tx, state.keys)?, DeletionsCheck::begin(tx)?);
        let (reactions, moderation) = (ReactionsCheck::begin(tx)?, ModerationCheck::begin(tx, found)?);
        Ok(Self {
            tx,
            log,
            state,
            rooms,
            index,
            broken,
            counted_bytes: 0,
            reactions,
            keys,
            deletions,
            moderation,
            values: ValuesCheck::default(),
            checked,
            found,
        })
    }

    fn report(&mut self, room: Option<&RoomName>, position: Option<Position>, what: impl Into<String>) {
        (self.found)(Finding { room: room.cloned(), position, what: what.into() });
    }

    pub fn records(
        &mut self,
        progress: &mut dyn FnMut(Position, (Position, Position)),
    ) -> Result<(), LogError> {
        let bounds = (self.checked.floor, self.checked.head);
        let rows = self.log.range::<u64>(..).map_err(storage_error)?;
        for row in rows {
            let (position, bytes) = row.map_err(storage_error)?;
            let (position, bytes) = (position.value(), bytes.value());
            self.checked.records += 1;
            self.checked.live_bytes += record::stored_bytes(bytes);
            if position <= self.state.live.0 {
                self.counted_bytes += record::stored_bytes(bytes);
            }
            if position < self.state.floor {
                self.report(None, Some(position), format!("it lies below the floor, {}", self.state.floor));
            }
            match record::decode(position, bytes) {
                Ok(record) => {
                    self.moderation.visit(&record, self.found);
                    self.values.visit(&record, self.state.format, self.found);
                    self.keys.visit(&record, self.found)?;
                    if let Some(event) = record.event {
                        self.reactions.visit(&event, self.found)?;
                        self.event(&event)?;
                    }
                }
                Err(error) => {
                    self.broken.insert(position);
                    let what = match error {
                        LogError::Damaged { what, .. } => what.to_owned(),
                        LogError::Storage(cause) => cause.to_string(),
                    };
                    self.report(None, Some(position), format!("the record is damaged: {what}"));
                }
            }
            if self.checked.records.is_multiple_of(PROGRESS_EVERY) {
                progress(position, bounds);
            }
        }
        self.checked.rooms = self.rooms.len() as u64;
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), LogError> {
        let (room, position, prev) = (&event.room, event.position, event.prev);
        let indexed = self.index.get(&position).is_some_and(|of| of == room);
        if indexed {
            self.index.remove(&position);
        }
        let held = position <= self.state.checkpoint;
        let before = self.rooms.get(room).map_or(0, |seen| seen.last);
        let whole = if before == 0 { prev < self.state.floor } else { prev == before };
        if !whole && !self.broken.contains(&prev) {
            let what = if before == 0 {
                format!("the event before it in its room, {prev}, is not there")
            } else {
                format!("it says that {prev} is before it in its room, and {before} is")
            };
            self.report(Some(room), Some(position), what);
        }
        let seen = self.rooms.entry(room.clone()).or_insert(Seen {
            first_prev: prev,
            last: 0,
            at: event.created_at,
            count: 0,
            held: None,
            unindexed: 0,
        });
        (seen.last, seen.at) = (position, event.created_at);
        seen.count += 1;
        seen.unindexed = if indexed { 0 } else { seen.unindexed + 1 };
        if held {
            seen.held = Some((position, event.created_at, seen.count));
        }
        // A row comes with every 128th event: a walk back never passes over more.
        if held && seen.unindexed == INDEX_EVERY && self.broken.is_empty() {
            self.report(
                Some(room),
                Some(position),
                format!("{INDEX_EVERY} events without a row of the index"),
            );
        }
        self.target(event)
    }

    /// Checks the target of an edit, a delete, a reply or a reaction.
    fn target(&mut self, event: &Event) -> Result<(), LogError> {
        let (room, position) = (&event.room, Some(event.position));
        let (Body::Edit { target, .. }
        | Body::Delete { target }
        | Body::Reaction { target, .. }
        | Body::Message { reply_to: Some(target), .. }) = event.body
        else {
            return Ok(());
        };
        let edits = self.tx.open_table(EDITS).map_err(storage_error)?;
        if let Body::Edit { .. } = event.body {
            self.checked.edits += 1;
            if edits.get((target, event.position)).map_err(storage_error)?.is_none() {
                self.report(
                    Some(room),
                    position,
                    format!("the edit is not noted for its message at {target}"),
                );
            }
        }
        if target >= self.state.floor && !self.broken.contains(&target) {
            let there = get(&self.log, target, &RedactionMask::default())?;
            // A damaged one was left out when the log was made of another.
            let is_skipped = there.is_none() && self.state.skipped > 0;
            let is_message = |of: &Event| of.room == *room && matches!(of.body, Body::Message { .. });
            let is_right = there.and_then(|record| record.event).is_some_and(|of| is_message(&of));
            if target >= event.position || !(is_right || is_skipped) {
                self.report(
                    Some(room),
                    position,
                    format!("it is about a message at {target}, which is not there"),
                );
            }
        }
        let Body::Delete { .. } = event.body else { return Ok(()) };
        let mut gone = vec![target];
        for row in edits.range((target, 0)..=(target, Position::MAX)).map_err(storage_error)? {
            gone.push(row.map_err(storage_error)?.0.value().1);
        }
        for gone in gone {
            if self.deletions.is_waiting(target, gone) {
                continue;
            }
            // A record that does not read back is reported elsewhere.
            let Ok(Some(record)) = get(&self.log, gone, &RedactionMask::default()) else { continue };
            let text = match record.event.as_ref().map(|event| &event.body) {
                Some(Body::Message { content, .. } | Body::Edit { content, .. }) => content.is_some(),
                _ => false,
            };
            if text || record.content_hash.is_some() {
                let what = format!("its text was deleted at {} and is still there", event.position);
                self.report(Some(room), Some(gone), what);
            }
        }
        Ok(())
    }

    pub fn heads(&mut self) -> Result<(), LogError> {
        let mut expected: HashMap<RoomName, (Position, Timestamp, u64, Position)> = self
            .rooms
            .iter()
            .filter_map(|(room, seen)| {
                seen.held.map(|(last, at, count)| (room.clone(), (last, at, count, seen.first_prev)))
            })
            .collect();
        for row in self.tx.open_table(HEADS).map_err(storage_error)?.iter().map_err(storage_error)? {
            let (room, head) = row.map_err(storage_error)?;
            let (position, count, at) = head.value();
            let Ok(room) = RoomName::new(room.value()) else {
                self.report(None, Some(position), "a head names no room");
                continue;
            };
            if self.broken.contains(&position) {
                expected.remove(&room);
                continue;
            }
            match expected.remove(&room) {
                None if position < self.state.floor => {}
                None => self.report(Some(&room), Some(position), "it is the room's head and is not there"),
                Some((last, _, _, _)) if last != position => {
                    self.report(
                        Some(&room),
                        Some(last),
                        format!("it is the newest, and the head says {position}"),
                    );
                }
                Some((last, last_at, seen, first_prev)) => {
                    if last_at.0 != at {
                        self.report(Some(&room), Some(last), "the head has another time");
                    }
                    // Events that were trimmed may have been counted too.
                    let counted = if first_prev == 0 { count == seen } else { count >= seen };
                    if !counted && self.broken.is_empty() {
                        self.report(
                            Some(&room),
                            Some(last),
                            format!("the head counts {count} events for {seen}"),
                        );
                    }
                }
            }
        }
        for (room, (last, ..)) in expected {
            self.report(Some(&room), Some(last), "the room has no head");
        }
        Ok(())
    }

    pub fn index(&mut self) {
        for (position, room) in std::mem::take(&mut self.index) {
            if !self.broken.contains(&position) {
                self.report(
                    Some(&room),
                    Some(position),
                    "the index names it, and no event of the room is there",
                );
            }
        }
    }

    pub fn edits(&mut self) -> Result<(), LogError> {
        let edits = self.tx.open_table(EDITS).map_err(storage_error)?;
        for row in edits.iter().map_err(storage_error)? {
            let (target, edit) = row.map_err(storage_error)?.0.value();
            if self.broken.contains(&edit) {
                continue;
            }
            let there = get(&self.log, edit, &RedactionMask::default())?.and_then(|record| record.event);
            let is_edit = there
                .is_some_and(|event| matches!(event.body, Body::Edit { target: of, .. } if of == target));
            if !is_edit {
                self.report(None, Some(edit), format!("it is noted as an edit of {target}, and is none"));
            }
        }
        Ok(())
    }

    /// The deletes that are noted for their messages.
    pub fn deletes(&mut self) -> Result<(), LogError> {
        let Some(deletes) = present(self.tx.open_table(DELETES))? else { return Ok(()) };
        for row in deletes.iter().map_err(storage_error)? {
            let (target, at) = row.map_err(storage_error)?;
            let (target, at) = (target.value(), at.value());
            if self.broken.contains(&at) {
                continue;
            }
            let there = get(&self.log, at, &RedactionMask::default())?.and_then(|record| record.event);
            if !there.is_some_and(|event| event.body == Body::Delete { target }) {
                self.report(
                    None,
                    Some(at),
                    format!("it is noted as what took {target} away, and is no such delete"),
                );
            }
        }
        Ok(())
    }

    /// The reactions, once all records were seen.
    pub fn reactions(&mut self) -> Result<(), LogError> {
        let seen = std::mem::take(&mut self.reactions);
        let whole = self.state.skipped == 0;
        self.checked.reactions = seen.rows(self.tx, (self.state.floor, whole), &self.broken, self.found)?;
        Ok(())
    }

    /// The idempotency keys, once all records were seen.
    pub fn keys(&mut self) -> Result<(), LogError> {
        std::mem::take(&mut self.keys).rows(self.tx, self.state.floor, self.found)
    }

    pub fn counts(&mut self) -> Result<(), LogError> {
        counts::check(self.tx, self.state.floor, self.found)
    }

    pub fn deletions(&mut self) -> Result<(), LogError> {
        self.deletions.rows(self.tx, self.state.floor, self.found)
    }

    pub fn packs(&mut self) -> Result<(), LogError> {
        packs::check(self.tx, &self.state, self.found)
    }

    /// The kept values, once all records were seen.
    pub fn values(&mut self) -> Result<(), LogError> {
        let whole = self.broken.is_empty() && self.state.skipped == 0;
        let bounds = (self.checked.head, whole);
        std::mem::take(&mut self.values).table(self.tx, &self.state, bounds, self.found)
    }

    /// Checks the tables of moderation, once all records were visited.
    pub fn moderation(self) -> Result<(), LogError> {
        let bounds = (self.state.floor, self.checked.head);
        let whole = self.broken.is_empty() && self.state.skipped == 0;
        self.moderation.tables(self.tx, bounds, whole, self.found)
    }

    /// The floor, and what was counted.
    pub fn account(&mut self) {
        let State { floor, last, checkpoint, live, keys, .. } = self.state;
        let newest = self.checked.head;
        if floor == 0 || floor > newest + 1 {
            self.report(None, None, format!("the floor is {floor}, and the newest position {newest}"));
        }
        if last.max(checkpoint).max(live.0).max(keys) > newest {
            self.report(None, None, format!("it was noted up to beyond the newest position, {newest}"));
        }
        if live.1 != self.counted_bytes {
            let (noted, counted) = (live.1, self.counted_bytes);
            let what =
                format!("{noted} live bytes are noted up to position {}, and there are {counted}", live.0);
            self.report(None, None, what);
        }
    }
}
