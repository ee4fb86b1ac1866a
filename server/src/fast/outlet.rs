//! What the readers of one thread have to say, gathered and handed to the kernel in one pass.
//!
//! News wakes a thread's readers one after the other; each queues its bytes here and sleeps. The outlet's task was
//! woken by the first of them, and so runs after those that were woken with it: one pass writes for all of them. A
//! pass is also made whenever [`BATCH_MAX`] readers have queued. Everything here stays on its thread.
//!
//! A line is queued at most once at a time, so what a reader gets stays in order. The batch holds the line, and with
//! it the socket: a descriptor that is in a batch is not closed, and not taken by another connection, until the pass
//! is over, even if its reader's task has ended.

use super::sender::Sender;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Readers of one pass, and at 32 KiB each at most the bytes that it holds.
pub const BATCH_MAX: usize = 256;

/// What became of what a reader handed over last.
#[derive(Debug, Default)]
pub enum State {
    /// It was taken whole, or there was nothing.
    #[default]
    Idle,
    /// The next pass has it.
    Queued,
    /// The kernel took only a part; this is the rest.
    Left(Bytes),
    /// The socket is of no more use.
    Broken(io::Error),
}

/// A reader's socket, shared by its task and the pass.
pub struct Line {
    pub socket: TcpStream,
    state: Cell<State>,
    /// Its task, to be woken when not all was taken.
    task: RefCell<Option<Waker>>,
    /// Wake it in any case.
    wake: Cell<bool>,
}

impl Line {
    pub fn new(socket: TcpStream) -> Rc<Self> {
        Rc::new(Self { socket, state: Cell::default(), task: RefCell::default(), wake: Cell::default() })
    }

    /// What became of it. What is left over is given once.
    pub fn state(&self) -> State {
        if self.is_queued() { State::Queued } else { self.state.take() }
    }

    pub fn is_queued(&self) -> bool {
        let state = self.state.take();
        let queued = matches!(state, State::Queued);
        self.state.set(state);
        queued
    }

    /// The task is woken if the next pass leaves something over.
    pub fn wake_on_trouble(&self, task: &Waker) {
        let mut known = self.task.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
    }

    /// The task is woken after the next pass, whatever comes of it.
    pub fn wake_after(&self, task: &Waker) {
        self.wake_on_trouble(task);
        self.wake.set(true);
    }
}

/// Bytes for a reader, and what came of them.
pub struct Outgoing {
    pub line: Rc<Line>,
    pub bytes: Bytes,
    /// How many of them the kernel took; set by the sender.
    pub taken: io::Result<usize>,
}

impl Outgoing {
    fn settle(self) {
        let Self { line, bytes, taken } = self;
        let state = match taken {
            Ok(taken) if taken >= bytes.len() => State::Idle,
            Ok(taken) => State::Left(bytes.slice(taken..)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => State::Left(bytes),
            Err(error) => State::Broken(error),
        };
        let trouble = !matches!(state, State::Idle);
        line.state.set(state);
        if (line.wake.take() || trouble)
            && let Some(task) = &*line.task.borrow()
        {
            task.wake_by_ref();
        }
    }
}

/// The outlet of one thread.
pub struct Outlet {
    sender: RefCell<Box<dyn Sender>>,
    batch: RefCell<Vec<Outgoing>>,
    /// The task of [`Outlet::run`].
    task: RefCell<Option<Waker>>,
}

impl Outlet {
    pub fn new(sender: Box<dyn Sender>) -> Self {
        let batch = RefCell::new(Vec::with_capacity(BATCH_MAX));
        Self { sender: RefCell::new(sender), batch, task: RefCell::default() }
    }

    /// Queues bytes for a reader that has none queued.
    pub fn push(&self, line: &Rc<Line>, bytes: Bytes) {
        line.state.set(State::Queued);
        let queued = {
            let mut batch = self.batch.borrow_mut();
            batch.push(Outgoing { line: Rc::clone(line), bytes, taken: Ok(0) });
            batch.len()
        };
        if queued >= BATCH_MAX {
            self.flush();
        } else if queued == 1
            && let Some(task) = &*self.task.borrow()
        {
            task.wake_by_ref();
        }
    }

    /// Makes the passes, for as long as it is polled.
    pub async fn run(&self) {
        poll_fn::<(), _>(|cx| {
            *self.task.borrow_mut() = Some(cx.waker().clone());
            self.flush();
            Poll::Pending
        })
        .await;
    }

    fn flush(&self) {
        let mut batch = self.batch.take();
        if !batch.is_empty() {
            self.sender.borrow_mut().send(&mut batch);
            batch.drain(..).for_each(Outgoing::settle);
        }
        // Nothing was queued meanwhile: whoever was woken runs later.
        self.batch.replace(batch);
    }
}

/// A line as a socket to read from and to write to.
pub struct Shared(pub Rc<Line>);

impl AsyncRead for Shared {
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

impl AsyncWrite for Shared {
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
