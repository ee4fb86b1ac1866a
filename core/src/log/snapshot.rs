//! Copying a log while it is written: one consistent piece after another, in bounded memory.
//!
//! A record never changes, except that a delete or a purge takes text away, and records go only at the
//! bottom, by a trim. What is in force beside them (closed
//! rooms, bans, kept values) comes first; the records that follow correct
//! it. The copy reads the records by position, in short reads that pin nothing, up to the head at which it
//! began. Then it goes on to the head of that moment, until it has caught up: a delete of a message that was
//! copied before is then copied too, as in the log. A trim that overtook the reading is reported as
//! [`Piece::Floor`].
//!
//! A log that is written faster than it is copied is not chased for ever. When a round is not half of the one
//! before, or after [`CATCH_UPS_MAX`] rounds, the copy ends at its position. Of later events it reports only
//! those that take text from the copy, as [`Piece::Deleted`] and [`Piece::Purged`]. A caller that applies the
//! pieces in their order ends with a log as it was at the copy's last position.
//!
//! A damaged record ends the copy with an error. A copy that skips damage ([`LogSnapshot::skip_damaged`])
//! leaves it out, reports its position, and goes on. Where pages are damaged and many records with them, it
//! looks for each by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::event::{Body, Position, RoomName};
use crate::log::contract::{Log, READ_EVENTS_MAX};
use crate::log::error::LogError;
use crate::log::record::{RawRecord, Record};

/// Most rounds in which a copy goes on to the newest head.
const CATCH_UPS_MAX: usize = 64;

/// A step of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Records, in ascending order.
    Records(Vec<RawRecord>),
    /// The records in force: for each closed room, each banned author and each kept value the record that says
    /// so ([`Record::event`], [`Record::ban`], [`Record::value`]). Retention may have trimmed it: its position may be below the
    /// floor, and the same record may come again among the [`Piece::Records`]. These pieces come before the
    /// records, and again after a floor; the records that follow correct them. For
    /// [`super::NewLog::put_in_force`].
    InForce(Vec<RawRecord>),
    /// A trim was faster than the copy: the records before this position are gone by now, and the records in
    /// force follow again. For [`super::NewLog::raise_floor`].
    Floor(Position),
    /// Messages that were deleted after the copy's last position: their text, and that of their edits, is to
    /// go.
    Deleted(Vec<Position>),
    /// Rooms that were purged after the copy's last position: the text of all that was copied of them is to
    /// go, by [`super::NewLog::purge`].
    Purged(Vec<RoomName>),
    /// Positions of damaged records, which are left out of the records that follow: see
    /// [`LogSnapshot::skip_damaged`]. For [`super::NewLog::skip`].
    Damaged(Vec<Position>),
}

/// A read of some records.
struct Scanned {
    rows: Vec<RawRecord>,
    /// Positions whose records cannot be read.
    damaged: Vec<Position>,
    /// The position from which to read on; `None` when nothing was there.
    next: Option<Position>,
}

/// A copy under way.
pub struct LogSnapshot {
    floor: Position,
    /// Its end so far: the log's head when it began, then the head when it had reached that, and so on.
    head: Position,
    next: Position,
    /// The log's lead when the copy last caught up.
    ahead: u64,
    catch_ups: usize,
    /// Records that were read, held back until the floor or the damage before them was reported.
    held: Option<Scanned>,
    /// True if damaged records are left out.
    skips: bool,
    /// Damaged records that were left out.
    skipped: u64,
    /// Purged rooms, to be reported next.
    purged: Option<Vec<RoomName>>,
    /// Records in force that are still to be reported.
    in_force: std::vec::IntoIter<Record>,
    done: bool,
}

impl LogSnapshot {
    /// Begins a copy of the log.
    pub fn begin(log: &dyn Log) -> Self {
        let floor = log.floor();
        let (_, in_force) = records_in_force(log);
        // Read last: no record that changed what is in force lies beyond it.
        let head = log.head();
        let ahead = (head + 1).saturating_sub(floor);
        let in_force = in_force.into_iter();
        Self {
            floor,
            head,
            next: floor,
            ahead,
            catch_ups: 0,
            held: None,
            skips: false,
            skipped: 0,
            purged: None,
            in_force,
            done: false,
        }
    }

    /// Leaves damaged records out, and reports their positions as [`Piece::Damaged`] before the records that
    /// follow them. An event may then name a `prev` or a target that is not there.
    #[must_use]
    pub fn skip_damaged(self) -> Self {
        Self { skips: true, ..self }
    }

    /// The number of damaged records that were left out so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The oldest position that the copy keeps.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// The newest position of the copy: at first the log's head when it began, higher once it had caught up.
    pub fn head(&self) -> Position {
        self.head
    }

