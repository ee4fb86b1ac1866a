//! The disk under a log: how much of it is free, and what is left free.

use std::path::Path;

/// Free space that a commit leaves on the disk, so that redb never meets a full one: after an I/O error it
/// would serve only what it has cached.
pub(super) const DISK_RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// A page of redb.
pub(super) const PAGE_BYTES: u64 = 4 * 1024;
/// Pages that a row of a table beside the log may cost: a leaf and what leads to it, copied.
pub(super) const ROW_PAGES: usize = 4;

/// The free space where a file lies; `None` when the disk does not say: then a write will meet the limit.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
