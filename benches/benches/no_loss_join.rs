//! Joins and resumes under full load, each checked: none may lose, double or reorder an event.
//!
//! Senders send as fast as they are answered. Meanwhile readers join, follow for a short time, leave, and
//! resume, a hundred thousand times. The checker that all tests use compares every stream and every
//! acknowledgement with the log at the end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use millchat::{
    Body, Chat, Delivery, Dispatcher, Draft, Epoch, Event, EventId, FrameKind, Item, RoomName, StartFrom,
};
use millchat_benches::fixtures::{self, author};
use millchat_benches::paths::Scratch;
use millchat_benches::{Results, Unit};
use millchat_oracle::{EventDigest, EventKind, Observed, Oracle, Reader, RecoveredLog};
use rand::RngExt as _;
use tokio::task::LocalSet;

const ABOUT: &str = "32 senders send to 8 rooms as fast as they are answered, durably, while 64 readers on \
    two threads join (with 0 to 50 events of history), follow for 1 to 40 events, leave, and come back with \
    their place of then or of some events before. All of it is held against the log at the end by the \
    checker that the tests use: every event once, in order, with a whole chain, and as it was acknowledged. \
    There is nothing beside it: the figure that counts is the number of violations.";
const OURS: &str = "millchat";
const CASE: &str = "under full load";
/// Joins and resumes together.
const JOINS: u64 = 100_000;
const ROOMS: usize = 8;
const SENDERS: usize = 32;
/// Threads with readers, and readers of each.
const READERS: (usize, usize) = (2, 32);
/// Resumes of a reader before a new one takes its turn.
const RETURNS_MAX: u32 = 3;
/// Events that a reader follows before it leaves.
const FOLLOWS_MAX: u32 = 40;
/// And events of history that it joins with.
const HISTORY_MAX: usize = 50;

fn main() {
    let results = Results::new("no_loss_join", "joins and resumes under full load, verified", ABOUT, OURS);
    let scratch = Scratch::new("no_loss_join");
    let mut builder = Chat::builder();
    let kind = builder.encoder(encode);
    let log = scratch.file("log.redb");
    let chat = builder.open(&log.to_string_lossy()).expect("a log can be made");
    let load = Arc::new(Load {
        chat,
        kind,
        oracle: Oracle::new(),
        joins: AtomicU64::new(0),
        reading: AtomicUsize::new(READERS.0),
    });

    let begun = Instant::now();
    let reading: Vec<_> = (0..READERS.0)
        .map(|_| {
            let load = load.clone();
            thread::spawn(move || load.read())
        })
        .collect();
    let sent = load.send();
    let mut latencies = Histogram::<u64>::new(3).expect("three digits are allowed");
    let mut received = 0;
    for thread in reading {
        let (of_thread, events) = thread.join().expect("readers read to the end");
        latencies.add(of_thread).expect("histograms of one shape add up");
        received += events;
    }
    let elapsed = begun.elapsed();
    let violations = load.verify();
    for violation in violations.iter().take(10) {
        println!("{violation:?}");
    }

    let joins = latencies.len();
    results.sample(CASE, "joins and resumes", Unit::Count, OURS, joins as f64);
    results.sample(CASE, "events received", Unit::Count, OURS, received as f64);
    results.sample(CASE, "violations", Unit::Count, OURS, violations.len() as f64);
    results.rate(CASE, "acknowledged", OURS, sent, elapsed);
    results.rate(CASE, "joined", OURS, joins, elapsed);
    for (metric, quantile) in [("p50 join", 0.5), ("p99 join", 0.99)] {
        results.sample(CASE, metric, Unit::Nanoseconds, OURS, latencies.value_at_quantile(quantile) as f64);
    }
    results.goal(
        "joins and resumes under full load that lose or double an event",
        &format!("none in {}", Unit::Count.show(JOINS as f64)),
        |_| {
            let (bad, all) = (violations.len(), Unit::Count.show(joins as f64));
            Some((format!("{bad} violations in {all}"), bad == 0 && joins >= JOINS))
        },
    );
    results.finish();
    assert!(violations.is_empty(), "a promise was broken");
}

struct Load {
    chat: Chat,
    kind: FrameKind,
    oracle: Oracle,
    /// Joins and resumes so far.
    joins: AtomicU64,
    /// Threads whose readers are not done: until they are, there is something to read.
    reading: AtomicUsize,
}

impl Load {
    fn is_over(&self) -> bool {
        self.joins.load(Ordering::Relaxed) >= JOINS
    }

