//! The `state` table: what cannot be made again from the records.

use ::redb::{ReadTransaction, WriteTransaction};

use crate::event::{Epoch, Position, Timestamp};
use crate::log::error::{LogError, OpenError};
use crate::log::redb::tables::{
    STATE, STATE_CHECKPOINT, STATE_EPOCH, STATE_EXPIRED, STATE_FLOOR, STATE_FORGOTTEN, STATE_FORMAT,
    STATE_KEYS, STATE_LAST, STATE_LIVE, STATE_PACKS, STATE_SIGNING_KEY, STATE_SKIPPED, storage_error,
};

/// The format of the log of a node of a cluster, and the newest that this release reads. An older release would
/// write to such a log as a single node.
pub(super) const MEMBER_FORMAT: u8 = 3;

/// The content of the state table.
pub(super) struct State {
    pub epoch: Epoch,
    pub signing_key: [u8; 32],
    pub floor: Position,
    pub last: Position,
    pub checkpoint: Position,
    /// The bytes of the records up to a position.
    pub live: (Position, u64),
    /// The position up to which the rows of idempotency keys are complete.
    pub keys: Position,
    /// The position up to which the packs of the search index were kept right, and the rule by which they
    /// were made.
    pub packs: (Position, u64),
    /// The newest event of all rooms that were forgotten.
    pub forgotten: Position,
    /// Damaged records that were left out when the log was made of another one.
    pub skipped: u64,
    /// No value that expires after this time was taken out because it had expired.
    pub expired: Timestamp,
    /// The version of the log's format.
    pub format: u8,
}

impl State {
    pub fn read(tx: &ReadTransaction) -> Result<Self, LogError> {
        let number = |key| Ok::<_, LogError>(fixed(tx, key)?.map(u64::from_le_bytes));
        let missing = |key| LogError::Storage(format!("it has no {key}").into());
        let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        let two = |key| {
            let both: Option<[u8; 16]> = fixed(tx, key)?;
            Ok::<_, LogError>(both.map_or((0, 0), |both| (half(&both[..8]), half(&both[8..]))))
        };
        let floor = number(STATE_FLOOR)?.unwrap_or(1);
        let forgotten: Option<[u8; 16]> = fixed(tx, STATE_FORGOTTEN)?;
        // A release that does not know the row may have trimmed and forgotten since: then it says nothing.
        let forgotten = forgotten.filter(|row| half(&row[8..]) == floor).map(|row| half(&row[..8]));
        Ok(Self {
            epoch: Epoch(u32::from_le_bytes(fixed(tx, STATE_EPOCH)?.ok_or_else(|| missing(STATE_EPOCH))?)),
            signing_key: fixed(tx, STATE_SIGNING_KEY)?.ok_or_else(|| missing(STATE_SIGNING_KEY))?,
            floor,
            last: number(STATE_LAST)?.unwrap_or(0),
            checkpoint: number(STATE_CHECKPOINT)?.unwrap_or(0),
            live: two(STATE_LIVE)?,
            keys: number(STATE_KEYS)?.unwrap_or(0),
            packs: two(STATE_PACKS)?,
            skipped: number(STATE_SKIPPED)?.unwrap_or(0),
            expired: Timestamp(number(STATE_EXPIRED)?.unwrap_or(0)),
            format: fixed::<1>(tx, STATE_FORMAT)?.map_or(0, |format| format[0]),
            forgotten: forgotten.unwrap_or(floor.saturating_sub(1)),
        })
    }
}

/// Notes the newest event of all rooms that were forgotten, as of a floor.
pub(super) fn write_forgotten(
    tx: &WriteTransaction,
    forgotten: Position,
    floor: Position,
) -> Result<(), LogError> {
    let mut state = tx.open_table(STATE).map_err(storage_error)?;
    let both = [forgotten.to_le_bytes(), floor.to_le_bytes()].concat();
    state.insert(STATE_FORGOTTEN, both.as_slice()).map(drop).map_err(storage_error)
}

pub(super) fn check_format(reading: &ReadTransaction, name: &str) -> Result<(), OpenError> {
    match state(reading, STATE_FORMAT).ok().flatten().as_deref() {
        Some([found]) if *found > MEMBER_FORMAT => {
            Err(OpenError::Newer { path: name.to_owned(), found: *found, known: MEMBER_FORMAT })
        }
        Some([_]) => Ok(()),
        _ => Err(OpenError::NotALog(name.to_owned())),
    }
}

fn state(tx: &ReadTransaction, key: &str) -> Result<Option<Vec<u8>>, LogError> {
    let table = tx.open_table(STATE).map_err(storage_error)?;
    Ok(table.get(key).map_err(storage_error)?.map(|value| value.value().to_vec()))
}

fn fixed<const N: usize>(tx: &ReadTransaction, key: &'static str) -> Result<Option<[u8; N]>, LogError> {
    let Some(bytes) = state(tx, key)? else { return Ok(None) };
    let bytes =
        bytes.try_into().map_err(|_| LogError::Storage(format!("{key} does not read back").into()))?;
    Ok(Some(bytes))
}
