//! Reading: the log as the chat sees it.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::cluster::{ClusterId, Mark, Passed};
use crate::event::{Epoch, Position, RoomName, Timestamp};
use crate::log::contract::{
    Chain, ChainPoint, Committed, FinishedEntry, Found, Log, LogCopy, Lookups, NewRecord, READ_BYTES_MAX,
    READ_EVENTS_MAX, RecordAge, RoomHead, StoredKey,
};
use crate::log::derived::INDEX_EVERY;
use crate::log::error::{CommitError, LogError};
use crate::log::moderation::{ModerationState, RedactionMask, is_redacted, redacted};
use crate::log::record::{self, RawRecord, Record};
use crate::log::redb::detour::Detour;
use crate::log::redb::disk::DISK_RESERVE_BYTES;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::piece::{Forwards, newest_before, refuse_hole};
use crate::log::redb::tables::{LOG, event_of, get, storage_error};
use crate::log::redb::walk::{above, head, prev_of};
use crate::log::redb::{deletes, packs, place, reactions};
use crate::log::values::ValuesState;
use crate::message::Reacted;

impl Log for RedbLog {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn signing_key(&self) -> [u8; 32] {
        self.signing_key
    }

    fn head(&self) -> Position {
        self.head.load(Ordering::Acquire)
    }

    fn floor(&self) -> Position {
        self.floor.load(Ordering::Acquire)
    }

    fn forgotten(&self) -> Position {
        self.forgotten.load(Ordering::Acquire)
    }

    fn commit(&self, batch: &[NewRecord], floor: Position) -> Result<Vec<Committed>, CommitError> {
        self.write(batch, floor, None)
    }

    fn apply(&self, entry: &FinishedEntry) -> Result<Vec<Committed>, CommitError> {
        self.apply_entry(entry)
    }

    fn take_redacted(&self) -> Vec<Position> {
        std::mem::take(&mut *self.redacted.lock())
    }

    fn place(&self) -> Result<(Mark, Vec<Passed>), LogError> {
        place::read(&self.begin_read()?)
    }

    fn cluster(&self) -> Option<ClusterId> {
        self.cluster
    }

    fn begin_run(&self, now: Timestamp) -> Result<(ClusterId, u64), LogError> {
        self.note_run(now)
    }

    fn copy(&self) -> Result<LogCopy, LogError> {
        self.begin_copy()
    }

    fn moderation(&self) -> &ModerationState {
        &self.moderation
    }

    fn values(&self) -> &ValuesState {
        &self.values
    }

    fn live_bytes(&self) -> u64 {
        self.live_bytes.load(Ordering::Acquire)
    }

    fn require_space(&self, free: u64) -> Result<(), CommitError> {
        self.require_free(free.max(DISK_RESERVE_BYTES))
    }

    fn forget_heads(
        &self,
        after: Option<&RoomName>,
        before: Timestamp,
        spare: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError> {
        self.forget(after, before, spare)
    }

    fn lookups(&self) -> Result<Option<Box<dyn Lookups + '_>>, LogError> {
        Ok(Some(Box::new(self.begin_lookups()?)))
    }

    fn room_head(&self, room: &RoomName) -> Result<Position, LogError> {
        let known = self.known(room, 0);
        head(&self.begin_read()?, room, &known)
    }

    fn room_heads(&self, after: Option<&RoomName>, count: usize) -> Result<Vec<RoomHead>, LogError> {
        self.heads(after, count)
    }

    fn read_after(&self, room: &RoomName, after: Position) -> Result<Chain, LogError> {
        let floor = self.floor();
        let mut piece = Forwards { room, at: after, bytes: 0, events: Vec::new() };
        loop {
            let known = self.known(room, piece.at);
            let (mask, tx) = self.begin_redacted()?;
            let above = above(&tx, room, piece.at, &known)?;
            let log = tx.open_table(LOG).map_err(storage_error)?;
            let begin = piece.at;
            let walked = self.walks.after(&log, room, (above.from, begin), self.floor());
            let walked = walked.and_then(|positions| piece.walk(&log, positions, &mask, self.floor()));
            if let Err(LogError::Damaged { .. }) = walked {
                let mut detour = Detour::begin(self, &tx, room, &mask, self.floor())?;
                let positions = detour.after(above.from, piece.at)?;
                piece.pass_over(&detour, positions)?;
            } else {
                walked?;
            }
            let is_full = piece.events.len() + INDEX_EVERY as usize > READ_EVENTS_MAX;
            if piece.at == begin || is_full || piece.bytes >= READ_BYTES_MAX {
                return Ok(Chain { events: piece.events, head: above.head, floor: floor.max(self.floor()) });
            }
        }
    }

