//! A flush as one submission to `io_uring`: one system call for all of its readers.
//!
//! The one file of the server with `unsafe` in it. A submission names memory that the kernel reads and a
//! descriptor that it writes to, and the compiler cannot see for how long. It holds here because
//! [`Uring::submit`] does not return before the kernel has answered for every entry: until then its callers
//! borrow what holds the bytes and the sockets. Each send says `MSG_DONTWAIT`, so the kernel answers
//! during the call and keeps none for later. Should the kernel fail to answer, bytes and sockets are never
//! freed, and the thread writes from then on.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, RawFd};
use std::rc::Rc;

use bytes::Bytes;
use io_uring::{IoUring, opcode, types};
use rustix::net::SendFlags;
use socket2::SockRef;

use super::backend::{BATCH_MAX, Target, Write, WriteBackend};
use super::socket::{Outgoing, ReaderSocket};

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

    /// Fails where the kernel allows a ring and not its use, as in some containers.
    pub fn probe() -> io::Result<()> {
        let mut uring = Self::new()?;
        // SAFETY: it names no memory and no descriptor.
        unsafe { uring.ring.submission().push(&opcode::Nop::new().build()) }.map_err(io::Error::other)?;
        uring.ring.submit_and_wait(1).map(drop)
    }

    /// Submits a send to each of these sockets, and gives each answer to `answer`; all come during the call.
    ///
    /// # Safety
    ///
    /// The bytes stay where they are, and the sockets open, until this returns; if it fails, for ever.
    unsafe fn submit<'a>(
        &mut self,
        sends: impl ExactSizeIterator<Item = (RawFd, &'a [u8])>,
        mut answer: impl FnMut(usize, io::Result<usize>),
    ) -> io::Result<()> {
        let flags = (SendFlags::DONTWAIT | SendFlags::NOSIGNAL).bits().cast_signed();
        let mut waited_for = sends.len();
        let mut submission = self.ring.submission();
        for (nth, (socket, bytes)) in sends.enumerate() {
            let send = opcode::Send::new(types::Fd(socket), bytes.as_ptr(), bytes.len() as u32);
            let send = send.flags(flags).build().user_data(nth as u64);
            // SAFETY: the caller keeps both.
            if unsafe { submission.push(&send) }.is_err() {
                return Err(io::Error::other("the ring is smaller than a batch"));
            }
        }
        drop(submission);
        while waited_for > 0 {
            match self.ring.submit_and_wait(waited_for) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            for completion in self.ring.completion() {
                let result = completion.result();
                let taken = usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result));
                answer(completion.user_data() as usize, taken);
                waited_for -= 1;
            }
        }
        Ok(())
    }

    /// The kernel did not answer for all: it may still read the bytes and write to the sockets, so both are kept
    /// for ever. Which bytes arrived is not known: the reader gets the end of its stream, and comes back with its
    /// place.
    fn give_up<'a>(
        &mut self,
        error: &io::Error,
        sends: impl Iterator<Item = (&'a Rc<ReaderSocket>, &'a Bytes)>,
    ) {
        self.broken = true;
        for (reader, bytes) in sends {
            mem::forget(bytes.clone());
            mem::forget(Rc::clone(reader));
            let _ = SockRef::from(&reader.socket).shutdown(Shutdown::Both);
        }
        tracing::error!(%error, "io_uring failed: this thread writes from now on, and its readers come back");
    }
}

impl WriteBackend for Uring {
    fn send(&mut self, batch: &mut [Outgoing]) {
        if self.broken || batch.len() < SUBMISSION_MIN {
            return Write.send(batch);
        }
        let mut taken: Vec<io::Result<usize>> = batch.iter().map(|_| Ok(0)).collect();
        let sends = batch.iter().map(|outgoing| (outgoing.reader.socket.as_raw_fd(), &*outgoing.bytes));
        // SAFETY: the bytes and the sockets are the batch's, which is borrowed; on failure they are leaked.
        let submitted = unsafe { self.submit(sends, |nth, answer| taken[nth] = answer) };
        if let Err(error) = submitted {
            self.give_up(&error, batch.iter().map(|outgoing| (&outgoing.reader, &outgoing.bytes)));
            taken.fill_with(|| Err(io::ErrorKind::BrokenPipe.into()));
        }
        for (outgoing, taken) in batch.iter_mut().zip(taken) {
            outgoing.taken = taken;
        }
    }

    fn send_to_all(
        &mut self,
        readers: &[Target],
        bytes: &Bytes,
        others: &mut Vec<(usize, io::Result<usize>)>,
    ) {
        if self.broken || readers.len() < SUBMISSION_MIN {
            return Write.send_to_all(readers, bytes, others);
        }
        let sends = readers.iter().map(|target| (target.descriptor(), &**bytes));
        // SAFETY: the bytes and the readers, who hold their sockets, are borrowed; on failure they are leaked.
        let submitted = unsafe {
            self.submit(sends, |nth, taken| {
                if !matches!(taken, Ok(taken) if taken == bytes.len()) {
                    others.push((nth, taken));
                }
            })
        };
        if let Err(error) = submitted {
            self.give_up(&error, readers.iter().map(|target| (&target.member.reader, bytes)));
            others.clear();
            others.extend((0..readers.len()).map(|nth| (nth, Err(io::ErrorKind::BrokenPipe.into()))));
        }
    }
}
