//! Reads of the log that the readers at one place of a room share.
//!
//! When a whole room falls behind its ring, all its readers want the same events. The first of them starts a
//! read, and those who come to the same place wait for it too: one read and one encoding for all. The newest
//! batches stay for a moment, for those who come a little later. A batch that holds a text which was deleted
//! since is not given to anybody: who finds one starts a new read.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

use crate::error::ReadError;
use crate::event::Position;
use crate::room::held::{Counted, Held};
use crate::sync::Mutex;

/// Most batches that are kept, of each room and kind of reader.
pub const BATCHES_KEPT_MAX: usize = 32;
/// A batch is kept for this long, and until the next look of the housekeeping.
pub const BATCH_KEPT_MIN: Duration = Duration::from_secs(2);

/// A batch read from the log.
pub(crate) struct LogBatch<B> {
    pub batch: B,
    /// `prev` of the first event, if there is any.
    pub prev: Option<Position>,
    /// The room's redaction generation before it was read.
    pub generation: u64,
    pub head: Position,
    pub floor: Position,
}

/// A batch, the place after which it begins, and its bytes.
pub(crate) struct Placed<B> {
    pub after: Position,
    pub bytes: usize,
    pub read: LogBatch<B>,
}

type Outcome<B> = Result<Arc<LogBatch<B>>, ReadError>;

/// The reads of a room for one kind of reader.
pub(crate) struct SharedReads<B> {
    held: Arc<Held>,
    /// Held for memory work only, and before the state of a read.
    table: Mutex<Table<B>>,
}

struct Table<B> {
    /// Reads that are under way and batches that are kept, by the place after which they begin.
    by_place: HashMap<Position, Arc<SharedRead<B>>>,
    /// Those of them that are kept, oldest first.
    kept: VecDeque<Kept<B>>,
}

struct Kept<B> {
    after: Position,
    read: Arc<SharedRead<B>>,
    since: Instant,
    _counted: Counted,
}

struct SharedRead<B> {
    state: Mutex<State<B>>,
}

struct State<B> {
    outcome: Option<Outcome<B>>,
    /// A place for each reader that waits, with its waker once it is asleep.
    waiting: Slab<Option<Waker>>,
}

impl<B> SharedRead<B> {
    fn new(outcome: Option<Outcome<B>>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { outcome, waiting: Slab::new() }) })
    }

    fn ticket(self: &Arc<Self>) -> Ticket<B> {
        let mut state = self.state.lock();
        let key = state.outcome.is_none().then(|| state.waiting.insert(None));
        Ticket { read: self.clone(), key }
    }
}

impl<B> SharedReads<B> {
    pub fn new(held: &Arc<Held>) -> Arc<Self> {
        let table = Table { by_place: HashMap::new(), kept: VecDeque::new() };
        Arc::new(Self { held: held.clone(), table: Mutex::new(table) })
    }

    /// Waits for the read after a place. The first who comes gets the duty to do it; a batch that is not
    /// `good` any more does not count.
    pub fn join(
        self: &Arc<Self>,
        after: Position,
        good: impl Fn(&LogBatch<B>) -> bool,
    ) -> (Ticket<B>, Option<Duty<B>>) {
        let mut table = self.table.lock();
        if let Some(read) = table.by_place.get(&after) {
            let is_good = match &read.state.lock().outcome {
                None => true,
                Some(outcome) => outcome.as_ref().is_ok_and(|batch| good(batch)),
            };
            if is_good {
                return (read.ticket(), None);
            }
        }
        let read = SharedRead::new(None);
        table.by_place.insert(after, read.clone());
        (read.ticket(), Some(Duty { reads: self.clone(), after, read, is_done: false }))
    }

    /// Forgets the batches that were kept for long enough.
    pub fn expire(&self, now: Instant) {
        let is_old = |kept: &Kept<B>| now.saturating_duration_since(kept.since) >= BATCH_KEPT_MIN;
        let mut table = self.table.lock();
        while table.kept.front().is_some_and(is_old) {
            table.forget_oldest();
        }
    }

    /// Forgets all batches that are kept.
    pub fn clear(&self) {
        let mut table = self.table.lock();
        while !table.kept.is_empty() {
            table.forget_oldest();
        }
    }
}

impl<B> Table<B> {
    /// Takes a read out, unless another one is at its place.
    fn remove(&mut self, after: Position, read: &Arc<SharedRead<B>>) {
        if let Entry::Occupied(found) = self.by_place.entry(after)
            && Arc::ptr_eq(found.get(), read)
        {
            found.remove();
        }
    }

    /// Keeps a batch that is at its place.
    fn keep(&mut self, after: Position, read: Arc<SharedRead<B>>, counted: Counted) {
        self.kept.push_back(Kept { after, read, since: Instant::now(), _counted: counted });
        if self.kept.len() > BATCHES_KEPT_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(Kept { after, read, .. }) = self.kept.pop_front() {
            self.remove(after, &read);
        }
    }
}

/// A reader's claim to the outcome of a read.
pub(crate) struct Ticket<B> {
    read: Arc<SharedRead<B>>,
    /// Its place among those who wait; `None` if the outcome was there already.
    key: Option<usize>,
}

impl<B> Ticket<B> {
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Outcome<B>> {
        let mut state = self.read.state.lock();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.clone());
        }
        match self.key.and_then(|key| state.waiting.get_mut(key)) {
            Some(Some(known)) => known.clone_from(cx.waker()),
            Some(empty) => *empty = Some(cx.waker().clone()),
            None => {}
        }
        Poll::Pending
    }
}

