//! A socket that gives up on a peer that takes nothing.
//!
//! A reader that stops reading fills the kernel's buffer, then hyper's; from then on every write is pending.
//! If that lasts [`WRITE_TIMEOUT`] without one byte of progress, the write fails, the connection ends and all
//! it held is freed; the reader resumes by its place. A timer exists only while a write is pending. Those who
//! wait, and those who were given up, are counted.
//!
//! A peer that takes a byte now and then makes progress. A stream may be read so, since what it holds is
//! bounded; an answer is in memory whole until it is taken, so it must be taken within [`ANSWER_GRACE`], or
//! from then on at [`ANSWER_BYTES_A_SECOND_MIN`] on the average. When its memory is needed for others before,
//! the write that waits fails too ([`crate::unsent`]).
//!
//! A peer that says that it sends no more has closed its socket, or only the half by which it sends. An
//! answer is written in either case. A stream is asked for some bytes: to these a closed socket answers by a
//! reset, and an open one by taking them ([`WriteTimeout::poll_gone`]).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::byte_budget::GivenUp;
use crate::peer_socket::PeerSocket;

/// Longest time that a write may make no progress.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time from the bytes for a reader that sends no more to the first look at whether it has refused them; then
/// doubled.
const GONE_CHECK_MIN: Duration = Duration::from_millis(50);
/// Longest time between two such looks.
const GONE_CHECK_MAX: Duration = Duration::from_secs(15);
/// Time that an answer may take at any pace.
const ANSWER_GRACE: Duration = Duration::from_mins(1);
/// Bytes that give it a second more.
const ANSWER_BYTES_A_SECOND_MIN: u32 = 8 * 1024;

/// The wrapped socket. It also remembers what its owner needs to end the connection well.
pub struct WriteTimeout<T> {
    socket: T,
    /// Some while a write is pending, made when it first was.
    waiting: Option<PendingWrite>,
    /// Some from the first write that was pending until all is written.
    behind: Option<Backlog>,
    state: Rc<WriteState>,
    /// Peers that a write waits for now.
    slow: Gauge,
    /// Peers that were given up, here or by the kernel.
    dropped: Counter,
    /// The peer has said that it sends no more.
    ended: bool,
    /// Some while a stream is written to a peer that has said so.
    half_closed: Option<Box<HalfClosed>>,
    /// A read or a write has failed: there is nobody to be polite to.
    broken: bool,
    /// The bytes are those of TLS, which looks at the peer itself.
    is_beneath_tls: bool,
}

/// Looks at a peer that has said that it sends no more.
struct HalfClosed {
    timer: Pin<Box<Sleep>>,
    wait: Duration,
}

/// State that the owner of a wrapped socket and the socket share while somebody else has it.
#[derive(Default)]
pub struct WriteState {
    /// The next bytes are of a stream, and not of an answer: set by the owner.
    pub streaming: Cell<bool>,
    /// Not all that was written before is with the kernel: the socket says so.
    pub behind: Cell<bool>,
    /// Says when the memory of the answer that is being written is needed for others: set by the owner.
    pub given_up: RefCell<Option<GivenUp>>,
    /// The stream is to send something now: the socket sets it, and the stream takes it.
    pub asked: Rc<Cell<bool>>,
}

impl WriteState {
    fn is_given_up(&self, cx: &mut Context<'_>) -> bool {
        self.given_up.borrow_mut().as_mut().is_some_and(|given_up| given_up.poll(cx))
    }
}

/// A write that waits, counted for as long as it does.
pub struct PendingWrite {
    timer: Pin<Box<Sleep>>,
    slow: Gauge,
}

impl PendingWrite {
    /// A write that may wait this long.
    pub fn new(slow: &Gauge, wait: Duration) -> Self {
        slow.inc();
        Self { timer: Box::pin(tokio::time::sleep(wait)), slow: slow.clone() }
    }

    /// Ready when it has waited as long.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}

impl Drop for PendingWrite {
    fn drop(&mut self) {
        self.slow.dec();
    }
}

/// A peer that has not taken all yet.
pub struct Backlog {
    since: Instant,
    /// Bytes that it has taken since.
    taken: u64,
    /// True if it began with an answer: a stream that is requested behind it changes nothing.
    answer: bool,
}

impl Backlog {
    /// Begins now; `answer`: it is no stream that has to be taken.
    pub fn new(answer: bool) -> Self {
        Self { since: Instant::now(), taken: 0, answer }
    }

    /// Notes bytes that the peer has taken.
    pub fn take(&mut self, bytes: u64) {
        self.taken += bytes;
    }

