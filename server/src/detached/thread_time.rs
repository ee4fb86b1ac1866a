//! The time of a serving thread, in turns: what all its caught-up lists together do before everything else that is
//! ready on the thread has its turn, its sockets too.
//!
//! A list takes a **share** before each submission, and before it lets readers go. If the turn has none left, or others
//! wait already, the list waits in the order in which it came. So the thread's other tasks wait for the work of one
//! submission, and not for one of each list.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::backend::BATCH_MAX;

/// Readers that the lists of a thread serve in a turn, together.
const TURN_READERS_MAX: usize = BATCH_MAX;

/// The time of one thread, for its lists.
#[derive(Default)]
pub struct ThreadTime {
    /// Readers of this turn so far.
    used: Cell<usize>,
    /// The lists that wait, each once, with the readers that it wants to serve.
    waiting: RefCell<VecDeque<(Rc<Share>, usize)>>,
    /// The task of [`ThreadTime::run`], while it sleeps.
    task: RefCell<Option<Waker>>,
}

/// One list's part in the time.
#[derive(Default)]
pub struct Share {
    state: Cell<State>,
    task: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    None,
    Waits,
    Granted,
}

impl ThreadTime {
    /// Ready when the list may serve so many readers now. One that does not use it then has had its turn.
    pub fn poll_take(&self, share: &Rc<Share>, readers: usize, cx: &Context<'_>) -> Poll<()> {
        match share.state.get() {
            State::Granted => {
                share.state.set(State::None);
                return Poll::Ready(());
            }
            State::None if self.waiting.borrow().is_empty() && self.fits(readers) => {
                self.used.set(self.used.get() + readers);
                self.wake();
                return Poll::Ready(());
            }
            State::None => {
                share.state.set(State::Waits);
                self.waiting.borrow_mut().push_back((Rc::clone(share), readers));
                self.wake();
            }
            State::Waits => {}
        }
        let mut task = share.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Begins turns for as long as it is polled.
    pub async fn run(&self) {
        loop {
            poll_fn(|cx| {
                if self.used.get() > 0 || !self.waiting.borrow().is_empty() {
                    return Poll::Ready(());
                }
                *self.task.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            })
            .await;
            // Goes on when the thread has looked at its sockets. A task that only wakes itself can run 60 times before
            // it does.
            tokio::task::yield_now().await;
            self.used.set(0);
            while let Some((share, readers)) = self.next() {
                self.used.set(self.used.get() + readers);
                share.state.set(State::Granted);
                if let Some(task) = &*share.task.borrow() {
                    task.wake_by_ref();
                }
            }
        }
    }

    /// Takes the list that has waited longest, if it has its turn now.
    fn next(&self) -> Option<(Rc<Share>, usize)> {
        let mut waiting = self.waiting.borrow_mut();
        let (_, readers) = waiting.front()?;
        if self.fits(*readers) { waiting.pop_front() } else { None }
    }

    fn fits(&self, readers: usize) -> bool {
        self.used.get() == 0 || self.used.get() + readers <= TURN_READERS_MAX
    }

    fn wake(&self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}
