//! The backends by which a flush reaches the kernel: one write each, or one submission for all.

use rustix::net::{SendFlags, send};

use super::socket::Outgoing;

/// Hands the bytes of a flush to the kernel.
pub trait WriteBackend {
    /// Sets for each entry how many bytes the kernel took. Never waits for a socket.
    fn send(&mut self, batch: &mut [Outgoing]);
}

/// Number of readers of one flush, and at 32 KiB each at most the bytes that it holds.
pub const BATCH_MAX: usize = 256;

/// One `send` each. (A process of Rust's ignores the signal that comes when the peer is gone.)
pub struct Write;

impl WriteBackend for Write {
    fn send(&mut self, batch: &mut [Outgoing]) {
        for outgoing in batch {
            outgoing.taken =
                send(&outgoing.reader.socket, &outgoing.bytes, SendFlags::DONTWAIT).map_err(Into::into);
        }
    }
}
