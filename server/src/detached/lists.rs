//! The detached streams of one thread: their batcher, and the caught-up list of each room and kind of frames.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use millchat::FrameSource;

use super::backend::WriteBackend;
use super::batcher::WriteBatcher;
use super::list::CaughtUpList;
use super::socket::{Left, ReaderSocket};
use super::thread_time::ThreadTime;
use crate::sse::stream::Stream;

/// The parts that the detached streams of one thread share.
pub struct DetachedStreams {
    /// Writes for those who are alone.
    pub batcher: WriteBatcher,
    /// Shares the thread's time out among the lists.
    pub time: ThreadTime,
    /// The lists of the rooms that have one. The flag is true of a list of readers by TLS.
    lists: RefCell<HashMap<(FrameSource, bool), Rc<CaughtUpList>>>,
}

impl DetachedStreams {
    /// No streams yet; this backend writes.
    pub fn new(backend: Box<dyn WriteBackend>) -> Rc<Self> {
        let batcher = WriteBatcher::new(backend);
        Rc::new(Self { batcher, time: ThreadTime::default(), lists: RefCell::default() })
    }

    /// Writes and shares the thread's time out for as long as it is polled.
    pub async fn run(self: Rc<Self>) {
        let streams = Rc::clone(&self);
        let batching = tokio::task::spawn_local(async move { streams.batcher.run().await });
        self.time.run().await;
        drop(batching);
    }

    /// Puts a reader that has everything into the list of its room, if it is where the list is; begins a list
    /// where there is none and other readers are in the room.
    fn join(self: &Rc<Self>, reader: &Rc<ReaderSocket>, stream: &Stream) -> Option<Rc<CaughtUpList>> {
        let (terms, seen) = stream.terms()?;
        let is_sealed = reader.is_sealed();
        let key = (stream.source(), is_sealed);
        let known = self.lists.borrow().get(&key).cloned();
        if let Some(list) = known {
            if list.seen() == seen && !list.is_retired() {
                return list.add(reader, &terms).then_some(list);
            }
            // Rights may have changed since it began: the others leave it too.
            list.retire();
        } else if !stream.has_company() {
            return None;
        }
        let group = stream.group()?;
        let list = CaughtUpList::new(stream.counted_by(), (terms.place, seen), stream.heartbeat(), is_sealed);
        list.add(reader, &terms);
        self.lists.borrow_mut().insert(key, Rc::clone(&list));
        let (streams, served) = (Rc::clone(self), Rc::clone(&list));
        tokio::task::spawn_local(async move {
            Rc::clone(&served).run(group, (&streams.batcher, &streams.time)).await;
            streams.forget(key, &served);
        });
        Some(list)
    }

    /// Returns the number of readers that lists serve.
    #[cfg(test)]
    pub fn served(&self) -> usize {
        self.lists.borrow().values().map(|list| list.len()).sum()
    }

    /// Forgets a list that has ended, if it is still the one of its room.
    fn forget(&self, key: (FrameSource, bool), list: &Rc<CaughtUpList>) {
        if let Entry::Occupied(known) = self.lists.borrow_mut().entry(key)
            && Rc::ptr_eq(known.get(), list)
        {
            known.remove();
        }
    }
}

/// A reader's place in a caught-up list, or outside of all.
pub struct Seat {
    streams: Rc<DetachedStreams>,
    reader: Rc<ReaderSocket>,
    list: Option<Rc<CaughtUpList>>,
}

impl Seat {
    /// A seat outside of all lists.
    pub fn new(streams: &Rc<DetachedStreams>, reader: &Rc<ReaderSocket>) -> Self {
        Self { streams: Rc::clone(streams), reader: Rc::clone(reader), list: None }
    }

    /// Takes a place in the list of the stream's room, if there is one for it. Its task is woken when the list
    /// lets it go.
    pub fn take(&mut self, stream: &Stream) -> bool {
        self.list = self.streams.join(&self.reader, stream);
        self.list.is_some()
    }

    /// Returns true if the list serves the reader.
    pub fn is_taken(&self) -> bool {
        self.reader.index.get().is_some()
    }

    /// Leaves the list; returns the state to go on from if the reader was in one.
    pub fn leave(&mut self) -> Option<Left> {
        let list = self.list.take()?;
        list.remove(&self.reader).or_else(|| self.reader.left.take().map(|left| *left))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}
