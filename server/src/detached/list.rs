//! A caught-up list: the readers of one room on one thread, of one kind of frames, that have everything up to
//! the room's newest event.
//!
//! A [`FrameGroup`] reads the room for all of them. What it delivers is one frame, and goes to all in a
//! **round**: a few submissions, each of at most [`BATCH_MAX`] readers. The lists of a thread share its time by
//! [`ThreadTime`](super::thread_time::ThreadTime). For a plain reader whose socket takes the frame whole nothing else
//! happens: no task is woken, no cursor moved, no timer touched, and no memory written that another thread looks at.
//! Readers by TLS have a list of their own, which makes records of the frame for each. It takes no frame that is larger
//! than a slice, and is the same in all else.
//!
//! The place of a reader is that of the list: the one after the frame, once it was handed over, else the one
//! before. A reader that leaves takes its place along, and goes on by its own task and its own subscription. It
//! leaves whenever its task has something to do. The list lets go of one that did not take all, or whose guard is to
//! be asked.
//!
//! Readers of several rooms in one stream have lists of their own, which name the room before each frame. Such a
//! reader is in the lists of all of its rooms, or in none.
//!
//! The list is **retired** when what comes is not for all alike: the rights of somebody may have changed, a text of
//! the frame was deleted, the node is not current, there is a gap or an error, a frame is too large for this list, or
//! the chat ends. Then all leave, each at its place, and do what a reader does that is alone. The next one that is
//! caught up begins another list.
//!
//! Everything here stays on its thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream as _;
use millchat::{Delivery, FrameGroup, FramePlace, Frames};
use tokio::time::{Instant, Sleep};

use super::backend::{BATCH_MAX, Target};
use super::batcher::WriteBatcher;
use super::member::{Left, Member};
use super::socket::{Outgoing, ReaderSocket};
use super::thread_time::{Share, ThreadTime};
use crate::access::authority::{Authority, Seen};
use crate::metrics::Metrics;
use crate::sse::stream::{HEARTBEAT, SLICE_BYTES_MAX, Terms};

/// Bytes of one submission, at most, but for those of a single reader: what the other tasks wait for.
const SUBMISSION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Readers that a retired list lets go before the other tasks of its thread run.
const RELEASE_MAX: usize = 128;

/// A caught-up list.
pub struct CaughtUpList {
    authority: Arc<Authority>,
    metrics: Arc<Metrics>,
    /// The bytes of a heartbeat, the same for all of these readers.
    heartbeat: Bytes,
    /// The state of what the readers were allowed by.
    seen: Seen,
    /// Its readers are those by TLS, not the plain ones.
    is_sealed: bool,
    /// The bytes that name the room before each frame, for readers of several rooms; else there are none.
    mark: Bytes,
    /// Not borrowed while anything is called that may come back here.
    state: RefCell<State>,
}

struct State {
    /// Each knows its own index. Those who have the frame of the round are first.
    readers: Vec<Target>,
    /// The place of those who have not got the frame of the round.
    place: FramePlace,
    round: Option<Round>,
    /// The earliest time at which a guard is to be asked, or an earlier one.
    guard_until: Option<Instant>,
    /// When bytes last went out.
    sent_at: Instant,
    is_retired: bool,
    /// The task of [`CaughtUpList::run`].
    task: Option<Waker>,
}

/// A frame on its way to all readers.
struct Round {
    frames: Frames,
    /// Its bytes as they go to readers.
    bytes: Bytes,
    /// The frame is a heartbeat, which counts as no delivery.
    is_heartbeat: bool,
    /// The place after it.
    place: FramePlace,
    /// Number of readers who have it.
    served: usize,
    /// When bytes last went to those who do not have it yet.
    sent_at_before: Instant,
}

impl CaughtUpList {
    /// A list without readers, at this place, for those who were allowed by this state.
    pub fn new(
        (authority, metrics): (&Arc<Authority>, &Arc<Metrics>),
        (place, seen): (FramePlace, Seen),
        (heartbeat, mark): (Bytes, Bytes),
        is_sealed: bool,
    ) -> Rc<Self> {
        let state = State {
            readers: Vec::new(),
            place,
            round: None,
            guard_until: None,
            sent_at: Instant::now(),
            is_retired: false,
            task: None,
        };
        let (authority, metrics) = (Arc::clone(authority), Arc::clone(metrics));
        Rc::new(Self { authority, metrics, heartbeat, seen, is_sealed, mark, state: RefCell::new(state) })
    }

