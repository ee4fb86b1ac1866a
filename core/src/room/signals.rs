//! Presence, typing and unfinished answers of one room: shown, never logged, and collected.
//!
//! A join or a leave only marks the room. The housekeeping thread (see [`crate::room::housekeeping`])
//! publishes at most one presence signal and one typing signal per room and second, and answers twice a second. Each published signal
//! gets the room's next sequence number. A reader that holds an older number takes the newest of each kind
//! and passes over signals in between, as only the latest state counts.
//!
//! To wake ten thousand readers for a signal alone costs as much as a message. So in a large room a signal
//! waits for the next message, which wakes them all and takes it along; it is published alone only when none
//! comes. The more readers there are, the more rarely presence is sent, and in a large room answers as rarely.
//!
//! Bots are no readers: presence neither counts nor names them.
//!
//! One node of many also shows what the others tell (see [`crate::neighbours`]): it is added to what is here.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::answer::UnfinishedAnswer;
use crate::event::{Author, AuthorKind, Event, Position};
use crate::limits::{FRAME_KINDS_MAX, PRESENCE_NAMES_MAX, TYPING_NAMES_MAX};
use crate::room::answers::{Answers, is_ended};
use crate::room::elsewhere::{RoomSignals, add_answers, add_authors, add_presence};
use crate::room::encoder::{Encoders, FrameKind, Item, Presence, Signal};

/// Least time between two signals of one kind in one room.
pub const SIGNAL_INTERVAL: Duration = Duration::from_secs(1);
/// Least time between two signals of answers in a room that is not large.
const ANSWERS_INTERVAL: Duration = Duration::from_millis(500);
/// A room with more readers than this is large; with each further thousand, presence is sent a second less
/// often.
const LARGE: usize = 1_000;
/// Presence becomes at most this many times rarer than [`SIGNAL_INTERVAL`].
const PRESENCE_RARER_MAX: usize = 10;
/// A signal waits this long for a message in a large room.
const RIDE_MAX: Duration = Duration::from_secs(1);
/// Somebody who has said nothing for this long is no longer typing.
pub const TYPING_LASTS: Duration = Duration::from_secs(6);

/// A published signal, and its frames once somebody needed them.
pub(crate) struct SignalEntry {
    pub signal: Arc<Signal>,
    pub number: u64,
    /// Boxed: most rooms have a signal, and few have its frames of all kinds.
    frames: [OnceLock<Box<Bytes>>; FRAME_KINDS_MAX],
}

impl SignalEntry {
    pub fn frame(&self, kind: FrameKind, encoders: &Encoders) -> Bytes {
        let encode = || Box::new(encoders.encode(kind, Item::Signal(&self.signal)));
        Bytes::clone(self.frames[kind.index()].get_or_init(encode))
    }
}

#[derive(Default)]
pub(crate) struct Signals {
    /// Number of the newest signal. Stored (Release) under the lock; a load (Acquire) saves readers the lock.
    newest: AtomicU64,
    /// Somebody is typing. Stored (Release) under the lock; a load (Acquire) saves the writer the lock. Who
    /// begins to type while their message is published is shown as typing for a while.
    has_typing: AtomicBool,
    /// The same for unfinished answers.
    has_answers: AtomicBool,
    /// Held for memory work only, and never for longer the more readers there are: the writer takes it.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    readers: usize,
    /// Named readers, in the order in which they joined.
    named: BTreeMap<u64, Named>,
    /// Their keys there, by author id.
    joined: HashMap<Arc<str>, u64>,
    joins: u64,
    typing: Vec<(Author, Instant)>,
    answers: Answers,
    /// The sum of what the other nodes tell, if there is anything.
    elsewhere: Option<Box<RoomSignals>>,
    presence: Published,
    answered: Published,
    typed: Published,
    riding: Option<Riding>,
}

/// A signal of a large room that was published and for which nobody was woken yet.
#[derive(Clone, Copy)]
struct Riding {
    since: Instant,
    /// The room's head after it was published: who is woken by an event above it, finds the signal too.
    head: Position,
}

/// A reader known by name, once for all of their connections.
struct Named {
    author: Author,
    connections: usize,
}

#[derive(Default)]
struct Published {
    latest: Option<Arc<SignalEntry>>,
    at: Option<Instant>,
    changed: bool,
}

