//! The body of a stream: a subscription turned into bytes.
//!
//! The frames come ready from the core; what is added here is said by a [`SseFormat`]: how the stream opens,
//! a gap that came later, the heartbeat after [`HEARTBEAT`] of silence. Both ways to read a room, the API's
//! and the page's, are this one stream in two formats. An `EventSource` that is answered anything but 200 is
//! silent for good: so a bad place opens with `reset`, and a log that cannot be read now ends the stream with
//! the wish to come back.

use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream as _;
use millchat::{
    Delivery, EventId, FrameGroup, FramePlace, FrameSource, FrameSubscription, GapReason, Opened, Position,
    Timestamp,
};
use tokio::time::{Instant, Sleep};

use crate::access::authority::{Authority, Seen};
use crate::access::denial::Denial;
use crate::access::guard::Guard;
use crate::drain::Drain;
use crate::http::{Chunks, EventStream};
use crate::identity::TokenError;
use crate::limit::ConnectionPermit;
use crate::log_throttle::LogThrottle;
use crate::metrics::Metrics;
use crate::problem::Kind;
use crate::sse::retry::{write_retry, write_retry_denied};

/// Silence after which a heartbeat is sent, so that proxies keep the connection and readers trust it.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Pending deliveries are gathered into one chunk of at most this size: it is a copy, which a reader that
/// stopped reading has for itself. What is larger is the room's own frame, shared by all of its readers.
const GATHER_BYTES_MAX: usize = 32 * 1024;
/// A larger chunk goes out in slices of this size: the connection takes whole ones until it holds its limit,
/// so a slice is what a reader that stopped reading can cost above it.
pub const SLICE_BYTES_MAX: usize = 32 * 1024;

/// Longest time after which a guard that knows an end is asked again: the wall clock may be set.
const GUARD_WAIT_MAX: Duration = Duration::from_hours(1);

/// The parts of a stream besides its frames, for one kind of reader. Each call appends whole SSE events.
pub trait SseFormat: 'static {
    /// The first thing on the stream.
    fn opening(&self, opened: &Opened, out: &mut Vec<u8>);
    /// The reader misses the events between `from` and `place`: retention took them, or they cannot be read.
    /// `closed` tells if the room is closed now, since the event that said so may be among them.
    fn gap(&self, from: Position, reason: GapReason, place: EventId, closed: bool, out: &mut Vec<u8>);
    /// Nothing has come for [`HEARTBEAT`].
    fn heartbeat(&self, out: &mut Vec<u8>);
    /// The reader may not read, or no longer. It is the last thing on the stream.
    fn denied(&self, denial: &Denial, out: &mut Vec<u8>);
    /// The reader tried to be somebody and counts as nobody. It comes before the opening.
    fn nobody(&self, why: TokenError, out: &mut Vec<u8>);
}

/// The terms on which a caught-up list serves a reader.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Everything up to here was handed over.
    pub place: FramePlace,
    /// When its guard is to be asked.
    pub guard_until: Option<Instant>,
    /// When bytes last went to it.
    pub sent_at: Instant,
}

/// The reason why a stream ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The log could not be read, or the chat is closed.
    Failed,
    /// The reader may no longer read.
    Denied,
}

