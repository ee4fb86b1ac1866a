//! Taking text out of stored records, and the account of their bytes.

use std::ops::AddAssign;

use ::redb::{ReadableTable as _, Table};

use crate::event::Position;
use crate::log::error::LogError;
use crate::log::record;
use crate::log::redb::tables::storage_error;

/// How the bytes of the kept records change.
#[derive(Default)]
pub(super) struct Change {
    pub more: u64,
    pub less: u64,
    /// Records that were there before became smaller or went: a start cannot count that anew.
    pub old: bool,
}

impl AddAssign for Change {
    fn add_assign(&mut self, other: Self) {
        self.more += other.more;
        self.less += other.less;
        self.old |= other.old;
    }
}

pub(super) fn withhold(
    log: &mut Table<'_, u64, &'static [u8]>,
    position: Position,
) -> Result<Change, LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)?.map(|bytes| bytes.value().to_vec()) else {
        return Ok(Change::default());
    };
    // A damaged record is served to nobody: it must not stand in the way of the delete.
    let Ok(withheld) = record::withhold(position, &bytes) else { return Ok(Change::default()) };
    log.insert(position, withheld.as_slice()).map_err(storage_error)?;
    Ok(Change { more: record::stored_bytes(&withheld), less: record::stored_bytes(&bytes), old: true })
}
