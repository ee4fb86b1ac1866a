//! A disk that forgets: what was written after the last sync is gone, or is there in part, in any order.

use std::io;
use std::sync::Arc;

use millchat::testing::StorageBackend;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Writes tear at the boundaries of these.
const SECTOR_BYTES: usize = 512;

/// Called at each sync with two disks as a power loss during it could leave them.
pub type AtSync = Box<dyn FnMut(Vec<u8>, Vec<u8>) + Send>;

/// A disk that keeps what was synced apart from what was written.
struct Disk {
    written: Vec<u8>,
    synced: Vec<u8>,
    /// The writes since the last sync.
    since: Vec<(usize, Vec<u8>)>,
    syncs: usize,
    /// True if a sync makes its writes durable. A disk for which it does not must be found out.
    honest: bool,
    /// True while the disk is watched: not before the log exists (a new one is made under another name).
    watched: bool,
    at_sync: AtSync,
    random: StdRng,
}

impl Disk {
    fn new(image: Vec<u8>, at_sync: AtSync) -> Self {
        let random = StdRng::seed_from_u64(7);
        Self {
            written: image.clone(),
            synced: image,
            since: Vec::new(),
            syncs: 0,
            honest: true,
            watched: false,
            at_sync,
            random,
        }
    }

    /// The synced disk with a random part of what was written since, in sectors.
    fn torn(&mut self) -> Vec<u8> {
        let mut image = self.synced.clone();
        image.resize(self.written.len(), 0);
        for (offset, data) in &self.since {
            for (n, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                let at = offset + n * SECTOR_BYTES;
                if self.random.random_bool(0.5) && at + sector.len() <= image.len() {
                    image[at..at + sector.len()].copy_from_slice(sector);
                }
            }
        }
        image
    }
}

#[derive(Clone)]
pub struct Backend(Arc<Mutex<Disk>>);

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a disk that may lose power")
    }
}

impl Backend {
    /// A disk that calls `at_sync` at each sync, once it is watched.
    pub fn new(image: Vec<u8>, at_sync: AtSync) -> Self {
        Self(Arc::new(Mutex::new(Disk::new(image, at_sync))))
    }

    /// A disk that nobody looks at.
    pub fn of(image: Vec<u8>) -> Self {
        Self::new(image, Box::new(|_, _| {}))
    }

    /// Looks at the disk from here on. `honest`: a sync makes what was written durable.
    pub fn watch(&self, honest: bool) {
        let mut disk = self.0.lock();
        (disk.watched, disk.honest) = (true, honest);
    }

    /// Syncs since it is watched.
    pub fn syncs(&self) -> usize {
        self.0.lock().syncs
    }

    /// Returns all that was written.
    pub fn written(&self) -> Vec<u8> {
        self.0.lock().written.clone()
    }

    /// Returns what is durable for certain.
    pub fn synced(&self) -> Vec<u8> {
        self.0.lock().synced.clone()
    }

    /// Returns what is durable for certain, and some of what was written since.
    pub fn torn(&self) -> Vec<u8> {
        self.0.lock().torn()
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let disk = self.0.lock();
        let from = offset as usize;
        let bytes = disk.written.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.lock().written.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut disk = self.0.lock();
        if disk.watched {
            disk.syncs += 1;
        }
        // A disk that lies is looked at once, at the end: what it holds in between is no power loss.
        if disk.watched && disk.honest {
            let (forgotten, torn) = (disk.synced.clone(), disk.torn());
            (disk.at_sync)(forgotten, torn);
        }
        if disk.honest {
            disk.since.clear();
            let Disk { synced, written, .. } = &mut *disk;
            synced.clone_from(written);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut disk = self.0.lock();
        let from = offset as usize;
        disk.written[from..from + data.len()].copy_from_slice(data);
        disk.since.push((from, data.to_vec()));
        Ok(())
    }
}