impl<B> Drop for Ticket<B> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // Nobody is there any more once the outcome is. The waker is dropped after the lock is released.
            let _waker = self.read.state.lock().waiting.try_remove(key);
        }
    }
}

/// The duty to read for all who wait. Dropped before it is done, they get [`ReadError::Failed`].
pub(crate) struct Duty<B> {
    reads: Arc<SharedReads<B>>,
    after: Position,
    read: Arc<SharedRead<B>>,
    is_done: bool,
}

impl<B> Duty<B> {
    /// Returns true if somebody waits still. If not, the duty is over, and who comes now begins again.
    pub fn is_wanted(&mut self) -> bool {
        let mut table = self.reads.table.lock();
        let is_wanted = !self.read.state.lock().waiting.is_empty();
        if !is_wanted {
            table.remove(self.after, &self.read);
            self.is_done = true;
        }
        is_wanted
    }

    /// Gives the outcome to all who wait: the first batch. Those that follow it are kept at their places.
    pub fn give(mut self, outcome: Result<(Placed<B>, Vec<Placed<B>>), ReadError>) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Result<(Placed<B>, Vec<Placed<B>>), ReadError>) {
        self.is_done = true;
        let held = &self.reads.held;
        let mut table = self.reads.table.lock();
        let outcome = outcome.map(|(first, following)| {
            let has_events = first.read.prev.is_some();
            let outcome = Arc::new(first.read);
            if has_events {
                table.keep(self.after, self.read.clone(), Counted::new(held, first.bytes));
            }
            for Placed { after, bytes, read } in following {
                // Somebody may be reading there.
                if let Entry::Vacant(place) = table.by_place.entry(after) {
                    let read = SharedRead::new(Some(Ok(Arc::new(read))));
                    place.insert(read.clone());
                    table.keep(after, read, Counted::new(held, bytes));
                }
            }
            (outcome, has_events)
        });
        if !outcome.as_ref().is_ok_and(|(_, has_events)| *has_events) {
            // An error, or a gap: it may be different for the next who comes.
            table.remove(self.after, &self.read);
        }
        let waiting = {
            let mut state = self.read.state.lock();
            state.outcome = Some(outcome.map(|(outcome, _)| outcome));
            std::mem::take(&mut state.waiting)
        };
        drop(table);
        for waker in waiting.into_iter().filter_map(|(_, waker)| waker) {
            waker.wake();
        }
    }
}

impl<B> Drop for Duty<B> {
    fn drop(&mut self) {
        if !self.is_done {
            self.finish(Err(ReadError::Failed));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn placed(after: Position, generation: u64) -> Placed<Position> {
        let read = LogBatch { batch: after, prev: Some(after), generation, head: 0, floor: 0 };
        Placed { after, bytes: 10, read }
    }

    fn poll(ticket: &Ticket<Position>) -> Option<Result<Position, ReadError>> {
        match ticket.poll(&Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome.map(|read| read.batch)),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_comes_while_it_is_read_or_a_little_later_reads_nothing() {
        let bytes = Arc::new(AtomicUsize::new(0));
        let held = || bytes.load(std::sync::atomic::Ordering::Relaxed);
        let reads = SharedReads::new(&Held::new(&bytes));
        let (first, duty) = reads.join(7, |_| true);
        let (second, none) = reads.join(7, |_| true);
        assert!(none.is_none() && poll(&first).is_none() && poll(&second).is_none());
        let mut duty = duty.unwrap();
        assert!(duty.is_wanted());
        duty.give(Ok((placed(7, 1), vec![placed(8, 1)])));
        for at in [7, 8] {
            let (ticket, none) = reads.join(at, |read| read.generation == 1);
            assert!(none.is_none() && matches!(poll(&ticket), Some(Ok(batch)) if batch == at));
        }
        assert!(matches!((poll(&first), poll(&second)), (Some(Ok(7)), Some(Ok(7)))));
        // A text in it was deleted.
        let (third, duty) = reads.join(7, |read| read.generation == 2);
        assert!(poll(&third).is_none());
        duty.unwrap().give(Ok((placed(7, 2), vec![])));
        assert!(matches!(poll(&third), Some(Ok(7))));
        reads.expire(Instant::now());
        assert_eq!(held(), 30, "for a while");
        reads.expire(Instant::now() + BATCH_KEPT_MIN);
        assert_eq!((held(), reads.table.lock().by_place.len()), (0, 0));
        for after in 0..3 * BATCHES_KEPT_MAX as Position {
            let (_ticket, duty) = reads.join(after, |_| true);
            duty.unwrap().give(Ok((placed(after, 1), vec![])));
        }
        assert_eq!(held(), 10 * BATCHES_KEPT_MAX);
        assert_eq!(reads.table.lock().by_place.len(), BATCHES_KEPT_MAX);
        reads.clear();
        assert_eq!((held(), reads.table.lock().by_place.len()), (0, 0));
    }

    #[test]
    fn what_nobody_waits_for_is_not_read_and_what_fails_is_not_kept() {
        let reads = SharedReads::new(&Held::new(&Arc::default()));
        let (ticket, duty) = reads.join(7, |_| true);
        drop(ticket);
        let mut duty = duty.unwrap();
        assert!(!duty.is_wanted());
        let (ticket, again) = reads.join(7, |_| true);
        drop(duty);
        assert!(poll(&ticket).is_none(), "a duty that is over ends nobody's wait");
        drop(again.unwrap());
        assert!(matches!(poll(&ticket), Some(Err(ReadError::Failed))));
        assert!(reads.join(7, |_| true).1.is_some());
    }
}
