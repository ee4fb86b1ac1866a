//! The locks, atomics, threads and channels of what threads share here: the ring, waking, the table of rooms,
//! the hand-over to the writer.
//!
//! They come from `parking_lot`, `std`, `dashmap` and `crossbeam`. Built with `cfg(loom)`, as `verify/loom`
//! is, they come from loom, and the models there run the very code of this crate under every order of its
//! steps.

#[cfg(loom)]
#[path = "../../verify/loom/src/sync.rs"]
mod explored;

#[cfg(loom)]
pub(crate) use explored::{Mutex, RwLock, Table, atomic, channel, thread};

#[cfg(not(loom))]
pub(crate) use {
    crossbeam::channel,
    dashmap::DashMap as Table,
    parking_lot::{Mutex, RwLock},
    std::{sync::atomic, thread},
};