    fn read_before(&self, room: &RoomName, before: Position, count: usize) -> Result<Chain, LogError> {
        let count = count.min(READ_EVENTS_MAX);
        // The walk begins at the first index row from `before` on, and passes over at most 128 events.
        let known = self.known(room, before.saturating_sub(1));
        let (mask, tx) = self.begin_redacted()?;
        let above = above(&tx, room, before.saturating_sub(1), &known)?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let newest = match newest_before(&log, room, (above.from, before), &mask, self.floor()) {
            Err(LogError::Damaged { .. }) => {
                Detour::begin(self, &tx, room, &mask, self.floor())?.newest_before(above.from, before)
            }
            newest => newest,
        };
        let (mut next, mut events, mut bytes) = (newest?.filter(|_| count > 0), Vec::new(), 0);
        while let Some(event) = next.take() {
            let prev = event.prev;
            bytes += event.cost_bytes();
            events.push(event);
            if events.len() < count && bytes < READ_BYTES_MAX && prev > 0 {
                next = match event_of(&log, room, prev, &mask) {
                    // The next read begins beyond it.
                    Err(LogError::Damaged { .. }) => None,
                    event => event?,
                };
            }
        }
        events.reverse();
        Ok(Chain { events, head: above.head, floor: self.floor() })
    }

    fn point_after(&self, room: &RoomName, after: Position) -> Result<ChainPoint, LogError> {
        let floor = self.floor();
        let known = self.known(room, after);
        let (mask, tx) = self.begin_redacted()?;
        let above = above(&tx, room, after, &known)?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let walked = self.walks.after(&log, room, (above.from, after), self.floor());
        let walked = walked.and_then(|positions| {
            // A walk that was kept may begin with positions that were trimmed since.
            for at in positions {
                if let Some(event) = event_of(&log, room, at, &mask)? {
                    refuse_hole(&event, after, self.floor())?;
                    return Ok(Some(event.prev));
                }
            }
            Ok(None)
        });
        let prev = match walked {
            Err(LogError::Damaged { .. }) => {
                let mut detour = Detour::begin(self, &tx, room, &mask, self.floor())?;
                let positions = detour.after(above.from, after)?;
                // If none can be read, the next read goes on after the last of them.
                let mut prev = positions.last().copied();
                for at in positions {
                    if let Some(event) = detour.event(at)? {
                        prev = Some(event.prev);
                        break;
                    }
                }
                prev
            }
            walked => walked?,
        };
        Ok(ChainPoint { prev, head: above.head, floor: floor.max(self.floor()) })
    }

    fn point_before_last(&self, room: &RoomName, count: usize) -> Result<ChainPoint, LogError> {
        let head = self.room_head(room)?;
        let (mut at, mut prev) = (head, None);
        let mut left = count;
        while left > 0 {
            let (mask, tx) = self.begin_redacted()?;
            let log = tx.open_table(LOG).map_err(storage_error)?;
            let steps = left.min(READ_EVENTS_MAX);
            left -= steps;
            for _ in 0..steps {
                let before = match prev_of(&log, at) {
                    Ok(None) if at < self.floor().max(1) => None,
                    Ok(None) | Err(LogError::Damaged { .. }) => {
                        Detour::begin(self, &tx, room, &mask, self.floor())?.before(at, 0)?
                    }
                    before => before?,
                };
                let Some(before) = before else {
                    left = 0;
                    break;
                };
                (at, prev) = (before, Some(before));
            }
        }
        Ok(ChainPoint { prev, head, floor: self.floor() })
    }

