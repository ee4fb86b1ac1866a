//! Presence and typing of one room: shown, never logged, gathered.
//!
//! A join or a leave only marks the room; the keeper (see [`crate::keeper`]) publishes at most one presence
//! signal and one typing signal per room and second. Each published signal gets the room's next sequence
//! number, and a reader that holds an older number takes the newest of each kind: signals in between are
//! passed over, as only the latest state counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::encoder::{
    Encoders, FRAME_KINDS_MAX, FrameKind, Item, PRESENCE_NAMES_MAX, Presence, Signal, TYPING_NAMES_MAX,
};
use crate::event::Author;

/// Least time between two signals of one kind in one room.
pub const SIGNAL_INTERVAL: Duration = Duration::from_secs(1);
/// Somebody who has said nothing for this long is no longer typing.
pub const TYPING_LASTS: Duration = Duration::from_secs(6);

/// A published signal, and its frames once somebody needed them.
pub(crate) struct SignalEntry {
    pub signal: Arc<Signal>,
    pub number: u64,
    frames: [OnceLock<Bytes>; FRAME_KINDS_MAX],
}

impl SignalEntry {
    pub fn frame(&self, kind: FrameKind, encoders: &Encoders) -> Bytes {
        self.frames[kind.index()].get_or_init(|| encoders.encode(kind, Item::Signal(&self.signal))).clone()
    }
}

#[derive(Default)]
pub(crate) struct Signals {
    /// Number of the newest signal. Stored (Release) under the lock; a load (Acquire) saves readers the lock.
    newest: AtomicU64,
    /// Held for memory work only.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    readers: usize,
    /// Named readers by author id.
    named: HashMap<Arc<str>, Named>,
    joins: u64,
    typing: Vec<(Author, Instant)>,
    presence: Published,
    typed: Published,
}

/// A reader known by name, once for all of their connections.
struct Named {
    author: Author,
    connections: usize,
    /// The how-manyth join of the room it was: names are listed in this order.
    joined: u64,
}

#[derive(Default)]
struct Published {
    latest: Option<Arc<SignalEntry>>,
    at: Option<Instant>,
    changed: bool,
}

impl Published {
    fn due(&self, now: Instant) -> bool {
        self.changed && self.at.is_none_or(|at| now.duration_since(at) >= SIGNAL_INTERVAL)
    }
}

/// What a look at the room's signals found.
pub(crate) struct Look {
    /// Something was published: readers are to be woken.
    pub published: bool,
    /// Something is still to come: look again.
    pub again: bool,
}

impl Signals {
    pub fn enter(&self, reader: Option<&Author>) {
        let mut state = self.state.lock();
        state.readers += 1;
        state.joins += 1;
        state.presence.changed = true;
        let joined = state.joins;
        if let Some(author) = reader {
            let named = state.named.entry(author.id.clone()).or_insert_with(|| Named {
                author: author.clone(),
                connections: 0,
                joined,
            });
            named.connections += 1;
            named.author = author.clone();
        }
    }

    pub fn leave(&self, reader: Option<&Author>) {
        let mut state = self.state.lock();
        state.readers -= 1;
        state.presence.changed = true;
        let Some(author) = reader else { return };
        if let Some(named) = state.named.get_mut(&author.id) {
            named.connections -= 1;
            if named.connections == 0 {
                state.named.remove(&author.id);
            }
        }
    }

    pub fn type_now(&self, author: &Author) {
        let mut state = self.state.lock();
        let now = Instant::now();
        if let Some(known) = state.typing.iter_mut().find(|(known, _)| known.id == author.id) {
            known.1 = now;
        } else if state.typing.len() < TYPING_NAMES_MAX {
            state.typing.push((author.clone(), now));
            state.typed.changed = true;
        }
    }

    /// Somebody who has sent a message has stopped typing it.
    pub fn stop_typing(&self, author: &Author) {
        let mut state = self.state.lock();
        let before = state.typing.len();
        state.typing.retain(|(known, _)| known.id != author.id);
        state.typed.changed |= state.typing.len() != before;
    }

    pub fn presence(&self) -> Presence {
        self.state.lock().presence()
    }