    /// Returns the time that the write may still wait.
    pub fn wait(&self) -> Duration {
        if !self.answer {
            return WRITE_TIMEOUT;
        }
        let earned = Duration::from_secs(self.taken / u64::from(ANSWER_BYTES_A_SECOND_MIN));
        WRITE_TIMEOUT.min((ANSWER_GRACE + earned).saturating_sub(self.since.elapsed()))
    }
}

impl<T> WriteTimeout<T> {
    /// Wraps a socket; counts in these.
    pub fn new(socket: T, slow: Gauge, dropped: Counter) -> Self {
        let (waiting, behind, half_closed) = (None, None, None);
        let state = Rc::default();
        let (ended, broken, is_beneath_tls) = (false, false, false);
        Self { socket, waiting, behind, state, slow, dropped, ended, half_closed, broken, is_beneath_tls }
    }

    /// The same, where TLS lies over it.
    pub fn beneath_tls(self) -> Self {
        Self { is_beneath_tls: true, ..self }
    }

    /// The same, around what is made of the socket.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> WriteTimeout<U> {
        let Self {
            socket,
            waiting,
            behind,
            state,
            slow,
            dropped,
            ended,
            half_closed,
            broken,
            is_beneath_tls,
        } = self;
        let socket = make(socket);
        WriteTimeout {
            socket,
            waiting,
            behind,
            state,
            slow,
            dropped,
            ended,
            half_closed,
            broken,
            is_beneath_tls,
        }
    }

    /// The socket.
    pub fn get_ref(&self) -> &T {
        &self.socket
    }

    /// Returns the state that is shared while somebody else has the socket.
    pub fn state(&self) -> Rc<WriteState> {
        Rc::clone(&self.state)
    }

    /// Returns true if an answer could still arrive, and unread bytes of the peer could keep it from
    /// arriving.
    pub fn can_linger(&self) -> bool {
        !self.ended && !self.broken
    }

    /// Returns true if the peer has said that it sends no more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Notes that the peer has said so, in words that only TLS reads.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Returns true if nothing can be read or written any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// A write past the wrapper, or one through it, has failed.
    pub fn fail(&mut self, error: &io::Error) {
        // Once it is broken it was counted.
        if is_given_up(error.kind()) && !self.broken {
            self.dropped.inc();
        }
        self.broken = true;
    }

    fn watch(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(result) => {
                self.waiting = None;
                match (result, &mut self.behind) {
                    (Ok(bytes), Some(behind)) => behind.take(*bytes as u64),
                    (Ok(_), None) => {}
                    (Err(error), _) => self.fail(error),
                }
                written
            }
            Poll::Pending => {
                let answer = !self.state.streaming.get();
                self.state.behind.set(true);
                let wait = self.behind.get_or_insert_with(|| Backlog::new(answer)).wait();
                let waiting = self.waiting.get_or_insert_with(|| PendingWrite::new(&self.slow, wait));
                if waiting.timer.as_mut().poll(cx).is_pending() && !self.state.is_given_up(cx) {
                    return Poll::Pending;
                }
                let error = io::Error::new(io::ErrorKind::TimedOut, "the peer takes too little");
                self.fail(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<T: PeerSocket> WriteTimeout<T> {
    /// Watches the reader of a stream while nothing is written. Ready when it is gone.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.broken {
            return Poll::Ready(());
        }
        if !self.ended {
            match self.socket.poll_peek(cx) {
                Poll::Ready(Ok(0)) => self.ended = true,
                // A reader that still sends is there, and what it sends is in the way of a look behind it.
                Poll::Ready(Ok(_)) | Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => {
                    self.fail(&error);
                    return Poll::Ready(());
                }
            }
        }
        let half_closed = self.half_closed.get_or_insert_with(|| {
            self.state.asked.set(true);
            cx.waker().wake_by_ref();
            let timer = Box::pin(tokio::time::sleep(GONE_CHECK_MIN));
            Box::new(HalfClosed { timer, wait: GONE_CHECK_MIN })
        });
        while half_closed.timer.as_mut().poll(cx).is_ready() {
            if let Some(error) = self.socket.take_error().unwrap_or_else(Some) {
                self.fail(&error);
                return Poll::Ready(());
            }
            half_closed.wait = (half_closed.wait * 2).min(GONE_CHECK_MAX);
            half_closed.timer.as_mut().reset(Instant::now() + half_closed.wait);
        }
        Poll::Pending
    }
}

/// Returns true for the errors by which the kernel gives up on a peer that acknowledges nothing: the last one
/// that the network has reported, or a time-out where it has reported none.
fn is_given_up(error: io::ErrorKind) -> bool {
    matches!(
        error,
        io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

impl<T: AsyncRead + Unpin> AsyncRead for WriteTimeout<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) => self.ended |= buf.filled().len() == before && buf.remaining() > 0,
            Poll::Ready(Err(error)) => self.fail(error),
            Poll::Pending => {}
        }
        read
    }
}

