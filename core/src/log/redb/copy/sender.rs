//! The sending side of a copy: a log as chunks of bytes.

use ::redb::{ReadTransaction, TableHandle as _};
use bytes::Bytes;

use crate::cluster::Place;
use crate::log::contract::{Log as _, LogCopy};
use crate::log::error::LogError;
use crate::log::redb::copy::frame::{Framer, ITEMS_BYTES_MAX, Item, put, row_bytes};
use crate::log::redb::copy::tables::{COPIED, is_left_out};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::state::State;
use crate::log::redb::tables::storage_error;
use crate::log::redb::{identity, place};

/// The item that ends a copy, in bytes.
const END_BYTES: usize = 9;
/// The item of a table takes at most this many bytes.
const TABLE_BYTES_MAX: usize = 2 + u8::MAX as usize;

/// A copy under way: the moment of the log, and where in it the copy is.
struct Sender {
    tx: ReadTransaction,
    /// The place, until it is told.
    place: Option<Place>,
    /// The tables that are there, last first.
    tables: Vec<usize>,
    /// The key of the last row of the table that was sent; `None` before its first.
    after: Option<Vec<u8>>,
    is_named: bool,
    rows: u64,
    framer: Framer,
    has_ended: bool,
}

impl RedbLog {
    /// Begins a copy of the log as it is now.
    pub(in crate::log::redb) fn begin_copy(&self) -> Result<LogCopy, LogError> {
        let tx = self.begin_read()?;
        let cluster = identity::read(&tx)?;
        if cluster.is_none() {
            let why = "it is the log of a single node: only that of a node of a cluster is copied";
            return Err(LogError::Storage(why.into()));
        }
        let state = State::read(&tx)?;
        let (mark, _) = place::read(&tx)?;
        let epoch = state.epoch;
        // Before the first entry nothing changes the log.
        let mark = mark.or_beginning(self.head(), self.floor());
        let mut tables = Vec::new();
        for table in tx.list_tables().map_err(storage_error)? {
            match COPIED.iter().position(|copied| copied.name() == table.name()) {
                Some(nth) => tables.push(nth),
                None if is_left_out(table.name()) => {}
                None => {
                    let why = format!("it has a table {} that is not known how to copy", table.name());
                    return Err(LogError::Storage(why.into()));
                }
            }
        }
        tables.sort_unstable_by(|a, b| b.cmp(a));
        let place = Some(Place { cluster, epoch, mark });
        let framer = Framer::default();
        Ok(Box::new(Sender {
            tx,
            place,
            tables,
            after: None,
            is_named: false,
            rows: 0,
            framer,
            has_ended: false,
        }))
    }
}

impl Sender {
    /// Makes the items of the next frame.
    fn items(&mut self) -> Result<Vec<u8>, LogError> {
        let mut items = Vec::with_capacity(ITEMS_BYTES_MAX);
        if let Some(place) = self.place.take() {
            put(&mut items, &Item::Place(place));
        }
        while let Some(table) = self.tables.last().map(|nth| COPIED[*nth]) {
            if !self.is_named {
                if items.len() + TABLE_BYTES_MAX > ITEMS_BYTES_MAX {
                    return Ok(items);
                }
                put(&mut items, &Item::Table(table.name().as_bytes()));
                self.is_named = true;
            }
            let (mut last, mut too_large) = (None, None);
            let is_at_end = table.read(&self.tx, self.after.as_deref(), &mut |row| {
                if items.len() + row_bytes(row) > ITEMS_BYTES_MAX {
                    too_large = (row_bytes(row) > ITEMS_BYTES_MAX).then(|| row_bytes(row));
                    return false;
                }
                put(&mut items, &Item::Row(row));
                self.rows += 1;
                last = Some(row.0.to_vec());
                true
            })?;
            if let Some(bytes) = too_large {
                let name = table.name();
                let why =
                    format!("a row of its table {name} is {bytes} bytes; a copy takes {ITEMS_BYTES_MAX}");
                return Err(LogError::Storage(why.into()));
            }
            if !is_at_end {
                self.after = last.or(self.after.take());
                return Ok(items);
            }
            (self.after, self.is_named) = (None, false);
            self.tables.pop();
        }
        if items.len() + END_BYTES <= ITEMS_BYTES_MAX {
            put(&mut items, &Item::End(self.rows));
            self.has_ended = true;
        }
        Ok(items)
    }
}

impl Iterator for Sender {
    type Item = Result<Bytes, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let items = self.items();
        // After an error there is nothing more.
        self.has_ended |= items.is_err();
        Some(items.map(|items| self.framer.chunk(&items)))
    }
}