/// A reader's stream. Dropping it leaves the room.
pub struct Stream {
    metrics: Arc<Metrics>,
    /// Once it is raised the stream ends.
    drain: Arc<Drain>,
    subscription: FrameSubscription,
    format: Box<dyn SseFormat>,
    /// Says if the reader may still read, before anything goes out.
    guard: Box<Guard>,
    /// When the guard is to be asked in any case.
    guard_until: Option<Instant>,
    /// When bytes last went out; the heartbeat is due [`HEARTBEAT`] after it.
    sent_at: Instant,
    /// Not re-armed at each delivery: when it fires it looks at `sent_at` and sleeps on for the rest. So a
    /// busy stream touches the timer once in 15 s instead of thousands of times.
    ///
    /// There is none while a list serves a reader whose guard need not be asked at any time.
    timer: Option<Pin<Box<Sleep>>>,
    /// The rest of a large chunk; it goes out before anything else, the end too.
    rest: Bytes,
    /// Goes before all else, once the rest has gone: a delivery that the chunk before had no room for, or the
    /// head of the answer.
    pending: Bytes,
    /// Nothing is pending, and the next event will wake the task that polled last.
    caught_up: bool,
    /// The timer has been polled since it was set.
    timed: bool,
    /// Set once the stream has to end: the next poll ends it.
    end: Option<End>,
    /// Bytes of the answer's head among those that are pending first: they go out in any case.
    head_bytes: usize,
    /// The connection sets it when it is to be found out whether the reader is there: a heartbeat is due.
    asked: Rc<Cell<bool>>,
    /// The reader's share of the connections of its address, when that is not its connection's.
    permit: Option<ConnectionPermit>,
}

impl Stream {
    /// A stream of what the subscription delivers, whose frames are of the format's kind.
    pub fn new(
        (metrics, drain): (&Arc<Metrics>, &Arc<Drain>),
        subscription: FrameSubscription,
        guard: Guard,
        format: impl SseFormat,
    ) -> Self {
        metrics.readers.inc();
        let guard_until = instant(guard.until());
        let now = Instant::now();
        Self {
            metrics: Arc::clone(metrics),
            drain: Arc::clone(drain),
            subscription,
            format: Box::new(format),
            guard: Box::new(guard),
            guard_until,
            sent_at: now,
            timer: None,
            rest: Bytes::new(),
            pending: Bytes::new(),
            caught_up: false,
            timed: false,
            end: None,
            head_bytes: 0,
            asked: Rc::default(),
            permit: None,
        }
    }

    /// Begins with these bytes, together with what is pending first.
    pub fn begin_with(&mut self, head: Bytes) {
        self.head_bytes = head.len();
        self.pending = head;
    }

    /// Returns true if the stream ends because its reader may no longer read.
    pub fn is_denied(&self) -> bool {
        self.end == Some(End::Denied)
    }

    /// Returns true if the task that polled last will be woken by the next event, also when it got bytes: it
    /// need not poll again.
    pub fn is_waiting(&self) -> bool {
        self.caught_up
            && self.rest.is_empty()
            && self.end.is_none()
            && self.timed
            && self.timer.as_ref().is_some_and(|timer| !timer.is_elapsed())
    }

    /// Returns true if all bytes that have gone are whole events, and none are waiting that only this reader
    /// has: then another stream may go on in the same body.
    pub fn is_between_events(&self) -> bool {
        self.rest.is_empty() && !self.pending.is_unique()
    }