    /// Sends until the readers are done; returns the number of acknowledged messages.
    fn send(self: &Arc<Self>) -> u64 {
        let (runtime, tasks) = (fixtures::runtime(), LocalSet::new());
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let (load, room, id) =
                    (self.clone(), fixtures::room(number % ROOMS), format!("sender-{number}"));
                tasks.spawn_local(async move {
                    let (observed, author) = (load.oracle.sender(&room, id.clone()), author(&id));
                    let mut sequence = 0;
                    while load.reading.load(Ordering::Relaxed) > 0 {
                        let content = format!("message {sequence} of {id}");
                        let event = EventDigest::post(&id, &content);
                        let receipt = load.chat.send(&room, Draft::post(author.clone(), content)).await;
                        let receipt = receipt.expect("the log takes every message");
                        observed.acknowledged(sequence, event, receipt.position, receipt.prev);
                        sequence += 1;
                    }
                    sequence
                })
            })
            .collect();
        tasks.block_on(&runtime, async {
            let mut sent = 0;
            for sender in senders {
                sent += sender.await.expect("it is not aborted");
            }
            sent
        })
    }

    /// Runs one thread of readers; returns the times of the joins, and the number of events received.
    fn read(self: Arc<Self>) -> (Histogram<u64>, u64) {
        let (runtime, tasks) = (fixtures::runtime(), LocalSet::new());
        let dispatcher = self.chat.dispatcher();
        tasks.spawn_local(dispatcher.run());
        let latencies = RefCell::new(Histogram::new(3).expect("three digits are allowed"));
        let received = tasks.block_on(&runtime, async {
            let readers = (0..READERS.1)
                .map(|number| self.read_on(&dispatcher, fixtures::room(number % ROOMS), &latencies));
            futures_util::future::join_all(readers).await.into_iter().sum()
        });
        self.reading.fetch_sub(1, Ordering::Relaxed);
        (latencies.into_inner(), received)
    }

    /// Runs one reader after another.
    async fn read_on(&self, at: &Dispatcher, room: RoomName, latencies: &RefCell<Histogram<u64>>) -> u64 {
        let mut received = 0;
        while !self.is_over() {
            let reader = self.oracle.reader(&room, "joins");
            // Its recent positions: it may lose some of its events, as a page that is loaded again does.
            let mut places = VecDeque::new();
            for _ in 0..=rand::rng().random_range(0..=RETURNS_MAX) {
                let asked = match places.len() {
                    0 => None,
                    many => Some(places[rand::rng().random_range(0..many)]),
                };
                let reader = match asked {
                    // It resumes from an earlier position: to the checker that is another reader.
                    Some(place) if place != reader.position() => &self.oracle.reader(&room, "comes back"),
                    _ => &reader,
                };
                let took = self.follow(at, &room, asked, reader, &mut places).await;
                latencies.borrow_mut().record(took.as_nanos() as u64).expect("it grows as it must");
                received += places.len() as u64;
            }
        }
        received
    }

    /// Joins, follows for a while and leaves; returns the time that the join took.
    async fn follow(
        &self,
        at: &Dispatcher,
        room: &RoomName,
        asked: Option<u64>,
        reader: &Reader,
        places: &mut VecDeque<u64>,
    ) -> Duration {
        places.clear();
        let from = match asked {
            Some(position) => StartFrom::After(EventId { epoch: self.chat.epoch(), position }),
            None => StartFrom::Last(rand::rng().random_range(0..=HISTORY_MAX)),
        };
        let begun = Instant::now();
        let mut stream = at.subscribe_frames(self.kind, room, from, None).await.expect("the log can be read");
        let took = begun.elapsed();
        self.joins.fetch_add(1, Ordering::Relaxed);
        let wanted = rand::rng().random_range(1..=FOLLOWS_MAX) as usize;
        while places.len() < wanted {
            let delivery = stream.next().await.expect("the chat is open");
            match delivery.expect("the log can be read") {
                Delivery::Opening(opened) => reader.opened(asked, opened.opening, opened.id.position),
                Delivery::Gap { from, to, .. } => reader.gap(from, to),
                Delivery::Item(frames) => {
                    for observed in decode(&frames.bytes) {
                        reader.event(observed);
                        places.push_back(observed.position);
                    }
                }
            }
        }
        took
    }

    /// Reads the rooms from the start to the head, and compares all observations with them.
    fn verify(&self) -> Vec<millchat_oracle::Violation> {
        let (runtime, epoch) = (fixtures::runtime(), self.chat.epoch());
        let recover = |number| {
            let room = fixtures::room(number);
            let head = runtime.block_on(self.chat.overview(&room)).expect("the log can be read").head;
            let mut events = Vec::new();
            runtime.block_on(async {
                let from = StartFrom::After(EventId { epoch, position: 0 });
                let stream = self.chat.subscribe_frames(self.kind, &room, from, None).await;
                let mut stream = stream.expect("the log can be read");
                while events.last().is_none_or(|observed: &Observed| observed.position < head) {
                    let delivery = stream.next().await.expect("the chat is open");
                    if let Delivery::Item(frames) = delivery.expect("the log can be read") {
                        events.extend(decode(&frames.bytes));
                    }
                }
            });
            RecoveredLog { room, floor: self.chat.floor(), head, events }
        };
        self.oracle.check(&(0..ROOMS).map(recover).collect::<Vec<_>>())
    }
}

/// Bytes of an event in its frame.
const FRAME_BYTES: usize = 32;

/// Encodes what the checker needs of an event as a frame.
fn encode(_: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    if let Item::Event(event @ Event { body: Body::Message { .. }, .. }) = item {
        let Observed { position, prev, event } = Observed::from(event);
        for number in [position, prev, event.author, event.content.expect("nobody deletes here")] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn decode(frames: &[u8]) -> impl Iterator<Item = Observed> + '_ {
    frames.as_chunks::<FRAME_BYTES>().0.iter().map(|frame| {
        let (numbers, _) = frame.as_chunks::<8>();
        let [position, prev, author, content] = [0, 1, 2, 3].map(|at| u64::from_le_bytes(numbers[at]));
        Observed {
            position,
            prev,
            event: EventDigest { author, kind: EventKind::Message, content: Some(content) },
        }
    })
}