impl<T: AsyncWrite + PeerSocket + Unpin> AsyncWrite for WriteTimeout<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever writes flushes when it has nothing left to write.
        self.behind = None;
        self.state.behind.set(false);
        // Nobody else reads the socket of a stream that hyper serves.
        if self.state.streaming.get() && !self.is_beneath_tls && self.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    impl PeerSocket for DuplexStream {
        fn poll_peek(&self, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn take_error(&self) -> io::Result<Option<io::Error>> {
            Ok(None)
        }
    }

    #[tokio::test]
    async fn a_peer_that_the_kernel_gives_up_is_counted_once_and_one_that_hung_up_is_not() {
        use io::ErrorKind::{
            BrokenPipe, ConnectionReset, HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut,
        };
        for (kinds, expected) in [
            (&[TimedOut][..], 1),
            (&[HostUnreachable, TimedOut], 1),
            (&[NetworkUnreachable], 1),
            (&[NetworkDown], 1),
            (&[ConnectionReset, TimedOut], 0),
            (&[BrokenPipe], 0),
        ] {
            let dropped = Counter::default();
            let mut socket = WriteTimeout::new(tokio::io::duplex(1).0, Gauge::default(), dropped.clone());
            for kind in kinds {
                socket.fail(&(*kind).into());
            }
            assert_eq!(dropped.get(), expected, "{kinds:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let (slow, dropped) = (Gauge::default(), Counter::default());
        let mut socket = WriteTimeout::new(ours, slow.clone(), dropped.clone());
        socket.state().streaming.set(true);
        let started = Instant::now();
        let slow_reader = async {
            let mut byte = [0; 1];
            for _ in 0..4 {
                tokio::time::sleep(WRITE_TIMEOUT / 2).await;
                theirs.read_exact(&mut byte).await.unwrap();
            }
            tokio::time::sleep(WRITE_TIMEOUT * 10).await;
        };
        tokio::select! {
            written = socket.write_all(&[0; 1_000]) => {
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
                assert_eq!(started.elapsed().as_secs(), (WRITE_TIMEOUT * 3).as_secs());
                assert!(!socket.can_linger());
                assert_eq!((slow.get(), dropped.get()), (1, 1));
            }
            () = slow_reader => panic!("the writer was not freed"),
        }
        drop(socket);
        assert_eq!((slow.get(), dropped.get()), (0, 1));
    }

    #[tokio::test]
    async fn the_owner_is_told_while_not_all_is_with_the_kernel() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut socket = WriteTimeout::new(ours, Gauge::default(), Counter::default());
        let state = socket.state();
        socket.write_all(&[0; 64]).await.unwrap();
        assert!(!state.behind.get());
        let write = async {
            socket.write_all(&[0; 10]).await.unwrap();
            assert!(state.behind.get());
            socket.flush().await.unwrap();
            assert!(!state.behind.get());
        };
        let read = async {
            tokio::task::yield_now().await;
            assert!(state.behind.get());
            theirs.read_exact(&mut [0; 64]).await.unwrap();
        };
        tokio::join!(write, read);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_whose_memory_is_needed_for_others_ends_at_once() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut socket = WriteTimeout::new(ours, Gauge::default(), Counter::default());
        let budget = crate::byte_budget::tests::budget(1_000);
        let (_claim, given_up) = budget.claim([192, 0, 2, 1].into(), 1_000).unwrap();
        socket.state().given_up.replace(Some(given_up));
        let started = Instant::now();
        let write = async { (socket.write_all(&[0; 1_000]).await, started.elapsed()) };
        let other = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            budget.claim([192, 0, 2, 2].into(), 500)
        };
        let ((written, took), other) = tokio::join!(write, other);
        assert!(written.is_err() && other.is_ok());
        assert_eq!(took, Duration::from_secs(1));
    }

    /// Writes to a peer that takes a byte each 20 s for ten minutes; gives how long it lasted.
    async fn trickle(stream: bool) -> (io::Result<()>, Duration) {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut socket = WriteTimeout::new(ours, Gauge::default(), Counter::default());
        socket.state().streaming.set(stream);
        let started = Instant::now();
        let write = async {
            socket.write_all(&[0; 90]).await?;
            socket.flush().await
        };
        let read = async {
            let mut byte = [0; 1];
            loop {
                tokio::time::sleep(Duration::from_secs(20)).await;
                theirs.read_exact(&mut byte).await.unwrap();
            }
        };
        let written = tokio::select! { written = write => written, _ = read => panic!("it reads for ever") };
        (written, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_byte_by_byte_is_given_up_and_a_stream_is_not() {
        let (answer, took) = trickle(false).await;
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(took, ANSWER_GRACE);
        let (stream, took) = trickle(true).await;
        assert!(stream.is_ok() && took > ANSWER_GRACE * 5, "{stream:?} {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_at_the_least_pace_arrives() {
        const CHUNK: usize = 10 * ANSWER_BYTES_A_SECOND_MIN as usize;
        let (ours, mut theirs) = tokio::io::duplex(CHUNK);
        let mut socket = WriteTimeout::new(ours, Gauge::default(), Counter::default());
        let body = vec![0; 60 * CHUNK];
        let read = async {
            let mut chunk = vec![0; CHUNK];
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(10)).await;
                theirs.read_exact(&mut chunk).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(socket.write_all(&body), read);
        assert!(written.is_ok(), "{written:?}");
    }
}
