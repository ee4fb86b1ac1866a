//! A flush as one submission to `io_uring`: one system call for all of its readers.
//!
//! The one file of the server with `unsafe` in it. A submission names memory that the kernel reads and a
//! descriptor that it writes to, and the compiler cannot see for how long. It holds here because
//! [`Uring::send`] does not return before the kernel has answered for every entry: until then the batch,
//! which it borrows, holds the bytes and the sockets. Each send says `MSG_DONTWAIT`, so the kernel answers
//! during the call and keeps none for later. Should the kernel fail to answer, bytes and sockets are never
//! freed, and the thread writes from then on.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;

use io_uring::{IoUring, opcode, types};
use rustix::net::SendFlags;
use socket2::SockRef;

use super::backend::{BATCH_MAX, Write, WriteBackend};
use super::socket::Outgoing;

/// Fewer than this are written one by one: a submission costs more than it saves.
const SUBMISSION_MIN: usize = 32;

/// A ring of the thread that made it.
pub struct Uring {
    ring: IoUring,
    /// The kernel did not answer for everything once.
    broken: bool,
}

impl Uring {
    /// Fails where the kernel knows no `io_uring`, or does not allow it.
    pub fn new() -> io::Result<Self> {
        let entries = BATCH_MAX as u32;
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(entries)?;
        Ok(Self { ring, broken: false })
    }

    /// Fails where the kernel allows a ring and not its use: some places do.
    pub fn probe() -> io::Result<()> {
        let mut uring = Self::new()?;
        // SAFETY: it names no memory and no descriptor.
        unsafe { uring.ring.submission().push(&opcode::Nop::new().build()) }.map_err(io::Error::other)?;
        uring.ring.submit_and_wait(1).map(drop)
    }

    /// Submits all and waits for all answers, which come during the call.
    fn submit(&mut self, batch: &mut [Outgoing]) -> io::Result<()> {
        let flags = (SendFlags::DONTWAIT | SendFlags::NOSIGNAL).bits();
        let mut submission = self.ring.submission();
        for (nth, outgoing) in batch.iter().enumerate() {
            let bytes = &outgoing.bytes;
            let socket = types::Fd(outgoing.reader.socket.as_raw_fd());
            let send = opcode::Send::new(socket, bytes.as_ptr(), bytes.len() as u32);
            let send = send.flags(flags.cast_signed()).build().user_data(nth as u64);
            // SAFETY: the bytes and the socket are the batch's, which is borrowed until every entry is
            // answered for; when that fails the caller leaks them.
            if unsafe { submission.push(&send) }.is_err() {
                return Err(io::Error::other("the ring is smaller than a batch"));
            }
        }
        drop(submission);
        let mut waited_for = batch.len();
        while waited_for > 0 {
            match self.ring.submit_and_wait(waited_for) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            for answer in self.ring.completion() {
                let result = answer.result();
                batch[answer.user_data() as usize].taken = match usize::try_from(result) {
                    Ok(taken) => Ok(taken),
                    Err(_) => Err(io::Error::from_raw_os_error(-result)),
                };
                waited_for -= 1;
            }
        }
        Ok(())
    }
}

impl WriteBackend for Uring {
    fn send(&mut self, batch: &mut [Outgoing]) {
        if self.broken || batch.len() < SUBMISSION_MIN {
            return Write.send(batch);
        }
        if let Err(error) = self.submit(batch) {
            self.broken = true;
            for outgoing in batch {
                // The kernel may still read the one and write to the other.
                mem::forget(outgoing.bytes.clone());
                mem::forget(Rc::clone(&outgoing.reader));
                // Which bytes arrived is not known: the reader gets the end of its stream, and comes back
                // with its place.
                let _ = SockRef::from(&outgoing.reader.socket).shutdown(Shutdown::Both);
                outgoing.taken = Err(io::ErrorKind::BrokenPipe.into());
            }
            tracing::error!(
                %error,
                "io_uring failed: this thread writes from now on, and its readers come back"
            );
        }
    }
}