    fn delete_of(&self, target: Position) -> Result<Option<Record>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let Some(at) = deletes::of(&tx, target)? else { return Ok(None) };
        let log = tx.open_table(LOG).map_err(storage_error)?;
        match get(&log, at, &mask) {
            // Nobody can say who it was.
            Err(LogError::Damaged { .. }) => Ok(None),
            delete => delete,
        }
    }

    fn reactions(&self, target: Position) -> Result<Vec<Reacted>, LogError> {
        reactions::of_message(&self.begin_read()?, target)
    }

    fn scan(&self, from: Position) -> Result<Vec<Record>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        for row in log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX) {
            let record = decode_row(row, &mask)?;
            bytes += record.bytes as usize;
            records.push(record);
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        ascending(from, records)
    }

    fn scan_raw(&self, from: Position) -> Result<Vec<RawRecord>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for row in log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX) {
            let (position, record) = row.map_err(storage_error)?;
            bytes += record.value().len();
            rows.push(raw(position.value(), record.value(), &mask));
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(rows)
    }

    fn ages(&self, from: Position) -> Result<Vec<RecordAge>, LogError> {
        let log = self.begin_read()?.open_table(LOG).map_err(storage_error)?;
        let (mut ages, mut next) = (Vec::new(), from);
        for row in log.range(from..).map_err(storage_error)?.take(READ_EVENTS_MAX) {
            let (position, record) = row.map_err(storage_error)?;
            let position = position.value();
            if position < next {
                return Err(out_of_order(position));
            }
            next = position + 1;
            ages.push(RecordAge::of(position, record.value()));
        }
        Ok(ages)
    }

    fn raw(&self, position: Position) -> Result<Option<RawRecord>, LogError> {
        let (mask, tx) = self.begin_redacted()?;
        let log = tx.open_table(LOG).map_err(storage_error)?;
        let bytes = log.get(position).map_err(storage_error)?;
        Ok(bytes.map(|bytes| raw(position, bytes.value(), &mask)))
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn keys(&self, oldest: Timestamp) -> Result<Vec<StoredKey>, LogError> {
        self.read_keys(oldest)
    }

    fn find(
        &self,
        room: &RoomName,
        before: Position,
        terms: &[u32],
        packs_max: usize,
    ) -> Result<Found, LogError> {
        packs::find(&self.begin_read()?, room, before, self.floor(), terms, packs_max)
    }

    fn prepare_index(&self) -> Result<bool, LogError> {
        self.prepare_pack()
    }

    fn has_deferred(&self) -> bool {
        self.deferred.lock().is_due(Instant::now())
    }

    fn has_prepared_index(&self) -> bool {
        self.packing.has_prepared() && self.has_room_for_packs(DISK_RESERVE_BYTES)
    }

    fn close(&self) -> Result<(), LogError> {
        self.finish()
    }
}

type Row<'a> = (::redb::AccessGuard<'a, u64>, ::redb::AccessGuard<'a, &'static [u8]>);

fn decode_row(row: Result<Row<'_>, ::redb::StorageError>, mask: &RedactionMask) -> Result<Record, LogError> {
    let (position, bytes) = row.map_err(storage_error)?;
    Ok(redacted(record::decode(position.value(), bytes.value())?, mask))
}

/// A record's bytes without what readers may not have. One that does not read back is no text of anybody's.
fn raw(position: Position, bytes: &[u8], mask: &RedactionMask) -> RawRecord {
    let withheld = (!mask.is_empty())
        .then(|| record::decode(position, bytes).ok()?.event.filter(|event| is_redacted(event, mask)))
        .flatten()
        .and_then(|_| record::redact(position, bytes).ok());
    RawRecord { position, bytes: withheld.unwrap_or_else(|| bytes.to_vec()) }
}

/// Fails if positions do not ascend. A damaged tree can return rows that were not asked for, and a caller
/// that goes on from the last record would loop for ever.
fn ascending(from: Position, records: Vec<Record>) -> Result<Vec<Record>, LogError> {
    let mut next = from;
    for record in &records {
        if record.position < next {
            return Err(out_of_order(record.position));
        }
        next = record.position + 1;
    }
    Ok(records)
}

fn out_of_order(position: Position) -> LogError {
    LogError::Damaged { position, what: "it stands at a wrong place" }
}
