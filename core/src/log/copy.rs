//! Copying a log while it is written: a consistent piece after another, in bounded memory.
//!
//! A record never changes but that a delete takes text away, and records go only at the bottom, by a cut. So a
//! copy reads the records by position up to the head at which it began, in short reads that pin nothing, and then
//! looks at what came meanwhile: a delete of something copied before is handed on as [`Piece::Deleted`], so that
//! its text does not stay in the copy; a cut that overtook the reading as [`Piece::Floor`]. Whoever takes the
//! pieces in their order ends with the log as it was at that head, less what was deleted or cut by the end.

use super::{Log, LogError, Record, record};
use crate::event::{Body, Position};

/// A record as its bytes lie in the log: what this release does not know of it is copied all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its place in the log.
    pub position: Position,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl RawRecord {
    /// Checks the bytes and reads them.
    pub fn decode(&self) -> Result<Record, LogError> {
        record::decode(self.position, &self.bytes)
    }

    /// The bytes of a record of these fields; `None` when it has no event.
    pub fn encode(record: &Record) -> Option<Self> {
        let event = record.event.as_deref()?;
        let mut bytes = Vec::new();
        let (key, content_hash) = (record.key.as_ref(), record.content_hash.as_ref());
        record::encode(&record::Fields { event, key, content_hash }, &mut bytes);
        Some(Self { position: record.position, bytes })
    }
}

/// A step of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Records, in ascending order.
    Records(Vec<RawRecord>),
    /// A cut was faster than the copy: what was copied before this position is gone by now.
    Floor(Position),
    /// Messages that were deleted after they were copied: their text, and that of their edits, is to go.
    Deleted(Vec<Position>),
}

/// A copy under way.
#[derive(Debug)]
pub struct Copy {
    floor: Position,
    head: Position,
    next: Position,
    /// The first records after a hole, whose new floor was told first.
    held: Option<Vec<RawRecord>>,
    done: bool,
}

impl Copy {
    /// Begins a copy of the log as it is now.
    pub fn begin(log: &dyn Log) -> Self {
        let floor = log.floor();
        Self { floor, head: log.head(), next: floor, held: None, done: false }
    }

    /// The oldest position kept when the copy began.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// The newest position when the copy began: the copy's last.
    pub fn head(&self) -> Position {
        self.head
    }

    /// The next piece; `None` when the copy is whole. Blocks on storage.
    pub fn next(&mut self, log: &dyn Log) -> Result<Option<Piece>, LogError> {
        while !self.done {
            let newest = log.head();
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
                return Ok(Some(Piece::Floor(self.floor)));
            }
            let last = rows.last().map(|row| row.position);
            if self.next <= self.head {
                let records: Vec<_> = rows.into_iter().take_while(|row| row.position <= self.head).collect();
                self.next = records.last().map_or(self.head + 1, |last| last.position + 1);
                if !records.is_empty() {
                    return Ok(Some(Piece::Records(records)));
                }
                continue;
            }
            self.done = last.is_none_or(|last| last >= newest);
            self.next = last.map_or(self.next, |last| last + 1);
            let mut deleted = Vec::new();
            for row in rows {
                if let Some(event) = row.decode()?.event
                    && let Body::Delete { target } = event.body
                    && (self.floor..=self.head).contains(&target)
                {
                    deleted.push(target);
                }
            }
            if !deleted.is_empty() {
                return Ok(Some(Piece::Deleted(deleted)));
            }
        }
        Ok(None)
    }
}
