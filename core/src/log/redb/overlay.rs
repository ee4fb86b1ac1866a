//! A log file that is read as it is: what redb writes to it stays in memory.
//!
//! A file that was not closed must be repaired before it can be read, and a repair writes. Here it writes to
//! blocks beside the file, so that looking at a log never changes it, needs no copy of it and no right to
//! write. The file is locked against a process that would write to it. Nothing is committed through it, so
//! what is held in memory is what a repair writes. [`super::trial`] writes that back when the log is to be
//! used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;

use ::redb::backends::FileBackend;
use ::redb::{BackendError, DatabaseError, StorageBackend};
use parking_lot::RwLock;

const BLOCK_BYTES: u64 = 4 * 1024;

#[derive(Debug)]
pub(super) struct Overlay {
    file: FileBackend,
    written: RwLock<Written>,
}

#[derive(Debug)]
struct Written {
    len: u64,
    /// The length of the file that counts; beyond it there are zeros.
    file_bytes: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub fn new(file: File) -> Result<Self, DatabaseError> {
        let file = FileBackend::new(file)?;
        let file_bytes = file.len()?;
        let written = Written { len: file_bytes, file_bytes, blocks: BTreeMap::new() };
        Ok(Self { file, written: RwLock::new(written) })
    }

    pub fn file(&self) -> &FileBackend {
        &self.file
    }

    /// Writes to the file what is held beside it, durably: the first block, which holds the header, last.
    pub fn write_back(&self) -> Result<(), io::Error> {
        let written = self.written.read();
        if self.file.len()? > written.file_bytes {
            self.file.set_len(written.file_bytes)?;
        }
        if self.file.len()? < written.len {
            self.file.set_len(written.len)?;
        }
        for (&number, block) in written.blocks.iter().rev() {
            if number == 0 {
                self.file.sync_data()?;
            }
            let start = number * BLOCK_BYTES;
            let bytes = written.len.saturating_sub(start).min(BLOCK_BYTES) as usize;
            self.file.write(start, &block[..bytes])?;
        }
        self.file.sync_data()
    }

    /// Reads the file itself at an offset; beyond its length that counts there are zeros.
    fn read_file(&self, file_bytes: u64, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let there = file_bytes.saturating_sub(offset).min(out.len() as u64) as usize;
        let (file, beyond) = out.split_at_mut(there);
        beyond.fill(0);
        if file.is_empty() { Ok(()) } else { self.file.read(offset, file) }
    }
}

/// The pieces of a range by block: the block's number, where in the block, where in the range.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let at_byte = offset + at as u64;
        let within = (at_byte % BLOCK_BYTES) as usize;
        let take = (BLOCK_BYTES as usize - within).min(len - at);
        let range = at..at + take;
        at += take;
        (take > 0).then_some((at_byte / BLOCK_BYTES, within, range))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.written.read().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let written = self.written.read();
        if offset + out.len() as u64 > written.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(written.file_bytes, offset, out)?;
        if written.blocks.is_empty() {
            return Ok(());
        }
        for (block, within, range) in pieces(offset, out.len()) {
            if let Some(block) = written.blocks.get(&block) {
                let len = range.len();
                out[range].copy_from_slice(&block[within..within + len]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut written = self.written.write();
        if len < written.len {
            // What is cut off must be zeros when the file grows again.
            written.file_bytes = written.file_bytes.min(len);
            written.blocks.split_off(&len.div_ceil(BLOCK_BYTES));
            if let Some(block) = written.blocks.get_mut(&(len / BLOCK_BYTES)) {
                block[(len % BLOCK_BYTES) as usize..].fill(0);
            }
        }
        written.len = len;
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut written = self.written.write();
        let file_bytes = written.file_bytes;
        for (number, within, range) in pieces(offset, data.len()) {
            let block = match written.blocks.entry(number) {
                std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
                std::collections::btree_map::Entry::Vacant(free) => {
                    let mut block = vec![0; BLOCK_BYTES as usize];
                    self.read_file(file_bytes, number * BLOCK_BYTES, &mut block)?;
                    free.insert(block)
                }
            };
            block[within..within + range.len()].copy_from_slice(&data[range]);
        }
        Ok(())
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }

    // Nothing is written, so a shared lock is enough, and it is all that a file opened for reading can have.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
