//! A log file that is opened on trial: nothing reaches it before it is known to be a log that can be used.
//!
//! Opening writes: a mark that the file is in use and, after a crash, the result of the repair. Both are held
//! in memory until [`StagedFile::commit`], so that a refused file stays unchanged to the last byte. Then they
//! go to the file, and everything that follows goes there at once.
//!
//! All that is held is part of the header: a repair changes no page. The header's block is written last and
//! by itself, so that power lost in between leaves the old header or the new one.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::backends::FileBackend;
use ::redb::{BackendError, DatabaseError, StorageBackend};

use crate::log::redb::overlay::Overlay;

/// Clones are the same file: one for redb, one to commit what it did.
#[derive(Debug, Clone)]
pub(super) struct StagedFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    overlay: Overlay,
    /// Set (Release) once everything held is in the file; operations (Acquire) then go there.
    committed: AtomicBool,
}

impl StagedFile {
    pub fn new(file: File) -> Result<Self, DatabaseError> {
        Ok(Self(Arc::new(Inner { overlay: Overlay::new(file)?, committed: AtomicBool::new(false) })))
    }

    /// Writes what was held. Nobody else may use the file meanwhile.
    pub fn commit(&self) -> io::Result<()> {
        self.0.overlay.write_back()?;
        self.0.committed.store(true, Ordering::Release);
        Ok(())
    }

    fn now(&self) -> &dyn StorageBackend {
        if self.0.committed.load(Ordering::Acquire) { self.file() } else { &self.0.overlay }
    }

    fn file(&self) -> &FileBackend {
        self.0.overlay.file()
    }
}

impl StorageBackend for StagedFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.now().len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.now().read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.now().set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.now().sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.now().write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file().close()
    }

    // The overlay's locks are those of a reader; a process that will write needs the writer's.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file().try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file().try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file().lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file().lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file().unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file().query_lock_range(start, end)
    }
}
