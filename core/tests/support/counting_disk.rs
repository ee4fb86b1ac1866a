//! A disk in memory that counts the bytes that are read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millchat::testing::StorageBackend;
use parking_lot::RwLock;

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CountingDisk {
    bytes: Arc<RwLock<Vec<u8>>>,
    read: Arc<AtomicU64>,
}

impl CountingDisk {
    /// Returns the bytes read since the last call.
    pub fn bytes_read(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }
}

impl StorageBackend for CountingDisk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.bytes.read().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.read.fetch_add(out.len() as u64, Ordering::Relaxed);
        out.copy_from_slice(&self.bytes.read()[offset as usize..][..out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.bytes.write().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.bytes.write()[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
}
