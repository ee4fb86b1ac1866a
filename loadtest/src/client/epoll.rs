//! One epoll for many sockets, itself watched by the runtime.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{Timespec, epoll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Sockets that are served before the other tasks of the thread get a turn.
pub const READY_MAX: usize = 256;
/// Events that are ready are fetched from the kernel without waiting.
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The other side has closed, or the socket has failed.
const HUNG_UP: epoll::EventFlags =
    epoll::EventFlags::RDHUP.union(epoll::EventFlags::HUP).union(epoll::EventFlags::ERR);

/// A reader whose socket is ready.
#[derive(Clone, Copy)]
pub struct Ready {
    /// The index of the reader.
    pub index: usize,
    /// Set when the connection has ended behind the bytes; no other event will report it.
    pub hung_up: bool,
}

impl Ready {
    fn from_event(event: &epoll::Event) -> Option<Self> {
        let (data, flags) = (event.data, event.flags);
        Some(Self { index: usize::try_from(data.u64()).ok()?, hung_up: flags.intersects(HUNG_UP) })
    }
}

/// Creates an epoll that the runtime watches.
#[expect(deprecated, reason = "its successor is unsafe and asks for what an OwnedFd, never exchanged, is")]
pub fn create() -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(epoll::create(epoll::CreateFlags::CLOEXEC)?, Interest::READABLE)
}

/// Adds a socket, edge-triggered. It is removed when it is closed.
pub fn add(epoll: &AsyncFd<OwnedFd>, socket: impl AsFd, index: usize) -> io::Result<()> {
    let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | HUNG_UP | epoll::EventFlags::ET;
    Ok(epoll::add(epoll.get_ref(), socket, epoll::EventData::new_u64(index as u64), flags)?)
}

/// Waits until sockets are ready, and appends them to `ready`.
pub async fn next(epoll: &AsyncFd<OwnedFd>, ready: &mut Vec<Ready>) -> io::Result<()> {
    loop {
        let mut guard = epoll.readable().await?;
        let fetched = guard.try_io(|epoll| {
            let mut events = [const { MaybeUninit::uninit() }; READY_MAX];
            let (events, _) = epoll::wait(epoll, &mut events, Some(&NO_WAIT))?;
            ready.extend(events.iter().filter_map(Ready::from_event));
            if ready.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if let Ok(result) = fetched {
            return result;
        }
    }
}
