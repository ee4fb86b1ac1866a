//! Counting deliveries, millions a second on all threads, so that the counting costs none of them.
//!
//! Each thread adds to a place of its own: one that all add to would wander from core to core with each delivery. And
//! the readers of a room that are written to in turn get the same frames, which are looked through once.

use bytes::Bytes;
use crossbeam::utils::CachePadded;
use memchr::memmem::Finder;
use prometheus_client::metrics::counter::Atomic;
use std::cell::RefCell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Places to add to. Threads beyond them share.
const PLACES: usize = 16;

/// A counter's number, spread over places. All orders are relaxed: nothing is read by it but the number.
#[derive(Debug, Default)]
pub struct Spread([CachePadded<AtomicU64>; PLACES]);

impl Spread {
    fn own(&self) -> &AtomicU64 {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        }
        &self.0[PLACE.with(|place| *place)]
    }
}

impl Atomic<u64> for Spread {
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// Gives what this place had before.
    fn inc_by(&self, more: u64) -> u64 {
        self.own().fetch_add(more, Ordering::Relaxed)
    }

    fn get(&self) -> u64 {
        self.0.iter().map(|place| place.load(Ordering::Relaxed)).sum()
    }
}

/// How many events these frames hold: each has one line with an id, at which nothing that people type can begin a line.
pub fn events_in(frames: &Bytes) -> u64 {
    thread_local! {
        /// The frames that were looked through last, and their events. They are held, so that no others can have
        /// their address.
        static LAST: RefCell<(Bytes, u64)> = const { RefCell::new((Bytes::new(), 0)) };
    }
    LAST.with_borrow_mut(|(last, count)| {
        if (last.as_ptr(), last.len()) != (frames.as_ptr(), frames.len()) {
            *count = look_through(frames);
            *last = frames.clone();
        }
        *count
    })
}

fn look_through(frames: &[u8]) -> u64 {
    static ID_LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\nid: "));
    ID_LINE.find_iter(frames).count() as u64 + u64::from(frames.starts_with(b"id: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_add_is_in_the_sum() {
        let spread = Spread::default();
        std::thread::scope(|scope| {
            for _ in 0..PLACES + 3 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        spread.inc_by(2);
                    }
                });
            }
        });
        spread.inc();
        assert_eq!(spread.get(), (PLACES as u64 + 3) * 2_000 + 1);
    }

    #[test]
    fn the_events_are_those_of_the_frames_and_not_of_the_last_ones() {
        for (frames, events) in [
            ("id: 1\ndata: x\n\n", 1),
            ("id: 1\ndata: x\n\n", 1),
            ("event: a\nid: 1\n\nid: 2\n\n", 2),
            ("event: presence\ndata: id: 7\n\n", 0),
            ("", 0),
        ] {
            let frames = Bytes::from(frames);
            assert_eq!((events_in(&frames), events_in(&frames.clone())), (events, events), "{frames:?}");
        }
    }
}