    /// Returns true if it goes on for readers that were allowed by this state.
    pub fn is_for(&self, seen: Seen) -> bool {
        self.seen == seen && !self.state.borrow().is_retired
    }

    /// Returns the number of readers that it may serve as things are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        let state = self.state.borrow();
        let may_serve = !state.is_retired && self.authority.seen() == self.seen;
        if may_serve { state.readers.len() } else { 0 }
    }

    /// Returns true if a reader that is at this place is where the list is.
    pub fn is_at(&self, place: FramePlace) -> bool {
        let state = self.state.borrow();
        let after = state.round.as_ref().map(|round| round.place);
        place == state.place || Some(place) == after
    }

    /// Takes a reader that is at the list's place; `None` if it is not. Ask before if the list is for it.
    pub fn add(&self, reader: &Rc<ReaderSocket>, terms: &Terms) -> Option<Rc<Member>> {
        if !self.is_at(terms.place) {
            return None;
        }
        let mut state = self.state.borrow_mut();
        if terms.sent_at < state.sent_at {
            // The heartbeat is due earlier.
            state.sent_at = terms.sent_at;
            state.wake();
        }
        state.guard_until = [state.guard_until, terms.guard_until].into_iter().flatten().min();
        let index = state.readers.len();
        let member = Member::new(reader, index, terms.guard_until);
        state.readers.push(Target::new(Rc::clone(&member)));
        let state = &mut *state;
        if let Some(round) = &mut state.round
            && terms.place == round.place
            && terms.place != state.place
        {
            // It has the frame.
            swap(&mut state.readers, index, round.served);
            round.served += 1;
        }
        Some(member)
    }

    /// Lets a reader go that wants to; returns the state in which it leaves, `None` if it is not in the list.
    pub fn remove(&self, member: &Member) -> Option<Left> {
        let mut state = self.state.borrow_mut();
        let index = member.index.get()?;
        let left = state.remove(index).1;
        if state.readers.is_empty() {
            // The list ends.
            state.wake();
        }
        Some(left)
    }

    /// Lets all readers go, in turns.
    pub fn retire(&self) {
        let mut state = self.state.borrow_mut();
        state.is_retired = true;
        state.wake();
    }

    /// Serves the readers until there are none left.
    pub async fn run(self: Rc<Self>, mut group: FrameGroup, (batcher, time): (&WriteBatcher, &ThreadTime)) {
        // Also when this task ends by a panic: the readers have tasks of their own.
        let list = Running(&self);
        let time = (time, &Rc::default());
        let mut timer = pin!(tokio::time::sleep_until(self.state.borrow().sent_at + HEARTBEAT));
        poll_fn(|cx| list.0.poll(cx, &mut group, timer.as_mut(), batcher, time)).await;
    }

    /// Ready when no reader is left.
    fn poll(
        &self,
        cx: &mut Context<'_>,
        group: &mut FrameGroup,
        mut timer: Pin<&mut Sleep>,
        batcher: &WriteBatcher,
        (time, share): (&ThreadTime, &Rc<Share>),
    ) -> Poll<()> {
        loop {
            {
                let mut state = self.state.borrow_mut();
                if state.task.as_ref().is_none_or(|task| !task.will_wake(cx.waker())) {
                    state.task = Some(cx.waker().clone());
                }
                if state.readers.is_empty() {
                    state.is_retired = true;
                    return Poll::Ready(());
                }
                if state.is_retired {
                    let count = state.readers.len();
                    ready!(time.poll_take(share, count.min(RELEASE_MAX), cx));
                    (count.saturating_sub(RELEASE_MAX)..count).rev().for_each(|index| state.release(index));
                    continue;
                }
            }
            // News does not wait for a heartbeat: it proves as much to its readers.
            if self.state.borrow().round.as_ref().is_none_or(|round| round.is_heartbeat) {
                match Pin::new(&mut *group).poll_next(cx) {
                    Poll::Ready(Some(Ok(Delivery::Item(frames)))) => {
                        self.begin(frames, group.place(), false);
                        continue;
                    }
                    Poll::Ready(_) => {
                        self.retire();
                        continue;
                    }
                    Poll::Pending => self.state.borrow_mut().pass(group.place()),
                }
                if self.state.borrow().round.is_none() {
                    if self.is_heartbeat_due(cx, timer.as_mut()) {
                        let frames = Frames { bytes: self.heartbeat.clone(), events: 0 };
                        let place = self.state.borrow().place;
                        self.begin(frames, Some(place), true);
                    } else {
                        return Poll::Pending;
                    }
                }
            }
            ready!(time.poll_take(share, self.state.borrow().cost(), cx));
            if self.authority.seen() == self.seen && group.may_still_deliver() {
                self.submit(batcher);
            } else {
                self.retire();
            }
        }
    }

    /// Begins a round. Without a place after the frame the list is retired: what comes is not for all alike.
    fn begin(&self, frames: Frames, place: Option<FramePlace>, is_heartbeat: bool) {
        let mut state = self.state.borrow_mut();
        // Records are a reader's own: one that stops reading is to hold a slice of them, and not a whole frame.
        let is_too_large = self.is_sealed && frames.bytes.len() > SLICE_BYTES_MAX;
        match place {
            Some(place) if !is_too_large => {
                let before = state.round.as_ref().map(|round| round.sent_at_before);
                let sent_at_before = before.unwrap_or(state.sent_at);
                let bytes = if self.mark.is_empty() {
                    frames.bytes.clone()
                } else {
                    [&*self.mark, &*frames.bytes].concat().into()
                };
                state.round = Some(Round { frames, bytes, is_heartbeat, place, served: 0, sent_at_before });
            }
            _ => state.is_retired = true,
        }
    }

    /// Hands the frame of the round to the next readers.
    fn submit(&self, batcher: &WriteBatcher) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let now = Instant::now();
        if state.guard_until.is_some_and(|until| until <= now) {
            state.release_expired(now);
            if state.is_retired {
                return;
            }
        }
        if !self.mark.is_empty() {
            state.release_busy();
        }
        let count = state.next();
        let Some(round) = &mut state.round else { return };
        let bytes = round.bytes.clone();
        let first = round.served;
        let last = first + count;
        let served = &state.readers[first..last];
        let others = if self.is_sealed {
            send_sealed(served, &bytes, batcher)
        } else {
            let mut others = Vec::new();
            batcher.send_to_all(served, &bytes, &mut others);
            others.into_iter().map(|(nth, taken)| (nth, bytes.clone(), taken)).collect()
        };
        if !round.is_heartbeat {
            self.metrics.delivered_to(&round.frames, last - first);
        }
        round.served = last;
        state.sent_at = now;
        // From behind: the indices before the one that is freed stay as they are.
        let mut others: Vec<Other> = others;
        others.sort_unstable_by_key(|(nth, ..)| std::cmp::Reverse(*nth));
        for (nth, bytes, taken) in others {
            let (member, left) = state.remove(first + nth);
            member.reader.settle(bytes, taken);
            member.let_go(left);
        }
        if let Some(round) = &state.round
            && round.served == state.readers.len()
        {
            state.place = round.place;
            state.round = None;
        }
    }

    /// Returns true if nothing went out for so long; else the timer wakes this task.
    fn is_heartbeat_due(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> bool {
        let due = self.state.borrow().sent_at + HEARTBEAT;
        // Set again only when it fires, or a reader joined that has waited for longer.
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if due <= Instant::now() {
                timer.as_mut().reset(Instant::now() + HEARTBEAT);
                return true;
            }
            timer.as_mut().reset(due);
        }
        false
    }
}

