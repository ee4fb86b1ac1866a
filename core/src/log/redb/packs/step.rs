//! A step of the thread that prepares packs.

use std::sync::atomic::Ordering;

use super::build;
use super::queue::Next;
use crate::log::error::LogError;
use crate::log::redb::handle::RedbLog;

impl RedbLog {
    /// Prepares one more pack, or looks on for what has none. Returns false when there is nothing to do.
    pub(in crate::log::redb) fn prepare_pack(&self) -> Result<bool, LogError> {
        match self.packing.begin() {
            Next::Wait => Ok(false),
            Next::Piece(room, to) => {
                let prepared = self.begin_redacted().and_then(|(mask, tx)| {
                    let floor = self.floor.load(Ordering::Acquire);
                    build::prepare(&tx, &mask, floor, &room, to)
                });
                let (prepared, failed) = match prepared {
                    Ok(prepared) => (prepared, None),
                    // A search reads the texts there, and says what it meets.
                    Err(LogError::Damaged { .. }) => (None, None),
                    Err(error) => (None, Some(error)),
                };
                self.packing.end(prepared);
                failed.map_or(Ok(true), Err)
            }
            Next::Sweep(mut sweep) => {
                let floor = self.floor.load(Ordering::Acquire);
                let (found, is_done) = sweep.step(&self.begin_read()?, floor)?;
                self.packing.swept(found, (!is_done).then_some(sweep));
                Ok(true)
            }
        }
    }
}