impl Published {
    fn due(&self, now: Instant, interval: Duration) -> bool {
        self.changed && self.at.is_none_or(|at| now.duration_since(at) >= interval)
    }
}

/// The result of a look at the room's signals.
pub(crate) struct Look {
    /// Something was published that no message brings: readers are to be woken.
    pub wake: bool,
    /// Something is still to come: look again.
    pub again: bool,
}

impl Signals {
    pub fn enter(&self, reader: Option<&Author>) {
        if is_bot(reader) {
            return;
        }
        let mut state = self.state.lock();
        state.readers += 1;
        state.joins += 1;
        state.presence.changed = true;
        let Some(author) = reader else { return };
        let state = &mut *state;
        let joined = *state.joined.entry(author.id.clone()).or_insert(state.joins);
        let named =
            state.named.entry(joined).or_insert_with(|| Named { author: author.clone(), connections: 0 });
        named.connections += 1;
        named.author = author.clone();
    }

    pub fn leave(&self, reader: Option<&Author>) {
        if is_bot(reader) {
            return;
        }
        let mut state = self.state.lock();
        state.readers -= 1;
        state.presence.changed = true;
        let Some(author) = reader else { return };
        let Some(joined) = state.joined.get(&author.id).copied() else { return };
        if let Some(named) = state.named.get_mut(&joined) {
            named.connections -= 1;
            if named.connections == 0 {
                state.named.remove(&joined);
                state.joined.remove(&author.id);
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
            self.has_typing.store(true, Ordering::Release);
        }
    }

    /// Somebody who has sent a message has stopped typing it.
    pub fn stop_typing(&self, author: &Author) {
        if !self.has_typing.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state.lock();
        if let Some(elsewhere) = &mut state.elsewhere {
            let before = elsewhere.typing.len();
            elsewhere.typing.retain(|known| known.id != author.id);
            let changed = elsewhere.typing.len() != before;
            state.typed.changed |= changed;
        }
        self.retain_typing(&mut state, |known, _| known.id != author.id);
    }

    fn retain_typing(&self, state: &mut State, types: impl Fn(&Author, Instant) -> bool) {
        let before = state.typing.len();
        state.typing.retain(|(known, at)| types(known, *at));
        state.typed.changed |= state.typing.len() != before;
        self.tell_what_there_is(state);
    }

    /// Lets the writer know if there is anything that events can end.
    fn tell_what_there_is(&self, state: &State) {
        let elsewhere = state.elsewhere.as_deref();
        let types = elsewhere.is_some_and(|elsewhere| !elsewhere.typing.is_empty());
        self.has_typing.store(types || !state.typing.is_empty(), Ordering::Release);
        let writes = elsewhere.is_some_and(|elsewhere| !elsewhere.answers.is_empty());
        self.has_answers.store(writes || !state.answers.is_empty(), Ordering::Release);
    }

    /// Takes the sum of what the other nodes tell, instead of what they told before.
    pub fn hear(&self, elsewhere: RoomSignals) {
        let mut state = self.state.lock();
        let before = state.elsewhere.take().unwrap_or_default();
        state.presence.changed |= elsewhere.presence != before.presence;
        state.typed.changed |= elsewhere.typing != before.typing;
        state.answered.changed |= elsewhere.answers != before.answers;
        state.elsewhere = (!elsewhere.is_empty()).then(|| Box::new(elsewhere));
        self.tell_what_there_is(&state);
    }

    /// Returns what there is at this node.
    pub fn here(&self) -> RoomSignals {
        let state = self.state.lock();
        let typing = state.typing.iter().map(|(author, _)| author.clone()).collect();
        RoomSignals { presence: state.presence_here(), typing, answers: state.answers.list() }
    }

    pub fn show_answer(&self, answer: UnfinishedAnswer) {
        let mut state = self.state.lock();
        state.answered.changed |= state.answers.show(answer, Instant::now());
        self.tell_what_there_is(&state);
    }

    pub fn remove_answer(&self, author_id: &str, reply_to: Position) {
        self.end_answers(|answer| answer.reply_to == reply_to && *answer.author.id == *author_id);
    }

    /// Takes away the answers that an event finishes or makes pointless.
    pub fn pass(&self, event: &Event) {
        self.end_answers(|answer| is_ended(answer, event));
    }

    fn end_answers(&self, is_ended: impl Fn(&UnfinishedAnswer) -> bool) {
        if !self.has_answers.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state.lock();
        let mut changed = state.answers.end(&is_ended);
        if let Some(elsewhere) = &mut state.elsewhere {
            let before = elsewhere.answers.len();
            elsewhere.answers.retain(|answer| !is_ended(answer));
            changed |= elsewhere.answers.len() != before;
        }
        state.answered.changed |= changed;
        self.tell_what_there_is(&state);
    }

    pub fn presence(&self) -> Presence {
        self.state.lock().presence()
    }

    /// Publishes what is due. `head` gives the room's head such that events above it are published after the
    /// call.
    pub fn look(&self, now: Instant, head: impl Fn() -> Position) -> Look {
        let mut state = self.state.lock();
        let mut wake = false;
        if let Some(riding) = state.riding {
            let brought = head() > riding.head;
            wake = !brought && now.duration_since(riding.since) >= RIDE_MAX;
            if brought || wake {
                state.riding = None;
            }
        }
        self.retain_typing(&mut state, |_, at| now.duration_since(at) < TYPING_LASTS);
        let mut published = false;
        if state.presence.due(now, presence_interval(state.readers)) {
            let signal = Signal::Presence(state.presence());
            published |= self.publish(&mut state.presence, signal, now);
        }
        if state.typed.due(now, SIGNAL_INTERVAL) {
            let signal = Signal::Typing(state.typing());
            published |= self.publish(&mut state.typed, signal, now);
        }
        let has_ended = state.answers.expire(now);
        state.answered.changed |= has_ended;
        self.tell_what_there_is(&state);
        if state.answered.due(now, answers_interval(state.readers)) {
            let signal = Signal::Answers(state.answers());
            published |= self.publish(&mut state.answered, signal, now);
        }
        if published && state.readers <= LARGE {
            wake = true;
            state.riding = None;
        } else if published && !wake {
            let since = state.riding.map_or(now, |riding| riding.since);
            state.riding = Some(Riding { since, head: head() });
        }
        let changed = state.presence.changed || state.typed.changed || state.answered.changed;
        let ends_elsewhere = state.elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.passes());
        let expires = !state.typing.is_empty() || !state.answers.is_empty() || ends_elsewhere;
        Look { wake, again: changed || state.riding.is_some() || expires }
    }

