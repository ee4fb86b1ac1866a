//! Taking text out of stored records, and the account of their bytes.

use std::ops::AddAssign;

use ::redb::{ReadableTable as _, Table};

use crate::event::Position;
use crate::log::error::LogError;
use crate::log::record;
use crate::log::redb::tables::storage_error;

/// A change in the bytes of the records that are kept, and the records whose texts it takes out.
#[derive(Default)]
pub(super) struct BytesDelta {
    pub more: u64,
    pub less: u64,
    /// Records that were there before became smaller or went: a start cannot count that again.
    pub old: bool,
    /// Records whose text is to be nowhere any more.
    pub redacted: Vec<Position>,
}

impl AddAssign for BytesDelta {
    fn add_assign(&mut self, other: Self) {
        self.more += other.more;
        self.less += other.less;
        self.old |= other.old;
        self.redacted.extend(other.redacted);
    }
}

pub(super) fn redact(
    log: &mut Table<'_, u64, &'static [u8]>,
    position: Position,
) -> Result<BytesDelta, LogError> {
    let Some(bytes) = log.get(position).map_err(storage_error)?.map(|bytes| bytes.value().to_vec()) else {
        return Ok(BytesDelta::default());
    };
    let delta = BytesDelta { redacted: vec![position], ..BytesDelta::default() };
    // A damaged record is served to nobody: it must not prevent the delete.
    let Ok(redacted) = record::redact(position, &bytes) else { return Ok(delta) };
    log.insert(position, redacted.as_slice()).map_err(storage_error)?;
    let (more, less) = (record::stored_bytes(&redacted), record::stored_bytes(&bytes));
    Ok(BytesDelta { more, less, old: true, ..delta })
}
