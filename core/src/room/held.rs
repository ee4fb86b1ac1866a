//! Bytes that rooms hold in memory, counted as they come and go.
//!
//! Bounds on memory look at these numbers. They hold what is there (events, and frames once they are
//! encoded), not an estimate made of the events alone.

use std::sync::Arc;
// Numbers to look at: nobody is ordered by them, and loom need not switch threads at them.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bytes held in one place, which are also part of a sum over all places.
#[derive(Default)]
pub(crate) struct Held {
    own: AtomicUsize,
    all: Arc<AtomicUsize>,
}

impl Held {
    pub fn new(all: &Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { own: AtomicUsize::new(0), all: all.clone() })
    }

    pub fn bytes(&self) -> usize {
        self.own.load(Relaxed)
    }
}

/// Bytes that are counted until this is dropped.
pub(crate) struct Counted {
    held: Arc<Held>,
    bytes: AtomicUsize,
}

impl Counted {
    pub fn new(held: &Arc<Held>, bytes: usize) -> Self {
        let counted = Self { held: held.clone(), bytes: AtomicUsize::new(0) };
        counted.grow(bytes);
        counted
    }

    pub fn grow(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.held.own.fetch_add(bytes, Relaxed);
        self.held.all.fetch_add(bytes, Relaxed);
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.held.own.fetch_sub(bytes, Relaxed);
        self.held.all.fetch_sub(bytes, Relaxed);
    }
}
