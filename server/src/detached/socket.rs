//! A reader's socket, the outcome of the bytes that were handed to the kernel for it, and the task that is
//! woken then.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::peer_socket::PeerSocket;
use crate::tls::Sealer;

/// The outcome of the bytes that were handed over last for a reader.
#[derive(Debug, Default)]
pub enum Outcome {
    /// The bytes were taken whole, or there were none.
    #[default]
    Idle,
    /// The next flush has them.
    Queued,
    /// The kernel took only a part; this is the rest.
    Partial(Bytes),
    /// The socket is of no more use.
    Broken(io::Error),
}

/// A reader's socket, shared by its task and the flush.
pub struct ReaderSocket {
    pub socket: TcpStream,
    outcome: Cell<Outcome>,
    /// Its task. It is woken when not all was taken, and when a list lets it go.
    task: RefCell<Option<Waker>>,
    /// True if the next flush is to wake the task whatever its outcome.
    wake: Cell<bool>,
    /// Makes records of the bytes of a reader by TLS. Borrowed for a call of it only.
    pub sealer: RefCell<Option<Sealer>>,
}

impl ReaderSocket {
    /// A reader; `sealer` is there if it reads by TLS.
    pub fn new(socket: TcpStream, sealer: Option<Sealer>) -> Rc<Self> {
        Rc::new(Self {
            socket,
            sealer: RefCell::new(sealer),
            outcome: Cell::default(),
            task: RefCell::default(),
            wake: Cell::default(),
        })
    }

    /// Returns true if it reads by TLS.
    pub fn is_sealed(&self) -> bool {
        self.sealer.borrow().is_some()
    }

    /// Returns the bytes as they go to the kernel: by TLS, as records.
    pub fn seal(&self, bytes: &Bytes) -> io::Result<Bytes> {
        match &mut *self.sealer.borrow_mut() {
            None => Ok(bytes.clone()),
            Some(sealer) => sealer.seal(bytes),
        }
    }

    /// Returns the outcome. A rest is given once.
    pub fn outcome(&self) -> Outcome {
        if self.is_queued() { Outcome::Queued } else { self.outcome.take() }
    }

    pub fn is_queued(&self) -> bool {
        let outcome = self.outcome.take();
        let queued = matches!(outcome, Outcome::Queued);
        self.outcome.set(outcome);
        queued
    }

    /// Returns true if nothing is left over of the bytes that were handed over last, and the socket is of use.
    pub fn is_idle(&self) -> bool {
        let outcome = self.outcome.take();
        let is_idle = matches!(outcome, Outcome::Idle);
        self.outcome.set(outcome);
        is_idle
    }

    /// Notes that the next flush has bytes of this reader.
    pub fn queue(&self) {
        self.outcome.set(Outcome::Queued);
    }

    /// Has the task woken if the next flush leaves bytes over, and when a list lets the reader go.
    pub fn wake_on_trouble(&self, task: &Waker) {
        let mut known = self.task.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
    }

    /// Wakes the task.
    pub fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Notes what became of bytes that were handed over; returns true if all were taken.
    pub fn settle(&self, bytes: Bytes, taken: io::Result<usize>) -> bool {
        let outcome = match taken {
            Ok(taken) if taken >= bytes.len() => Outcome::Idle,
            Ok(taken) => Outcome::Partial(bytes.slice(taken..)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Outcome::Partial(bytes),
            Err(error) => Outcome::Broken(error),
        };
        let is_taken = matches!(outcome, Outcome::Idle);
        self.outcome.set(outcome);
        is_taken
    }

    /// Has the task woken after the next flush, whatever its outcome.
    pub fn wake_after(&self, task: &Waker) {
        self.wake_on_trouble(task);
        self.wake.set(true);
    }
}

/// Bytes for a reader, and their outcome.
pub struct Outgoing {
    pub reader: Rc<ReaderSocket>,
    pub bytes: Bytes,
    /// Number of them that the kernel took; set by the backend.
    pub taken: io::Result<usize>,
}

impl Outgoing {
    /// Tells the reader's task what became of its bytes, if that is to be told.
    pub fn settle(self) {
        let Self { reader, bytes, taken } = self;
        let is_taken = reader.settle(bytes, taken);
        if reader.wake.take() || !is_taken {
            reader.wake();
        }
    }
}

/// A reader's socket, to read from and to write to.
pub struct SharedSocket(pub Rc<ReaderSocket>);

impl PeerSocket for SharedSocket {
    fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        PeerSocket::poll_peek(&self.0.socket, cx)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.socket.take_error()
    }
}

impl AsyncRead for SharedSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            std::task::ready!(self.0.socket.poll_read_ready(cx))?;
            match self.0.socket.try_read(buf.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|bytes| buf.advance(bytes))),
            }
        }
    }
}

impl AsyncWrite for SharedSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.0.socket.poll_write_ready(cx))?;
            match self.0.socket.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&self.0.socket).shutdown(std::net::Shutdown::Write))
    }
}
