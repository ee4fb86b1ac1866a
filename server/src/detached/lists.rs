//! The detached streams of one thread: their batcher, and the caught-up list of each room and kind of frames.

#[cfg(test)]
use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use millchat::FrameSource;

use super::backend::WriteBackend;
use super::batcher::WriteBatcher;
use super::list::CaughtUpList;
use super::member::{Left, Member};
use super::socket::ReaderSocket;
use super::thread_time::ThreadTime;
use crate::sse::reader_stream::ReaderStream;

/// The parts that the detached streams of one thread share.
pub struct DetachedStreams {
    /// Writes for those who are alone.
    pub batcher: WriteBatcher,
    /// Shares the thread's time out among the lists.
    pub time: ThreadTime,
    /// The lists of the rooms that have some.
    lists: RefCell<HashMap<ListKey, Rc<CaughtUpList>>>,
    /// Number of lists that were begun.
    #[cfg(test)]
    pub begun: Cell<usize>,
}

/// The things that the readers of a list have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ListKey {
    source: FrameSource,
    /// They read by TLS.
    is_sealed: bool,
    /// They read other rooms too, and are told which room a frame is of.
    is_several: bool,
}

impl ListKey {
    /// The key of the list of one of a reader's rooms.
    fn of(reader: &ReaderSocket, streams: &ReaderStream, nth: usize) -> Self {
        let (source, is_sealed) = (streams.streams()[nth].source(), reader.is_sealed());
        Self { source, is_sealed, is_several: streams.is_several() }
    }
}

impl DetachedStreams {
    /// No streams yet; this backend writes.
    pub fn new(backend: Box<dyn WriteBackend>) -> Rc<Self> {
        let batcher = WriteBatcher::new(backend);
        let (time, lists) = (ThreadTime::default(), RefCell::default());
        Rc::new(Self {
            batcher,
            time,
            lists,
            #[cfg(test)]
            begun: Cell::default(),
        })
    }

    /// Writes and shares the thread's time out for as long as it is polled.
    pub async fn run(self: Rc<Self>) {
        let streams = Rc::clone(&self);
        let batching = tokio::task::spawn_local(async move { streams.batcher.run().await });
        self.time.run().await;
        drop(batching);
    }

    /// Returns true if a reader that has everything can be in a list of one of its rooms: it is where the list is, or
    /// there is none, and one may begin: other readers are in the room, or the reader is of several rooms.
    fn may_join(&self, reader: &ReaderSocket, streams: &ReaderStream, nth: usize) -> bool {
        let stream = &streams.streams()[nth];
        let Some((terms, seen)) = stream.terms() else { return false };
        match self.lists.borrow().get(&ListKey::of(reader, streams, nth)) {
            Some(list) if list.is_for(seen) => list.is_at(terms.place),
            Some(_) => true,
            None => streams.is_several() || stream.has_company(),
        }
    }

    /// Puts a reader into the list of one of its rooms, which is begun if there is none.
    fn join(self: &Rc<Self>, reader: &Rc<ReaderSocket>, streams: &ReaderStream, nth: usize) -> Option<Seat> {
        let stream = &streams.streams()[nth];
        let (terms, seen) = stream.terms()?;
        let key = ListKey::of(reader, streams, nth);
        let known = self.lists.borrow().get(&key).cloned();
        if let Some(list) = known {
            if list.is_for(seen) {
                return list.add(reader, &terms).map(|member| Seat { list, member });
            }
            // Rights may have changed since it began: the others leave it too.
            list.retire();
        }
        let group = stream.group()?;
        let bytes = (stream.heartbeat(), streams.mark(nth));
        let list = CaughtUpList::new(stream.counted_by(), (terms.place, seen), bytes, key.is_sealed);
        let member = list.add(reader, &terms)?;
        self.lists.borrow_mut().insert(key, Rc::clone(&list));
        #[cfg(test)]
        self.begun.update(|begun| begun + 1);
        let (all, served) = (Rc::clone(self), Rc::clone(&list));
        tokio::task::spawn_local(async move {
            Rc::clone(&served).run(group, (&all.batcher, &all.time)).await;
            all.forget(key, &served);
        });
        Some(Seat { list, member })
    }

    /// Returns the number of lists.
    #[cfg(test)]
    pub fn lists(&self) -> usize {
        self.lists.borrow().len()
    }

    /// Returns the number of places in lists that readers have.
    #[cfg(test)]
    pub fn served(&self) -> usize {
        self.lists.borrow().values().map(|list| list.len()).sum()
    }

    /// Forgets a list that has ended, if it is still the one of its room.
    fn forget(&self, key: ListKey, list: &Rc<CaughtUpList>) {
        if let Entry::Occupied(known) = self.lists.borrow_mut().entry(key)
            && Rc::ptr_eq(known.get(), list)
        {
            known.remove();
        }
    }
}

/// A reader's place in the list of a room.
struct Seat {
    list: Rc<CaughtUpList>,
    member: Rc<Member>,
}

/// A reader's places in the caught-up lists of all of its rooms, or outside of all.
pub struct Seats {
    streams: Rc<DetachedStreams>,
    reader: Rc<ReaderSocket>,
    /// By the number of the room. Empty outside of all lists.
    taken: Vec<Seat>,
}

impl Seats {
    /// No seats.
    pub fn new(streams: &Rc<DetachedStreams>, reader: &Rc<ReaderSocket>) -> Self {
        Self { streams: Rc::clone(streams), reader: Rc::clone(reader), taken: Vec::new() }
    }

    /// Returns the batcher of the thread.
    pub fn batcher(&self) -> &WriteBatcher {
        &self.streams.batcher
    }

    /// Takes a place in the list of each room, if there is one for each. The reader's task is woken when a list
    /// lets it go.
    pub fn take(&mut self, stream: &ReaderStream) -> bool {
        let count = stream.streams().len();
        // Before any: no list is begun in vain. A stream of no room that may be read ends by itself.
        if count == 0 || !(0..count).all(|nth| self.streams.may_join(&self.reader, stream, nth)) {
            return false;
        }
        self.taken.reserve_exact(count);
        for nth in 0..count {
            let Some(seat) = self.streams.join(&self.reader, stream, nth) else {
                // It is where it was.
                self.leave(|_, _| {});
                return false;
            };
            self.taken.push(seat);
        }
        true
    }

    /// Returns true if lists serve the reader.
    pub fn are_taken(&self) -> bool {
        !self.taken.is_empty() && self.taken.iter().all(|seat| seat.member.index.get().is_some())
    }

    /// Leaves the lists; gives the number of each room with the state to go on from. Returns true if the reader was in
    /// any.
    pub fn leave(&mut self, mut go_on: impl FnMut(usize, Left)) -> bool {
        let was_in_any = !self.taken.is_empty();
        for (nth, Seat { list, member }) in self.taken.drain(..).enumerate() {
            if let Some(left) = list.remove(&member).or_else(|| member.left.take().map(|left| *left)) {
                go_on(nth, left);
            }
        }
        was_in_any
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        self.leave(|_, _| {});
    }
}