    /// The next piece; `None` when the copy is whole. Blocks on storage.
    pub fn next(&mut self, log: &dyn Log) -> Result<Option<Piece>, LogError> {
        let in_force = self.in_force.by_ref().take(READ_EVENTS_MAX).filter_map(|it| RawRecord::encode(&it));
        let in_force: Vec<_> = in_force.collect();
        if !in_force.is_empty() {
            return Ok(Some(Piece::InForce(in_force)));
        }
        if let Some(rooms) = self.purged.take() {
            return Ok(Some(Piece::Purged(rooms)));
        }
        while !self.done {
            let newest = log.head();
            if self.next > self.head {
                self.catch_up(newest);
            }
            if self.next > newest {
                break;
            }
            let (scanned, reported) = match self.held.take() {
                Some(scanned) => (scanned, true),
                None => (self.scan(log)?, false),
            };
            let first = scanned.rows.first().map(|row| row.position);
            let first = scanned.damaged.first().copied().into_iter().chain(first).min();
            // The log raises its floor before a trim takes records: a hole made by a trim is seen with its
            // floor.
            let trimmed = log.floor() > self.next && first.is_none_or(|first| first > self.next);
            if trimmed && !reported {
                self.floor = first.unwrap_or(newest + 1).min(self.head + 1).max(self.floor);
                self.held = Some(scanned);
                self.restart_in_force(log);
                return Ok(Some(Piece::Floor(self.floor)));
            }
            let Scanned { rows, damaged, next } = scanned;
            let lost: Vec<_> = damaged.into_iter().take_while(|position| *position <= self.head).collect();
            if !lost.is_empty() {
                self.skipped += lost.len() as u64;
                self.held = Some(Scanned { rows, damaged: Vec::new(), next });
                return Ok(Some(Piece::Damaged(lost)));
            }
            if self.next <= self.head {
                let records: Vec<_> = rows.into_iter().take_while(|row| row.position <= self.head).collect();
                self.next = next.unwrap_or(Position::MAX).min(self.head + 1);
                // The read began when this was the newest: so it has seen all that was there at one moment.
                self.done = self.next > newest;
                if !records.is_empty() {
                    return Ok(Some(Piece::Records(records)));
                }
                continue;
            }
            self.next = next.unwrap_or(newest + 1);
            self.done = self.next > newest;
            let (deleted, purged) = self.redactions(&rows)?;
            self.purged = Some(purged).filter(|rooms| !rooms.is_empty());
            if !deleted.is_empty() {
                return Ok(Some(Piece::Deleted(deleted)));
            }
            if let Some(rooms) = self.purged.take() {
                return Ok(Some(Piece::Purged(rooms)));
            }
        }
        if self.skipped > 0 && std::mem::take(&mut self.skips) {
            // A record that opened a room, ended a ban or removed a value may be among those left out.
            self.in_force = records_in_force(log).1.into_iter();
            self.done = true;
            return Ok(Some(Piece::Floor(self.floor)));
        }
        Ok(None)
    }

    /// Reads the next records.
    fn scan(&self, log: &dyn Log) -> Result<Scanned, LogError> {
        let read = || log.scan_raw(self.next);
        let next_of = |rows: &[RawRecord]| rows.last().map(|last| last.position + 1);
        if !self.skips {
            let rows = read()?;
            return Ok(Scanned { next: next_of(&rows), rows, damaged: Vec::new() });
        }
        // Damaged pages may be answered with a panic, or with rows of anywhere.
        let ascends = |rows: &[RawRecord]| {
            rows.first().is_none_or(|first| first.position >= self.next)
                && rows.is_sorted_by(|one, next| one.position < next.position)
        };
        let Scanned { rows, mut damaged, next } = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(rows)) if ascends(&rows) => Scanned { next: next_of(&rows), rows, damaged: Vec::new() },
            _ => self.scan_singly(log),
        };
        let (rows, unreadable): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.decode().is_ok());
        damaged.extend(unreadable.into_iter().map(|row| row.position));
        damaged.sort_unstable();
        Ok(Scanned { rows, damaged, next })
    }

    /// Reads records one by one.
    fn scan_singly(&self, log: &dyn Log) -> Scanned {
        let end = (log.head() + 1).min(self.next + READ_EVENTS_MAX as u64);
        let (mut rows, mut damaged) = (Vec::new(), Vec::new());
        for position in self.next..end {
            match catch_unwind(AssertUnwindSafe(|| log.raw(position))) {
                Ok(Ok(raw)) => rows.extend(raw),
                Ok(Err(_)) | Err(_) => damaged.push(position),
            }
        }
        Scanned { rows, damaged, next: Some(end) }
    }

    /// Reports the records in force again: a trim may have taken records that changed them.
    fn restart_in_force(&mut self, log: &dyn Log) {
        let (as_of, in_force) = records_in_force(log);
        if as_of > self.head && self.catch_ups < CATCH_UPS_MAX {
            self.head = as_of;
            self.catch_ups += 1;
        }
        self.in_force = in_force.into_iter();
    }

    /// Goes on to the newest position, if that is worth it.
    fn catch_up(&mut self, newest: Position) {
        let ahead = newest.saturating_sub(self.head);
        let nearer = ahead <= (self.ahead / 2).max(READ_EVENTS_MAX as u64);
        if nearer && self.catch_ups < CATCH_UPS_MAX {
            (self.ahead, self.head) = (ahead, newest.max(self.head));
            self.catch_ups += 1;
        }
    }

    /// Returns the messages and the rooms whose text these records, beyond the copy's end, take from the
    /// copy.
    fn redactions(&self, rows: &[RawRecord]) -> Result<(Vec<Position>, Vec<RoomName>), LogError> {
        let (mut deleted, mut purged) = (Vec::new(), Vec::new());
        for row in rows {
            let Some(event) = row.decode()?.event else { continue };
            match event.body {
                // Also of a message below the floor: its edits may be in the copy.
                Body::Delete { target } if target <= self.head => deleted.push(target),
                Body::Purge => purged.push(event.room.clone()),
                _ => {}
            }
        }
        Ok((deleted, purged))
    }
}

/// Returns the records of all that is in force beside the records, and the newest position that changed any of it.
fn records_in_force(log: &dyn Log) -> (Position, Vec<Record>) {
    let (moderated, mut in_force) = log.moderation().records();
    let (kept, values) = log.values().records();
    in_force.extend(values);
    (moderated.max(kept), in_force)
}