impl State {
    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    /// Returns the number of readers of the next submission.
    fn next(&self) -> usize {
        let Some(round) = &self.round else { return 0 };
        let most = (SUBMISSION_BYTES_MAX / round.bytes.len().max(1)).clamp(1, BATCH_MAX);
        most.min(self.readers.len() - round.served)
    }

    /// Returns the part of a turn that the next submission takes, in readers: of large frames, as many as could have
    /// had small ones meanwhile.
    fn cost(&self) -> usize {
        let readers = self.next();
        let bytes = self.round.as_ref().map_or(0, |round| round.bytes.len());
        (readers * bytes).div_ceil(SUBMISSION_BYTES_MAX / BATCH_MAX).clamp(readers, BATCH_MAX)
    }

    /// Takes a place that has come without a frame: nothing of it is encoded for these readers.
    fn pass(&mut self, place: Option<FramePlace>) {
        if let Some(place) = place {
            self.place = place;
            if let Some(round) = &mut self.round {
                round.place = place;
            }
        }
    }

    /// Takes a reader out; returns it and the state in which it leaves.
    fn remove(&mut self, index: usize) -> (Rc<Member>, Left) {
        let (mut index, mut left) = (index, Left { place: self.place, sent_at: self.sent_at });
        match &mut self.round {
            Some(round) if index < round.served => {
                round.served -= 1;
                left.place = round.place;
                swap(&mut self.readers, index, round.served);
                index = round.served;
            }
            Some(round) => left.sent_at = round.sent_at_before,
            None => {}
        }
        let target = self.readers.swap_remove(index);
        target.member.index.set(None);
        if let Some(moved) = self.readers.get(index) {
            moved.member.index.set(Some(index));
        }
        (target.member, left)
    }