    fn publish(&self, published: &mut Published, signal: Signal, now: Instant) -> bool {
        published.changed = false;
        if published.latest.as_ref().is_some_and(|latest| *latest.signal == signal) {
            return false;
        }
        // The caller holds the lock: numbers ascend by one.
        let number = self.newest.load(Ordering::Relaxed) + 1;
        published.at = Some(now);
        published.latest =
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
        let latest = [&state.presence.latest, &state.typed.latest, &state.answered.latest];
        let newer = latest.into_iter().flatten().filter(|entry| entry.number > seen);
        newer.min_by_key(|entry| entry.number).cloned()
    }
}

impl State {
    fn presence_here(&self) -> Presence {
        let authors =
            self.named.values().take(PRESENCE_NAMES_MAX).map(|named| named.author.clone()).collect();
        Presence { count: self.readers, authors }
    }

    fn presence(&self) -> Presence {
        let mut presence = self.presence_here();
        if let Some(elsewhere) = &self.elsewhere {
            add_presence(&mut presence, &elsewhere.presence);
        }
        presence
    }

    fn typing(&self) -> Vec<Author> {
        let mut typing = self.typing.iter().map(|(author, _)| author.clone()).collect();
        if let Some(elsewhere) = &self.elsewhere {
            add_authors(&mut typing, &elsewhere.typing, TYPING_NAMES_MAX);
        }
        typing
    }

    fn answers(&self) -> Vec<UnfinishedAnswer> {
        let mut answers = self.answers.list();
        if let Some(elsewhere) = &self.elsewhere {
            add_answers(&mut answers, &elsewhere.answers);
        }
        answers
    }
}

/// Returns the least time between two presence signals in a room of `readers`.
fn presence_interval(readers: usize) -> Duration {
    SIGNAL_INTERVAL * readers.div_ceil(LARGE).clamp(1, PRESENCE_RARER_MAX) as u32
}