    /// The next bytes; `None` when the stream ends: the process is to end, the log cannot be read, or the reader
    /// may no longer read. In any case the reader comes back with its place.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.rest.is_empty() && (self.end.is_some() || self.drain.is_raised()) {
            // The head of an answer goes out also when nothing follows: no answer at all would be taken for a
            // failure.
            self.rest = mem::take(&mut self.pending);
            if self.rest.is_empty() {
                return Poll::Ready(None);
            }
        }
        if self.rest.is_empty() {
            self.rest = self.gather(cx).unwrap_or_default();
            // After the events were taken and before any of them goes out. While a reader is far behind, the timer
            // is not looked at.
            let is_due = self.guard_until.is_some_and(|until| until <= self.sent_at);
            if !self.is_denied() && (is_due || !self.guard.is_current()) {
                self.ask_guard();
            }
        }
        if let Some(bytes) = slice(&mut self.rest) {
            self.head_bytes = 0;
            self.sent_at = Instant::now();
            return Poll::Ready(Some(bytes));
        }
        if self.end.is_some() {
            return Poll::Ready(None);
        }
        if self.asked.take() {
            self.sent_at = Instant::now();
            return Poll::Ready(Some(self.heartbeat()));
        }
        while self.timer().poll(cx).is_ready() {
            let now = Instant::now();
            if self.guard_until.is_some_and(|until| until <= now) {
                self.ask_guard();
                if let Some(bytes) = slice(&mut self.rest) {
                    return Poll::Ready(Some(bytes));
                }
            }
            let silent = now - self.sent_at;
            if silent >= HEARTBEAT {
                self.sent_at = now;
                self.set_timer(timer_at(now, self.guard_until));
                self.timed = false;
                return Poll::Ready(Some(self.heartbeat()));
            }
            self.set_timer(timer_at(self.sent_at, self.guard_until));
        }
        self.timed = true;
        Poll::Pending
    }

    /// Has this task woken when rights change, and when the process is to end.
    pub fn watch(&self, task: &Waker) {
        self.guard.wait(task);
    }

    /// Has the task that polls be woken by the timer, as by the next event.
    pub fn wait(&mut self, cx: &mut Context<'_>) {
        self.timed = self.timed || self.timer().poll(cx).is_pending();
    }

    /// Returns the terms on which a caught-up list serves the reader, and what it was allowed by; `None` while its
    /// stream has something of its own to say. Ask when nothing is pending.
    pub fn terms(&self) -> Option<(Terms, Seen)> {
        let is_quiet = self.is_waiting() && self.pending.is_empty() && !self.asked.get();
        if !is_quiet || self.drain.is_raised() {
            return None;
        }
        let (guard_until, sent_at) = (self.guard_until, self.sent_at);
        let terms = Terms { place: self.subscription.place()?, guard_until, sent_at };
        Some((terms, self.guard.seen()?))
    }

    /// Returns the frames that are read here.
    pub fn source(&self) -> FrameSource {
        self.subscription.source()
    }

    /// Returns true if other readers of this thread are in the room.
    pub fn has_company(&self) -> bool {
        self.subscription.has_company()
    }

    /// Returns a reader of the room for all who are at this place.
    pub fn group(&self) -> Option<FrameGroup> {
        self.subscription.group()
    }

    /// Returns whoever decides if the reader may read, and the counters of what it gets.
    pub fn counted_by(&self) -> (&Arc<Authority>, &Arc<Metrics>) {
        (self.guard.authority(), &self.metrics)
    }

    /// A list serves the reader from now on: what comes does not wake its task.
    pub fn rest(&mut self) {
        self.subscription.rest();
        if self.guard_until.is_none() {
            (self.timer, self.timed) = (None, false);
        }
    }

    /// Ready when the reader has to leave the list that serves it.
    pub fn poll_served(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.drain.is_raised() || self.asked.get() || !self.guard.is_current() {
            return Poll::Ready(());
        }
        // The list sends the heartbeats. The timer fires once after the last that was sent here, and then only when
        // the guard is to be asked.
        while let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            let now = Instant::now();
            let latest = now + GUARD_WAIT_MAX;
            let until = self.guard_until.map_or(latest, |until| until.min(latest));
            if until <= now {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }

    /// Goes on alone, after a list has served the reader up to this place.
    pub fn go_on(&mut self, place: FramePlace, sent_at: Instant) {
        self.subscription.move_to(place);
        self.sent_at = self.sent_at.max(sent_at);
        if self.guard_until.is_some_and(|until| until <= Instant::now()) {
            self.ask_guard();
        }
        let due = timer_at(self.sent_at, self.guard_until);
        if self.timer.as_ref().is_some_and(|timer| timer.deadline() > due) {
            self.set_timer(due);
        }
    }

    /// Returns the timer, which is made if there is none.
    fn timer(&mut self) -> Pin<&mut Sleep> {
        let due = timer_at(self.sent_at, self.guard_until);
        self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due))).as_mut()
    }

    fn set_timer(&mut self, due: Instant) {
        self.timer().reset(due);
    }

    /// Asks the guard again. If the reader may no longer read, nothing goes out of what was taken, and what goes out
    /// instead says so.
    fn ask_guard(&mut self) {
        let Err(denial) = self.guard.check() else {
            self.guard_until = instant(self.guard.until());
            return;
        };
        let head = self.rest.split_to(self.head_bytes.min(self.rest.len()));
        let mut out = Vec::from(head);
        write_retry_denied(&mut out);
        self.format.denied(&denial, &mut out);
        self.metrics.error(denial.kind().name());
        self.pending = Bytes::new();
        self.rest = out.into();
        self.end = Some(End::Denied);
    }

    /// Returns the bytes of a heartbeat.
    pub fn heartbeat(&self) -> Bytes {
        let mut out = Vec::new();
        self.format.heartbeat(&mut out);
        out.into()
    }

    /// Returns all that is pending now, as one chunk; `None` when nothing is.
    fn gather(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        let first = if self.pending.is_empty() { self.next(cx)? } else { mem::take(&mut self.pending) };
        if first.len() >= GATHER_BYTES_MAX {
            return Some(first);
        }
        // Mostly there is nothing more, and the shared frame goes out unchanged, without a copy.
        let Some(second) = self.next(cx) else { return Some(first) };
        if first.len() + second.len() > GATHER_BYTES_MAX {
            self.pending = second;
            return Some(first);
        }
        let mut chunk = BytesMut::with_capacity(first.len() + second.len());
        chunk.extend_from_slice(&first);
        chunk.extend_from_slice(&second);
        while let Some(more) = self.next(cx) {
            if chunk.len() + more.len() > GATHER_BYTES_MAX {
                self.pending = more;
                break;
            }
            chunk.extend_from_slice(&more);
        }
        Some(chunk.freeze())
    }

    /// One delivery as bytes; `None` when none is pending or the log failed.
    fn next(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        self.caught_up = false;
        let delivery = match Pin::new(&mut self.subscription).poll_next(cx) {
            Poll::Pending => {
                self.caught_up = true;
                self.guard.wait(cx.waker());
                return None;
            }
            Poll::Ready(None) => {
                self.end = Some(End::Failed);
                return None;
            }
            Poll::Ready(Some(Ok(delivery))) => delivery,
            Poll::Ready(Some(Err(error))) => {
                static LOGGED: LogThrottle = LogThrottle::new();
                let kind = Kind::of_read(&error);
                if kind == Kind::LogUnreadable && LOGGED.is_due() {
                    tracing::error!(%error, "a stream ends: the log cannot be read");
                }
                self.metrics.error(kind.name());
                self.end = Some(End::Failed);
                return None;
            }
        };
        let mut out = Vec::new();
        match delivery {
            Delivery::Item(frames) => {
                self.metrics.delivered(&frames);
                return Some(frames.bytes);
            }
            Delivery::Opening(opened) => {
                if let Some(why) = self.guard.nobody() {
                    self.format.nobody(why, &mut out);
                }
                self.format.opening(&opened, &mut out);
                write_retry(&mut out);
            }
            Delivery::Gap { from, to, reason, is_closed } => {
                let place = EventId { epoch: self.subscription.epoch(), position: to };
                self.format.gap(from, reason, place, is_closed, &mut out);
            }
        }
        Some(out.into())
    }
}