    /// Takes a reader out and wakes its task.
    fn release(&mut self, index: usize) {
        let (member, left) = self.remove(index);
        member.let_go(left);
    }

    /// Lets those of the next submission go to whom another list has handed bytes that they did not take: nothing
    /// may go before the rest of these.
    fn release_busy(&mut self) {
        let mut index = self.round.as_ref().map_or(0, |round| round.served);
        let last = index + self.next();
        while index < last.min(self.readers.len()) {
            if self.readers[index].member.reader.is_idle() { index += 1 } else { self.release(index) }
        }
    }

    /// Lets those go whose guard is to be asked now.
    fn release_expired(&mut self, now: Instant) {
        let until = |target: &Target| target.member.guard_until;
        let is_over = |target: &&Target| until(target).is_some_and(|until| until <= now);
        let over: Vec<Rc<Member>> =
            self.readers.iter().filter(is_over).map(|target| Rc::clone(&target.member)).collect();
        if over.len() > RELEASE_MAX {
            // All leave, in turns.
            self.is_retired = true;
            return;
        }
        over.iter().filter_map(|member| member.index.get()).for_each(|index| self.release(index));
        self.guard_until = self.readers.iter().filter_map(until).min();
    }
}

/// A reader, by its index, that did not take all of the bytes that were its own, and what it took.
type Other = (usize, Bytes, io::Result<usize>);

/// Hands the same bytes to readers by TLS, to each in records of its own.
fn send_sealed(readers: &[Target], bytes: &Bytes, batcher: &WriteBatcher) -> Vec<Other> {
    let mut others = Vec::new();
    let (mut batch, mut indices) = (Vec::with_capacity(readers.len()), Vec::with_capacity(readers.len()));
    for (nth, Target { member, .. }) in readers.iter().enumerate() {
        let reader = &member.reader;
        match reader.seal(bytes) {
            Ok(bytes) => {
                batch.push(Outgoing { reader: Rc::clone(reader), bytes, taken: Ok(0) });
                indices.push(nth);
            }
            Err(error) => others.push((nth, Bytes::new(), Err(error))),
        }
    }
    batcher.send(&mut batch);
    for (nth, Outgoing { bytes, taken, .. }) in indices.into_iter().zip(batch) {
        if !matches!(taken, Ok(taken) if taken == bytes.len()) {
            others.push((nth, bytes, taken));
        }
    }
    others
}

/// Exchanges two readers.
fn swap(readers: &mut [Target], one: usize, other: usize) {
    readers.swap(one, other);
    readers[one].member.index.set(Some(one));
    readers[other].member.index.set(Some(other));
}

/// A list that is served.
struct Running<'a>(&'a CaughtUpList);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.borrow_mut();
        state.is_retired = true;
        (0..state.readers.len()).rev().for_each(|index| state.release(index));
    }
}