    /// Publishes what is due.
    pub fn look(&self, now: Instant) -> Look {
        let mut state = self.state.lock();
        let before = state.typing.len();
        state.typing.retain(|(_, at)| now.duration_since(*at) < TYPING_LASTS);
        state.typed.changed |= state.typing.len() != before;
        let mut published = false;
        if state.presence.due(now) {
            let signal = Signal::Presence(state.presence());
            published |= self.publish(&mut state.presence, signal, now);
        }
        if state.typed.due(now) {
            let signal = Signal::Typing(state.typing.iter().map(|(author, _)| author.clone()).collect());
            published |= self.publish(&mut state.typed, signal, now);
        }
        let again = state.presence.changed || state.typed.changed || !state.typing.is_empty();
        Look { published, again }
    }

    fn publish(&self, place: &mut Published, signal: Signal, now: Instant) -> bool {
        place.changed = false;
        if place.latest.as_ref().is_some_and(|latest| *latest.signal == signal) {
            return false;
        }
        // The caller holds the lock: numbers ascend by one.
        let number = self.newest.load(Ordering::Relaxed) + 1;
        place.at = Some(now);
        place.latest =
            Some(Arc::new(SignalEntry { signal: Arc::new(signal), number, frames: Default::default() }));
        self.newest.store(number, Ordering::Release);
        true
    }

    /// The oldest of the latest signals that has a number above `seen`.
    pub fn after(&self, seen: u64) -> Option<Arc<SignalEntry>> {
        if self.newest.load(Ordering::Acquire) <= seen {
            return None;
        }
        let state = self.state.lock();
        let latest = [&state.presence.latest, &state.typed.latest];
        let newer = latest.into_iter().flatten().filter(|entry| entry.number > seen);
        newer.min_by_key(|entry| entry.number).cloned()
    }
}

impl State {
    fn presence(&self) -> Presence {
        let mut named: Vec<&Named> = self.named.values().collect();
        named.sort_unstable_by_key(|named| named.joined);
        let authors = named.into_iter().take(PRESENCE_NAMES_MAX).map(|named| named.author.clone()).collect();
        Presence { count: self.readers, authors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AuthorKind;

    fn author(id: &str) -> Author {
        Author { id: id.into(), name: "Ada".into(), kind: AuthorKind::Guest }
    }

    #[test]
    fn joins_within_a_second_become_one_signal() {
        let (signals, start) = (Signals::default(), Instant::now());
        for n in 0..10_000 {
            signals.enter((n % 2 == 0).then(|| author(&n.to_string())).as_ref());
        }
        assert!(signals.look(start).published);
        signals.enter(None);
        let look = signals.look(start + SIGNAL_INTERVAL / 2);
        assert!(!look.published && look.again);
        assert!(signals.look(start + SIGNAL_INTERVAL).published);
        let entry = signals.after(0).unwrap();
        let Signal::Presence(presence) = &*entry.signal else { panic!() };
        assert_eq!((presence.count, presence.authors.len(), entry.number), (10_001, PRESENCE_NAMES_MAX, 2));
        assert!(signals.after(2).is_none());
    }

    #[test]
    fn two_connections_of_one_author_are_one_name_until_both_are_gone() {
        let signals = Signals::default();
        let ada = author("a");
        signals.enter(Some(&ada));
        signals.enter(Some(&ada));
        assert_eq!(signals.presence().authors.len(), 1);
        signals.leave(Some(&ada));
        assert_eq!((signals.presence().count, signals.presence().authors.len()), (1, 1));
        signals.leave(Some(&ada));
        assert_eq!(signals.presence(), Presence::default());
    }

    #[test]
    fn typing_is_shown_and_goes_by_itself() {
        let (signals, start) = (Signals::default(), Instant::now());
        signals.type_now(&author("a"));
        assert!(signals.look(start).published);
        let look = signals.look(start + TYPING_LASTS / 2);
        assert!(!look.published && look.again);
        assert!(signals.look(start + TYPING_LASTS * 2).published);
        assert_eq!(*signals.after(1).unwrap().signal, Signal::Typing(vec![]));
        assert!(!signals.look(start + TYPING_LASTS * 3).again);
    }
}
