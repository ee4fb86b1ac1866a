//! Copying a log while it is written: a consistent piece after another, in bounded memory.
//!
//! A record never changes but that a delete or an Empty takes text away, and records go only at the bottom, by a cut.
//! What stands beside the records (closed rooms, bans) comes first; the records that follow put it right. So a
//! copy reads the records by position, in short reads that pin nothing, up to the head at which it began; then up to
//! the head that there is by then, until it has caught up: what was deleted meanwhile is then followed by its
//! delete, as in the log. A cut that overtook the reading is told as [`Piece::Floor`]. A log that is written faster
//! than it is copied is not chased for ever: when a round is not half of the one before, or after
//! [`CATCH_UPS_MAX`] rounds, the copy ends where it is, and of what comes later only what takes text from the copy is
//! told, as [`Piece::Deleted`] and [`Piece::Emptied`], so that it does not stay there. Whoever takes the pieces in
//! their order ends with a log as it was at the copy's last position.

use crate::event::{Body, Position, RoomName};
use crate::log::contract::{Log, READ_EVENTS_MAX};
use crate::log::error::LogError;
use crate::log::record::{RawRecord, Record};

/// How often a copy goes on to the head that there is when it has reached the one before.
const CATCH_UPS_MAX: usize = 64;

/// A step of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Records, in ascending order.
    Records(Vec<RawRecord>),
    /// What stands beside the records: of each room that is closed and of each author who is banned the record that
    /// says so ([`Record::event`], [`Record::ruling`]), which retention may have cut: its position may be below the
    /// floor, and the same record may come again among the [`Piece::Records`]. Pieces of it come before the records,
    /// and anew after a floor; the records that follow put it right. For [`super::NewLog::stands`].
    Standing(Vec<RawRecord>),
    /// A cut was faster than the copy: what was copied before this position is gone by now, and what stands is told
    /// anew. For [`super::NewLog::raise_floor`].
    Floor(Position),
    /// Messages that were deleted after the copy's last position: their text, and that of their edits, is to go.
    Deleted(Vec<Position>),
    /// Rooms that were emptied after the copy's last position: the text of all that was copied of them is to go, by
    /// [`super::NewLog::empty`].
    Emptied(Vec<RoomName>),
}

/// A copy under way.
#[derive(Debug)]
pub struct Copy {
    floor: Position,
    /// Where it ends, so far: the log's head when it began, and when it had reached that, and so on.
    head: Position,
    next: Position,
    /// How far the log was ahead when it last caught up, and how often it has.
    ahead: u64,
    catch_ups: usize,
    /// The first records after a hole, whose new floor was told first.
    held: Option<Vec<RawRecord>>,
    /// Rooms emptied, to be told next.
    emptied: Option<Vec<RoomName>>,
    /// What stands and is still to be told.
    standing: std::vec::IntoIter<Record>,
    done: bool,
}

impl Copy {
    /// Begins a copy of the log.
    pub fn begin(log: &dyn Log) -> Self {
        let floor = log.floor();
        let (_, standing) = log.standing().records();
        // Read last: no record that changed what stands lies beyond it.
        let head = log.head();
        let ahead = (head + 1).saturating_sub(floor);
        let standing = standing.into_iter();
        Self {
            floor,
            head,
            next: floor,
            ahead,
            catch_ups: 0,
            held: None,
            emptied: None,
            standing,
            done: false,
        }
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
        let stands = self.standing.by_ref().take(READ_EVENTS_MAX).filter_map(|it| RawRecord::encode(&it));
        let stands: Vec<_> = stands.collect();
        if !stands.is_empty() {
            return Ok(Some(Piece::Standing(stands)));
        }
        if let Some(rooms) = self.emptied.take() {
            return Ok(Some(Piece::Emptied(rooms)));
        }
        while !self.done {
            let newest = log.head();
            if self.next > self.head {
                self.catch_up(newest);
            }
            if self.next > newest {
                break;
            }
            let (rows, told) = match self.held.take() {
                Some(rows) => (rows, true),
                None => (log.scan_raw(self.next)?, false),
            };
            let first = rows.first().map(|row| row.position);
            // The log raises its floor before a cut takes records: a hole made by a cut is seen with its floor.
            let cut = log.floor() > self.next && first.is_none_or(|first| first > self.next);
            if cut && !told {
                self.floor = first.unwrap_or(newest + 1).min(self.head + 1).max(self.floor);
                self.held = Some(rows);
                self.tell_standing(log);
                return Ok(Some(Piece::Floor(self.floor)));
            }
            if self.next <= self.head {
                let records: Vec<_> = rows.into_iter().take_while(|row| row.position <= self.head).collect();
                self.next = records.last().map_or(self.head + 1, |last| last.position + 1);
                // The read began when this was the newest: so it has seen all that was there at one moment.
                self.done = self.next > newest;
                if !records.is_empty() {
                    return Ok(Some(Piece::Records(records)));
                }
                continue;
            }
            self.next = rows.last().map_or(newest + 1, |last| last.position + 1);
            self.done = self.next > newest;
            let (deleted, emptied) = self.taken(&rows)?;
            self.emptied = Some(emptied).filter(|rooms| !rooms.is_empty());
            if !deleted.is_empty() {
                return Ok(Some(Piece::Deleted(deleted)));
            }
            if let Some(rooms) = self.emptied.take() {
                return Ok(Some(Piece::Emptied(rooms)));
            }
        }
        Ok(None)
    }

    /// What stands is told anew: a cut may have taken records that changed it.
    fn tell_standing(&mut self, log: &dyn Log) {
        let (as_of, standing) = log.standing().records();
        if as_of > self.head && self.catch_ups < CATCH_UPS_MAX {
            self.head = as_of;
            self.catch_ups += 1;
        }
        self.standing = standing.into_iter();
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

    /// What these records beyond the copy's end take from the copy.
    fn taken(&self, rows: &[RawRecord]) -> Result<(Vec<Position>, Vec<RoomName>), LogError> {
        let (mut deleted, mut emptied) = (Vec::new(), Vec::new());
        for row in rows {
            let Some(event) = row.decode()?.event else { continue };
            match event.body {
                Body::Delete { target } if (self.floor..=self.head).contains(&target) => deleted.push(target),
                Body::Empty => emptied.push(event.room.clone()),
                _ => {}
            }
        }
        Ok((deleted, emptied))
    }
}
