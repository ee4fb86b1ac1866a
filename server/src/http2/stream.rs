//! One request of a connection by HTTP/2: the task that serves it, and the time for which its client may take
//! nothing of the answer.
//!
//! A client says for each stream how many bytes it takes. While that is none, hyper keeps a piece of the body
//! in its hands and asks for no other. [`WRITE_TIMEOUT`] after it last did, the stream ends by a reset; its
//! reader resumes by its place. An answer in memory has the time of [`Backlog`], and ends sooner when its
//! memory is needed for others.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use hyper::rt::Executor;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::Worker;
use crate::byte_budget::GivenUp;
use crate::write_timeout::{Backlog, PendingWrite};

/// State of a stream that its task and its body share.
#[derive(Default)]
pub struct StreamState {
    /// Bytes of the piece that hyper has and has not passed on; 0 if there is none.
    in_hand: Cell<usize>,
    /// Bytes that were taken while the client was behind.
    taken: Cell<u64>,
    /// The answer is a stream of events.
    pub is_events: Cell<bool>,
    /// Says when the memory of the answer is needed for others.
    pub given_up: RefCell<Option<GivenUp>>,
    /// Its share of the connections of the server.
    pub permit: RefCell<Option<OwnedSemaphorePermit>>,
}

impl StreamState {
    /// Notes that hyper has a piece of the body.
    pub fn hand_over(&self, bytes: usize) {
        self.in_hand.set(bytes);
    }

    /// Notes that hyper has passed on what it had.
    pub fn has_taken(&self) {
        self.taken.set(self.taken.get() + self.in_hand.replace(0) as u64);
    }
}

/// The requests that a connection serves at the moment.
#[derive(Default)]
pub struct Streams {
    open: Cell<usize>,
    /// The state of the request that is about to be served.
    next: RefCell<Option<Rc<StreamState>>>,
    /// The connection's task, to be woken when the last of them has ended.
    connection: RefCell<Option<Waker>>,
}

impl Streams {
    /// A request has come; its task is the next that hyper starts.
    pub fn begin(&self) -> Rc<StreamState> {
        let state = Rc::<StreamState>::default();
        *self.next.borrow_mut() = Some(Rc::clone(&state));
        state
    }

    /// Returns true if none is being served; wakes this task when that changes to true.
    pub fn are_none(&self, cx: &Context<'_>) -> bool {
        let mut connection = self.connection.borrow_mut();
        if !connection.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *connection = Some(cx.waker().clone());
        }
        self.open.get() == 0
    }
}

/// A stream that is open.
struct Open(Rc<Streams>);

impl Open {
    fn new(streams: &Rc<Streams>) -> Self {
        streams.open.set(streams.open.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let left = self.0.open.get() - 1;
        self.0.open.set(left);
        if left == 0
            && let Some(connection) = &*self.0.connection.borrow()
        {
            connection.wake_by_ref();
        }
    }
}

/// Starts the task of each request, on the thread of its connection.
#[derive(Clone)]
pub struct StreamExecutor {
    pub w: Rc<Worker>,
    pub streams: Rc<Streams>,
}

impl<F: Future<Output = ()> + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let (w, open) = (Rc::clone(&self.w), Open::new(&self.streams));
        let state = self.streams.next.borrow_mut().take().unwrap_or_default();
        tokio::task::spawn_local(async move {
            let _open = open;
            let mut stream = pin!(stream);
            let mut end = pin!(w.app.drain.wait());
            let (mut is_ending, mut patience) = (false, Patience::default());
            poll_fn(|cx| {
                // An open stream sees the flag when it is polled, a line below.
                is_ending = is_ending || end.as_mut().poll(cx).is_ready();
                if stream.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                patience.poll(cx, &state, &w.app.metrics.slow).map(|()| w.app.metrics.dropped.inc()).map(drop)
            })
            .await;
        });
    }
}

/// The time that a client has left to take something.
#[derive(Default)]
struct Patience {
    backlog: Option<Backlog>,
    waiting: Option<PendingWrite>,
    /// The bytes that the client had taken when it last began to wait.
    taken: u64,
}

impl Patience {
    /// Ready when the client has taken nothing for too long.
    fn poll(&mut self, cx: &mut Context<'_>, state: &StreamState, slow: &Gauge) -> Poll<()> {
        if state.in_hand.get() == 0 {
            *self = Self::default();
            state.taken.set(0);
            return Poll::Pending;
        }
        let is_events = state.is_events.get();
        let backlog = self.backlog.get_or_insert_with(|| Backlog::new(!is_events));
        let taken = state.taken.get();
        if taken > self.taken {
            backlog.take(taken - self.taken);
            self.taken = taken;
            self.waiting = None;
        }
        let wait = backlog.wait();
        let waiting = self.waiting.get_or_insert_with(|| PendingWrite::new(slow, wait));
        let is_given_up = state.given_up.borrow_mut().as_mut().is_some_and(|given_up| given_up.poll(cx));
        if is_given_up { Poll::Ready(()) } else { waiting.poll(cx) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::write_timeout::WRITE_TIMEOUT;

    fn is_over(patience: &mut Patience, state: &StreamState, slow: &Gauge) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        patience.poll(&mut cx, state, slow).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_window_stays_shut_ends_and_one_that_takes_a_piece_has_its_time_again() {
        let (state, slow, mut patience) = (StreamState::default(), Gauge::default(), Patience::default());
        state.is_events.set(true);
        // Idle: it has nothing to take.
        assert!(!is_over(&mut patience, &state, &slow));
        advance(2 * WRITE_TIMEOUT).await;
        assert!(!is_over(&mut patience, &state, &slow));
        assert_eq!(slow.get(), 0);
        state.hand_over(10);
        for _ in 0..5 {
            assert!(!is_over(&mut patience, &state, &slow));
            assert_eq!(slow.get(), 1);
            advance(WRITE_TIMEOUT * 9 / 10).await;
            assert!(!is_over(&mut patience, &state, &slow));
            state.has_taken();
            state.hand_over(10);
        }
        assert!(!is_over(&mut patience, &state, &slow));
        advance(WRITE_TIMEOUT + Duration::from_millis(1)).await;
        assert!(is_over(&mut patience, &state, &slow));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_too_slowly_ends_although_each_piece_is_in_time() {
        let (state, slow, mut patience) = (StreamState::default(), Gauge::default(), Patience::default());
        let mut pieces = 0;
        state.hand_over(1);
        while !is_over(&mut patience, &state, &slow) {
            advance(Duration::from_secs(20)).await;
            state.has_taken();
            state.hand_over(1);
            pieces += 1;
            assert!(pieces < 10, "it never ends");
        }
        assert!(pieces >= 3, "it had its minute");
        state.has_taken();
        assert!(!is_over(&mut patience, &state, &slow));
        assert_eq!(slow.get(), 0);
    }
}