/// Returns the least time between two signals of answers in a room of `readers`.
fn answers_interval(readers: usize) -> Duration {
    if readers <= LARGE { ANSWERS_INTERVAL } else { presence_interval(readers) }
}

fn is_bot(reader: Option<&Author>) -> bool {
    reader.is_some_and(|reader| reader.kind == AuthorKind::Bot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::AnswerState;
    use crate::event::{Body, RoomName, Timestamp};
    use crate::limits::ANSWERS_PER_ROOM_MAX;
    use crate::room::answers::ANSWER_LASTS;

    fn author(id: &str) -> Author {
        Author { id: id.into(), name: "Ada".into(), kind: AuthorKind::Guest }
    }

    #[test]
    fn joins_within_a_second_become_one_signal() {
        let (signals, start) = (Signals::default(), Instant::now());
        for n in 1..LARGE {
            signals.enter((n % 2 == 0).then(|| author(&n.to_string())).as_ref());
        }
        assert!(signals.look(start, || 0).wake);
        signals.enter(None);
        let look = signals.look(start + SIGNAL_INTERVAL / 2, || 0);
        assert!(!look.wake && look.again);
        assert!(signals.look(start + SIGNAL_INTERVAL, || 0).wake);
        let entry = signals.after(0).unwrap();
        let Signal::Presence(presence) = &*entry.signal else { panic!() };
        assert_eq!((presence.count, presence.authors.len(), entry.number), (LARGE, PRESENCE_NAMES_MAX, 2));
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
    fn names_are_in_the_order_in_which_they_came() {
        let signals = Signals::default();
        let ids =
            || signals.presence().authors.iter().map(|author| author.id.to_string()).collect::<Vec<_>>();
        for id in ["b", "c", "a", "c"] {
            signals.enter(Some(&author(id)));
        }
        assert_eq!(ids(), ["b", "c", "a"]);
        signals.leave(Some(&author("b")));
        signals.leave(Some(&author("c")));
        assert_eq!(ids(), ["c", "a"], "one of its connections is there still");
        signals.enter(Some(&author("b")));
        assert_eq!(ids(), ["c", "a", "b"], "and who comes back is the newest");
    }

    #[test]
    fn typing_is_shown_and_goes_by_itself() {
        let (signals, start) = (Signals::default(), Instant::now());
        signals.type_now(&author("a"));
        assert!(signals.look(start, || 0).wake);
        let look = signals.look(start + TYPING_LASTS / 2, || 0);
        assert!(!look.wake && look.again);
        assert!(signals.look(start + TYPING_LASTS * 2, || 0).wake);
        assert_eq!(*signals.after(1).unwrap().signal, Signal::Typing(vec![]));
        assert!(!signals.look(start + TYPING_LASTS * 3, || 0).again);
    }

    #[test]
    fn answers_are_collected_and_end_with_their_message_their_question_and_their_time() {
        let (signals, start) = (Signals::default(), Instant::now());
        let answer = |id, reply_to, text| {
            UnfinishedAnswer::new(author(id), reply_to, AnswerState::Writing).with_text(text)
        };
        let event = |body| Event {
            position: 9,
            prev: 8,
            room: RoomName::new("a").unwrap(),
            author: Some(author("bot")),
            created_at: Timestamp(0),
            body,
        };
        let mut number = 0;
        let mut at = start;
        let mut shown = || {
            at += ANSWERS_INTERVAL;
            assert!(signals.look(at, || 0).wake);
            let entry = signals.after(number).unwrap();
            number = entry.number;
            let Signal::Answers(answers) = &*entry.signal else { panic!() };
            answers.iter().map(|answer| (answer.reply_to, answer.content.to_string())).collect::<Vec<_>>()
        };
        signals.show_answer(answer("bot", 1, "a"));
        signals.show_answer(answer("bot", 1, "ab"));
        signals.show_answer(answer("bot", 2, "c"));
        assert_eq!(shown(), [(1, "ab".into()), (2, "c".into())]);
        let message = event(Body::Message { content: Some("abc".into()), reply_to: Some(1) });
        signals.pass(&message);
        assert_eq!(shown(), [(2, "c".into())]);
        signals.pass(&event(Body::Delete { target: 2 }));
        assert_eq!(shown(), []);
        for n in 0..ANSWERS_PER_ROOM_MAX as u64 + 3 {
            signals.show_answer(answer("bot", n, "d"));
        }
        assert_eq!(shown().len(), ANSWERS_PER_ROOM_MAX);
        signals.remove_answer("bot", 0);
        assert_eq!(shown().len(), ANSWERS_PER_ROOM_MAX - 1);
        let later = Instant::now() + ANSWER_LASTS + ANSWERS_INTERVAL;
        assert!(signals.look(later, || 0).wake, "they were not shown again");
        assert!(!signals.look(later + ANSWERS_INTERVAL, || 0).again);
    }

    #[test]
    fn answers_are_sent_twice_a_second_at_most_and_more_rarely_to_many() {
        let (signals, start) = (Signals::default(), Instant::now());
        let answer = |text| UnfinishedAnswer::new(author("bot"), 1, AnswerState::Writing).with_text(text);
        signals.show_answer(answer("a"));
        assert!(signals.look(start, || 0).wake);
        signals.show_answer(answer("ab"));
        assert!(!signals.look(start + ANSWERS_INTERVAL / 2, || 0).wake);
        assert!(signals.look(start + ANSWERS_INTERVAL, || 0).wake);
        assert_eq!(answers_interval(LARGE), ANSWERS_INTERVAL);
        assert_eq!(answers_interval(5_000), presence_interval(5_000));
    }

    #[test]
    fn bots_are_no_readers() {
        let signals = Signals::default();
        let bot = Author { kind: AuthorKind::Bot, ..author("b") };
        signals.enter(Some(&bot));
        signals.enter(Some(&author("a")));
        assert_eq!((signals.presence().count, signals.presence().authors.len()), (1, 1));
        signals.leave(Some(&bot));
        assert_eq!(signals.presence().count, 1);
    }

    /// A large room whose first signal was brought by a message.
    fn large(readers: usize, start: Instant) -> Signals {
        let signals = Signals::default();
        (0..readers).for_each(|_| signals.enter(None));
        let look = signals.look(start, || 1);
        assert!(!look.wake && look.again);
        let look = signals.look(start, || 2);
        assert!(!look.wake && !look.again);
        signals
    }

    #[test]
    fn in_a_large_room_a_signal_comes_with_the_next_message_or_alone_when_none_comes() {
        let start = Instant::now();
        let signals = large(LARGE + 1, start);
        let ada = author("a");
        signals.type_now(&ada);
        assert!(!signals.look(start, || 2).wake);
        assert!(signals.after(1).is_some(), "whoever is woken by a message finds it");
        let look = signals.look(start + RIDE_MAX / 2, || 2);
        assert!(!look.wake && look.again);
        assert!(signals.look(start + RIDE_MAX, || 2).wake);
        signals.stop_typing(&ada);
        assert!(!signals.look(start + RIDE_MAX * 2, || 3).wake);
        assert!(!signals.look(start + RIDE_MAX * 3, || 4).wake, "the message has brought it");
    }

    #[test]
    fn a_signal_that_follows_one_that_waits_does_not_wait_from_the_beginning() {
        let start = Instant::now();
        let signals = large(LARGE + 9, start);
        signals.type_now(&author("a"));
        assert!(!signals.look(start + RIDE_MAX * 3 / 2, || 2).wake);
        signals.leave(None);
        assert!(!signals.look(start + SIGNAL_INTERVAL * 2, || 2).wake);
        assert!(signals.after(2).is_some());
        assert!(signals.look(start + RIDE_MAX * 5 / 2, || 2).wake);
    }

    #[test]
    fn the_more_there_are_the_more_rarely_their_number_is_sent() {
        let start = Instant::now();
        let signals = large(5_000, start);
        signals.leave(None);
        signals.look(start + SIGNAL_INTERVAL * 4, || 2);
        assert!(signals.after(1).is_none());
        signals.look(start + SIGNAL_INTERVAL * 5, || 2);
        let Signal::Presence(presence) = &*signals.after(1).unwrap().signal else { panic!() };
        assert_eq!(presence.count, 4_999);
        assert_eq!(presence_interval(1_000_000), SIGNAL_INTERVAL * PRESENCE_RARER_MAX as u32);
    }
}
