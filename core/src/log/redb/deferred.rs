//! When the entries of a journal are put on this disk.
//!
//! The journal has each entry safely before it is applied here. So the log of one node of many does not wait for its
//! disk with each of them: a node that starts again after a crash is behind by what its disk did not have, is not
//! current, and reads that from the journal. What takes texts away waits for the disk at once: the journal forgets
//! those too.

use std::time::{Duration, Instant};

use ::redb::{Durability, WriteTransaction};

use crate::cause::Cause;
use crate::log::error::CommitError;
use crate::log::redb::tables::refused;

/// An applied entry is on disk after this time at most, if the log is asked for it then …
pub(super) const DEFERRED_MAX: Duration = Duration::from_secs(1);
/// … or with the entry that brings the records beyond so many bytes.
pub(super) const DEFERRED_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The entries that are applied and not on disk.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// When the oldest was applied, and the bytes of the records of all; `None` if there are none.
    since: Option<(Instant, u64)>,
}

impl Deferred {
    /// Commits a transaction with records of so many bytes. It is durable at once unless it may wait, and makes
    /// durable what has waited.
    pub fn commit(
        &mut self,
        mut tx: WriteTransaction,
        bytes: u64,
        may_wait: bool,
    ) -> Result<(), CommitError> {
        let now = Instant::now();
        let waits = may_wait && self.can_wait(now, bytes);
        tx.set_durability(if waits { Durability::None } else { Durability::Immediate }).map_err(refused)?;
        tx.commit().map_err(|error| CommitError::Unknown(Cause::new(error)))?;
        if waits {
            self.add(now, bytes);
        } else {
            self.since = None;
        }
        Ok(())
    }

    /// Returns true if one more with so many bytes may wait.
    fn can_wait(&self, now: Instant, bytes: u64) -> bool {
        let (since, before) = self.since.unwrap_or((now, 0));
        now < since + DEFERRED_MAX && before + bytes <= DEFERRED_BYTES_MAX
    }

    /// Notes one more.
    fn add(&mut self, now: Instant, bytes: u64) {
        self.since.get_or_insert((now, 0)).1 += bytes;
    }

    /// Returns true if there are some.
    pub fn has_some(&self) -> bool {
        self.since.is_some()
    }

    /// Returns true if they have waited long enough.
    pub fn is_due(&self, now: Instant) -> bool {
        self.since.is_some_and(|(since, _)| now >= since + DEFERRED_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_wait_for_a_second_and_for_eight_mebibytes_at_most() {
        let (mut deferred, start) = (Deferred::default(), Instant::now());
        let (almost, end) = (start + Duration::from_millis(999), start + DEFERRED_MAX);
        assert!(deferred.can_wait(start, DEFERRED_BYTES_MAX));
        assert!(!deferred.can_wait(start, DEFERRED_BYTES_MAX + 1));
        assert!(!deferred.is_due(end), "there are none");
        deferred.add(start, DEFERRED_BYTES_MAX - 1);
        assert!(deferred.can_wait(start, 1) && !deferred.can_wait(start, 2));
        deferred.add(almost, 1);
        assert!(!deferred.is_due(almost) && deferred.is_due(end));
        assert!(deferred.can_wait(almost, 0) && !deferred.can_wait(end, 0));
        deferred.since = None;
        assert!(!deferred.is_due(end) && deferred.can_wait(end, 1));
    }
}
