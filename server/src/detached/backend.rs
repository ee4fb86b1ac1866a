//! The backends by which bytes reach the kernel: one write each, or one submission for many.

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::rc::Rc;

use bytes::Bytes;
use rustix::net::{SendFlags, send};

use super::member::Member;
use super::socket::Outgoing;

/// Hands bytes to the kernel.
pub trait WriteBackend {
    /// Sets for each entry of a flush how many bytes the kernel took. Never waits for a socket.
    fn send(&mut self, batch: &mut [Outgoing]);

    /// Hands the same bytes to each of these readers, at most [`BATCH_MAX`]. Never waits for a socket. A reader that
    /// takes all of them costs no more than the system call; of any other, `others` gets the index and what it took.
    fn send_to_all(
        &mut self,
        readers: &[Target],
        bytes: &Bytes,
        others: &mut Vec<(usize, io::Result<usize>)>,
    );
}

/// Readers of one flush, at most. It bounds the bytes that a flush holds too: 32 KiB for each.
pub const BATCH_MAX: usize = 256;

/// A reader that gets the same bytes as others.
pub struct Target {
    pub member: Rc<Member>,
    /// Its descriptor, open for as long as the reader is here.
    descriptor: RawFd,
}

impl Target {
    pub fn new(member: Rc<Member>) -> Self {
        let descriptor = member.reader.socket.as_raw_fd();
        Self { member, descriptor }
    }

    /// Returns the descriptor of its socket.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }
}

/// One `send` each. (Rust's runtime ignores SIGPIPE, the signal that a `send` raises when the reader is gone.)
pub struct Write;

impl WriteBackend for Write {
    fn send(&mut self, batch: &mut [Outgoing]) {
        for outgoing in batch {
            outgoing.taken =
                send(&outgoing.reader.socket, &outgoing.bytes, SendFlags::DONTWAIT).map_err(Into::into);
        }
    }

    fn send_to_all(
        &mut self,
        readers: &[Target],
        bytes: &Bytes,
        others: &mut Vec<(usize, io::Result<usize>)>,
    ) {
        for (index, target) in readers.iter().enumerate() {
            match send(&target.member.reader.socket, bytes, SendFlags::DONTWAIT) {
                Ok(taken) if taken == bytes.len() => {}
                taken => others.push((index, taken.map_err(Into::into))),
            }
        }
    }
}