/// Returns the time at which the timer of a stream is due that sent something last at this time.
fn timer_at(sent_at: Instant, guard_until: Option<Instant>) -> Instant {
    let heartbeat = sent_at + HEARTBEAT;
    guard_until.map_or(heartbeat, |until| heartbeat.min(until))
}

/// Returns the moment of a time of the wall clock, as the timers have it; a far one is asked for again.
fn instant(time: Option<Timestamp>) -> Option<Instant> {
    let wait = Duration::from_millis(time?.0.saturating_sub(Timestamp::now().0));
    Some(Instant::now() + wait.min(GUARD_WAIT_MAX))
}

/// The next slice of a chunk, without a copy; `None` when nothing is left of it.
fn slice(rest: &mut Bytes) -> Option<Bytes> {
    (!rest.is_empty()).then(|| rest.split_to(rest.len().min(SLICE_BYTES_MAX)))
}

impl Chunks for Stream {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        Self::poll_bytes(self, cx)
    }
}

impl EventStream for Stream {
    fn keep(&mut self, permit: ConnectionPermit) {
        self.permit = Some(permit);
    }

    fn obey(&mut self, asked: Rc<Cell<bool>>) {
        self.asked = asked;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.metrics.readers.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use millchat::{Action, Author, AuthorKind, Chat, Draft, Encoder, Epoch, Item, RoomName, StartFrom};

    use super::*;
    use crate::access::authority::{Allowed, Authority};
    use crate::access::decide::Caller;
    use crate::access::rules::Rules;
    use crate::access::watch::RightsWatch;
    use crate::access::{self};
    use crate::identity::site::Sites;
    use crate::identity::{Identity, Person, Via};

    struct Silent;

    impl SseFormat for Silent {
        fn opening(&self, _: &Opened, _: &mut Vec<u8>) {}
        fn gap(&self, _: Position, _: GapReason, _: EventId, _: bool, _: &mut Vec<u8>) {}
        fn heartbeat(&self, _: &mut Vec<u8>) {}
        fn denied(&self, _: &Denial, _: &mut Vec<u8>) {}
        fn nobody(&self, _: TokenError, _: &mut Vec<u8>) {}
    }

    /// A stream of a room that is empty, with these frames.
    async fn stream(encoder: impl Encoder) -> (Chat, RoomName, Arc<Drain>, Stream) {
        let mut builder = Chat::builder();
        let kind = builder.encoder(encoder);
        let chat = builder.open("memory:").unwrap();
        let (metrics, drain) = <(Arc<Metrics>, Arc<Drain>)>::default();
        let room = RoomName::new("lobby").unwrap();
        let subscription = chat.subscribe_frames(kind, &room, StartFrom::Last(0), None).await.unwrap();
        let identity = Arc::new(Identity::new(chat.clone(), Sites::default(), false));
        let watch = RightsWatch::new(Arc::new(Authority::new(chat.clone(), identity, Rules::default())));
        let guard = Guard::new(&watch, Allowed::anything(), room.clone());
        let stream = Stream::new((&metrics, &drain), subscription, guard, Silent);
        (chat, room, drain, stream)
    }

    #[tokio::test]
    async fn the_head_of_an_answer_goes_out_also_when_the_process_is_to_end() {
        let (_chat, _room, drain, mut stream) = stream(crate::sse::frame::encode).await;
        stream.begin_with(Bytes::from_static(b"head"));
        drain.raise();
        let mut next = async || poll_fn(|cx| stream.poll_bytes(cx)).await;
        assert_eq!(next().await, Some(Bytes::from_static(b"head")));
        assert_eq!(next().await, None);
    }

    #[tokio::test]
    async fn a_reader_that_stops_reading_has_little_for_itself_however_large_the_frames_are() {
        /// Every third event has a small frame; the others are as large as the page's may be.
        fn encode(_: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
            if let Item::Event(event) = item {
                out.resize(out.len() + frame_bytes(event.position), b'x');
            }
        }
        fn frame_bytes(position: Position) -> usize {
            if position.is_multiple_of(3) { 100 } else { 100_000 }
        }
        let (chat, room, _drain, mut stream) = stream(encode).await;
        let ada = Author { id: "g_ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
        let (mut taken, mut expected) = (0, 0);
        for round in 1..=8 {
            for _ in 0..=round % 3 {
                let action = Action::Post { content: "x".into(), reply_to: None };
                let draft = Draft { author: Some(ada.clone()), action, key: None };
                expected += frame_bytes(chat.send(&room, draft).await.unwrap().position);
            }
            while taken < expected {
                let bytes = poll_fn(|cx| stream.poll_bytes(cx)).await.unwrap();
                assert!(bytes.len() <= SLICE_BYTES_MAX);
                taken += memchr::memchr_iter(b'x', &bytes).count();
                drop(bytes);
                let own = |held: &Bytes| if held.is_unique() { held.len() } else { 0 };
                let own = own(&stream.rest) + own(&stream.pending);
                assert!(own <= GATHER_BYTES_MAX, "{own} bytes of its own after {taken}");
            }
        }
        assert_eq!(taken, expected, "and all of it arrives");
    }

    /// A format that says no more than that the reader may not read, and why.
    struct Told;

    impl SseFormat for Told {
        fn opening(&self, _: &Opened, _: &mut Vec<u8>) {}
        fn gap(&self, _: Position, _: GapReason, _: EventId, _: bool, _: &mut Vec<u8>) {}
        fn heartbeat(&self, _: &mut Vec<u8>) {}
        fn denied(&self, denial: &Denial, out: &mut Vec<u8>) {
            out.extend_from_slice(denial.kind().name().as_bytes());
        }
        fn nobody(&self, _: TokenError, _: &mut Vec<u8>) {}
    }

    #[tokio::test]
    async fn a_stream_ends_a_minute_after_its_readers_token_and_the_head_of_its_answer_has_gone() {
        let mut builder = Chat::builder();
        let kind =
            builder.encoder(|_: Epoch, _: Item<'_>, out: &mut Vec<u8>| out.extend_from_slice(b"secret"));
        let chat = builder.open("memory:").unwrap();
        let room = RoomName::new("lobby").unwrap();
        let ada = Author { id: "g_ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
        let identity = Arc::new(Identity::new(chat.clone(), Sites::default(), false));
        let authority = Arc::new(Authority::new(chat.clone(), identity, Rules::default()));
        for (left_ms, is_open) in [(-60_001_i64, false), (-58_000, true), (60_000, true)] {
            let end = Timestamp(Timestamp::now().0.saturating_add_signed(left_ms));
            // The decision is from when the token was good.
            let caller = |end| Caller::of(Ok(Person::new(ada.clone(), Via::Guest, end)));
            let mut allowed = authority.decide(caller(None), &room, access::table::Action::Read).unwrap();
            allowed.caller = caller(Some(end));
            let watch = RightsWatch::new(Arc::clone(&authority));
            let subscription = chat.subscribe_frames(kind, &room, StartFrom::Last(9), None).await.unwrap();
            let (metrics, drain) = <(Arc<Metrics>, Arc<Drain>)>::default();
            let guard = Guard::new(&watch, allowed, room.clone());
            let mut stream = Stream::new((&metrics, &drain), subscription, guard, Told);
            stream.begin_with(Bytes::from_static(b"head"));
            let draft = Draft::post(ada.clone(), "secret");
            chat.send(&room, draft).await.unwrap();
            let mut all = Vec::new();
            let ended = loop {
                let next = poll_fn(|cx| match stream.poll_bytes(cx) {
                    // Whoever may read goes on for ever.
                    Poll::Pending if left_ms > 0 && all.ends_with(b"secret") => Poll::Ready(Err(())),
                    polled => polled.map(Ok),
                });
                match tokio::time::timeout(Duration::from_mins(1), next).await.expect("a chunk, or the end") {
                    Ok(Some(bytes)) => all.extend_from_slice(&bytes),
                    Ok(None) => break true,
                    Err(()) => break false,
                }
            };
            let text = String::from_utf8(all).unwrap();
            assert!(text.starts_with("head"), "{text}");
            assert_eq!(text.contains("secret"), is_open, "{left_ms}: {text}");
            assert_eq!(
                (ended, text.ends_with("expired-token")),
                (left_ms < 0, left_ms < 0),
                "{left_ms}: {text}"
            );
        }
    }

    #[test]
    fn a_large_chunk_goes_out_in_slices_and_whole() {
        for len in [0, 1, SLICE_BYTES_MAX, SLICE_BYTES_MAX + 1, 10 * SLICE_BYTES_MAX] {
            let chunk: Bytes = (0..len).map(|at| at.to_le_bytes()[0]).collect::<Vec<_>>().into();
            let mut rest = chunk.clone();
            let slices: Vec<Bytes> = std::iter::from_fn(|| slice(&mut rest)).collect();
            assert_eq!(slices.concat(), chunk);
            assert!(slices.iter().all(|slice| !slice.is_empty() && slice.len() <= SLICE_BYTES_MAX));
        }
    }
}
