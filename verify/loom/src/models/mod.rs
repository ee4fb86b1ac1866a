//! Models for loom: short pieces of concurrent work, run by `verify/loom` in every order of their steps.
//!
//! A model is a short piece of concurrent work on the crate's own room, wait list, table and writer. Loom
//! runs it again and again, each time with another order of the steps, until it has seen all of them (or all
//! with few enough preemptions). A thread that sleeps for ever is found as a deadlock.

mod log;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream as _;
use loom::future::block_on;
use loom::thread;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::counters::Counters;
use crate::currentness::Currentness;
use crate::event::{Author, AuthorKind, Body, Draft, Epoch, Event, Position, RoomName, Timestamp};
use crate::log::Log as _;
use crate::read::cursor::Delivery;
use crate::read::fair_queue::UNNAMED_CLIENT;
use crate::read::form::Received;
use crate::read::pool::ReadPool;
use crate::read::start::StartFrom;
use crate::read::subscription::{FrameSubscription, Subscription};
use crate::room::batch::FramesBatch;
use crate::room::encoder::{Encoders, FrameKind, Item};
use crate::room::fanout::{Fanout, WaitList};
use crate::room::live::{Pull, Room};
use crate::room::redactions::Redactions;
use crate::room::table::Rooms;
use crate::shared::Shared;
use crate::sync::atomic::AtomicBool;
use crate::writer::WriterHandle;
use crate::{RetentionPolicy, SendError};
use log::ModelLog;

/// The most often that a model's thread is interrupted, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
const PREEMPTIONS: usize = 2;
const SECRET: &str = "secret";
const KIND: FrameKind = FrameKind(0);

fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    let _ = builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = 50_000;
    // So that LOOM_MAX_DURATION is looked at often.
    builder.checkpoint_interval = 1_000;
    builder.check(model);
}

fn lobby() -> RoomName {
    RoomName::new("lobby").expect("a room's name")
}

fn shared(log: ModelLog) -> Arc<Shared> {
    // A frame is the event's position, and its text if it has one.
    let encode = |_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(event) = item {
            out.extend_from_slice(format!("{} ", event.position).as_bytes());
            if let Body::Message { content: Some(text), .. } = &event.body {
                out.extend_from_slice(text.as_bytes());
            }
        }
    };
    Arc::new(Shared {
        encoders: Encoders::new(log.epoch(), vec![Box::new(encode)]),
        log: Arc::new(log),
        rooms: Rooms::default(),
        fanout: Fanout::default(),
        reads: ReadPool::idle(),
        counters: Counters::default(),
        redactions: Redactions::default(),
        marked: Mutex::default(),
        committed: Notify::new(),
        disk_full: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        currentness: Currentness::of_single_node(),
        neighbours: None,
    })
}

fn event(position: Position, prev: Position, body: Body) -> Arc<Event> {
    Arc::new(Event { position, prev, room: lobby(), author: None, created_at: Timestamp(0), body })
}

fn message(position: Position, text: &str) -> Arc<Event> {
    event(position, position - 1, Body::Message { content: Some(text.into()), reply_to: None })
}

/// News is published while a reader falls asleep: it is woken, by whoever brings the news or by a dispatcher.
/// It takes frames or values.
pub fn a_reader_that_falls_asleep_just_as_news_comes_is_woken(deferred: bool, values: bool) {
    explore(PREEMPTIONS + 1, move || {
        let shared = shared(ModelLog::default());
        let wait_list = shared.fanout.wait_list(deferred);
        let room = shared.rooms.enter(&lobby());
        room.learn(0, &[], 0, 0);
        let mut reader = Reader::open(&shared, &wait_list, values);
        let writer = {
            let (shared, room) = (shared.clone(), room.clone());
            thread::spawn(move || {
                room.publish(&message(1, "x"), true);
                shared.fanout.notify(std::slice::from_ref(&room));
            })
        };
        let dispatcher = deferred.then(|| {
            let wait_list = wait_list.clone();
            thread::spawn(move || block_on(wait_list.wake_notified()))
        });
        block_on(poll_fn(|cx| {
            loop {
                match reader.poll(cx) {
                    // The opening comes before the event.
                    Poll::Ready(Got::Other) => {}
                    Poll::Ready(Got::Event) => return Poll::Ready(()),
                    Poll::Ready(Got::End) => panic!("it ends"),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }));
        writer.join().expect("the writer ends");
        if let Some(dispatcher) = dispatcher {
            dispatcher.join().expect("the dispatcher ends");
        }
    });
}

/// News is published while a group falls asleep that reads for a subscription: it is woken, and the subscription
/// goes on behind it.
pub fn a_group_that_falls_asleep_just_as_news_comes_is_woken() {
    explore(PREEMPTIONS, || {
        let shared = shared(ModelLog::default());
        let wait_list = shared.fanout.wait_list(false);
        let room = shared.rooms.enter(&lobby());
        room.learn(0, &[], 0, 0);
        let mut reader = open_frames(&shared, &wait_list);
        let mut sleep = Context::from_waker(std::task::Waker::noop());
        while Pin::new(&mut reader).poll_next(&mut sleep).is_ready() {}
        let mut group = reader.group().expect("it has delivered all");
        let writer = {
            let (shared, room) = (shared.clone(), room.clone());
            thread::spawn(move || {
                room.publish(&message(1, "x"), true);
                shared.fanout.notify(std::slice::from_ref(&room));
            })
        };
        // The writer may be on its way to wake it.
        reader.rest();
        block_on(poll_fn(|cx| match Pin::new(&mut group).poll_next(cx) {
            Poll::Ready(Some(Ok(Delivery::Item(frames)))) if frames.bytes == "1 x" => Poll::Ready(()),
            Poll::Ready(_) => panic!("there is nothing else"),
            Poll::Pending => Poll::Pending,
        }));
        reader.move_to(group.place().expect("it has delivered all"));
        assert!(Pin::new(&mut reader).poll_next(&mut sleep).is_pending());
        writer.join().expect("the writer ends");
    });
}

/// The chat closes while a reader falls asleep, just after an event: it gets the event, and then it ends.
pub fn a_reader_that_falls_asleep_just_as_the_chat_closes_ends(deferred: bool) {
    explore(PREEMPTIONS, move || {
        let shared = shared(ModelLog::default());
        let wait_list = shared.fanout.wait_list(deferred);
        let room = shared.rooms.enter(&lobby());
        room.learn(0, &[], 0, 0);
        let mut reader = Reader::open(&shared, &wait_list, false);
        let closer = {
            let (shared, room) = (shared.clone(), room.clone());
            thread::spawn(move || {
                room.publish(&message(1, "x"), true);
                shared.end_subscriptions();
            })
        };
        let dispatcher = deferred.then(|| {
            let wait_list = wait_list.clone();
            thread::spawn(move || block_on(wait_list.wake_notified()))
        });
        let mut has_event = false;
        block_on(poll_fn(|cx| {
            loop {
                match reader.poll(cx) {
                    Poll::Ready(Got::Other) => {}
                    Poll::Ready(Got::Event) => has_event = true,
                    Poll::Ready(Got::End) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }));
        assert!(has_event, "it ended before the last event");
        closer.join().expect("the closer ends");
        if let Some(dispatcher) = dispatcher {
            dispatcher.join().expect("the dispatcher ends");
        }
    });
}

fn open_frames(shared: &Arc<Shared>, wait_list: &Arc<WaitList>) -> FrameSubscription {
    let (name, from) = (lobby(), StartFrom::Last(0));
    let open = FrameSubscription::open(KIND, shared.clone(), wait_list, &name, from, None, UNNAMED_CLIENT);
    block_on(open).expect("all is in memory")
}

/// A reader of either form.
enum Reader {
    Values(Subscription),
    Frames(FrameSubscription),
}

/// The outcome of a reader's step.
enum Got {
    /// The event at position 1.
    Event,
    /// The end of the subscription.
    End,
    Other,
}

impl Reader {
    fn open(shared: &Arc<Shared>, wait_list: &Arc<WaitList>, values: bool) -> Self {
        if values {
            let (name, from) = (lobby(), StartFrom::Last(0));
            let open = Subscription::open(shared.clone(), wait_list, &name, from, None, UNNAMED_CLIENT);
            Self::Values(block_on(open).expect("all is in memory"))
        } else {
            Self::Frames(open_frames(shared, wait_list))
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Got> {
        match self {
            Self::Values(reader) => Pin::new(reader).poll_next(cx).map(|received| match received {
                Some(Ok(Delivery::Item(Received::Event(event)))) if event.position == 1 => Got::Event,
                Some(_) => Got::Other,
                None => Got::End,
            }),
            Self::Frames(reader) => Pin::new(reader).poll_next(cx).map(|delivery| match delivery {
                Some(Ok(Delivery::Item(frames))) if frames.bytes == "1 x" => Got::Event,
                Some(_) => Got::Other,
                None => Got::End,
            }),
        }
    }
}

/// A reader pulls from a room into which the writer publishes, and which somebody who joins seeds from the
/// log. It gets every event once and in order, and no text after its delete was acknowledged.
pub fn a_reader_of_the_ring_misses_nothing_and_sees_no_deleted_text() {
    explore(PREEMPTIONS, || {
        let log = ModelLog::default();
        log.hold(message(1, SECRET));
        let shared = shared(log.clone());
        let room = shared.rooms.enter(&lobby());
        let acknowledged = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let writer = {
            let (room, acknowledged, log) = (room.clone(), acknowledged.clone(), log.clone());
            thread::spawn(move || {
                for event in [event(2, 1, Body::Delete { target: 1 }), message(3, "x")] {
                    log.hold(event.clone());
                    room.publish(&event, true);
                    acknowledged.store(true, std::sync::atomic::Ordering::Release);
                }
            })
        };
        let joiner = {
            let (room, log) = (room.clone(), log.clone());
            thread::spawn(move || {
                let redaction_generation = room.redactions.generation();
                let newest = log.read_before(&lobby(), Position::MAX, 9).expect("the model's log reads");
                thread::yield_now();
                room.learn(newest.head, &newest.events, redaction_generation, 0);
            })
        };
        let mut place = 0;
        for _ in 0..3 {
            let late = acknowledged.load(std::sync::atomic::Ordering::Acquire);
            if let Pull::Ready(FramesBatch { frames, last, .. }) =
                room.pull_frames(place, KIND, &shared.encoders)
            {
                check_frames(&frames.bytes, place, last, late);
                place = last;
            }
        }
        writer.join().expect("the writer ends");
        joiner.join().expect("the joiner ends");
        // Now at rest: what the ring has is whole, and it is never said that there is nothing more.
        match room.pull_frames(place, KIND, &shared.encoders) {
            Pull::Ready(FramesBatch { frames, last, .. }) => {
                check_frames(&frames.bytes, place, last, true);
                assert_eq!(last, 3);
            }
            Pull::CaughtUp => assert_eq!(place, 3, "something is newer"),
            Pull::Behind => assert_eq!(place, 0, "only what was before the room was in memory is not here"),
        }
    });
}

fn check_frames(frames: &[u8], place: Position, last: Position, deleted: bool) {
    let text = std::str::from_utf8(frames).expect("frames are text");
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let positions: Vec<Position> = digits.map(|digits| digits.parse().expect("a position")).collect();
    assert_eq!(positions, (place + 1..=last).collect::<Vec<_>>(), "after {place}: {text}");
    assert!(!(deleted && text.contains(SECRET)), "a deleted text is served");
}

/// One client joins while the room is forgotten for being idle, another sends to it: they meet in one room.
pub fn one_who_joins_and_one_who_sends_meet_in_one_room_while_it_is_forgotten() {
    explore(PREEMPTIONS + 1, || {
        let rooms = Arc::new(Rooms::default());
        drop(rooms.enter(&lobby()));
        let forgetter = {
            let rooms = rooms.clone();
            thread::spawn(move || rooms.forget_idle(Instant::now() + Duration::from_mins(2), Duration::ZERO))
        };
        let joiner = {
            let rooms = rooms.clone();
            thread::spawn(move || rooms.enter(&lobby()))
        };
        let ours: Arc<Room> = rooms.enter(&lobby());
        let theirs = joiner.join().expect("the joiner ends");
        assert_eq!(ours.number, theirs.number, "there are two rooms of one name");
        forgetter.join().expect("the forgetter ends");
        assert!(
            rooms.get(&lobby()).is_some_and(|room| room.number == ours.number),
            "a held room is forgotten"
        );
    });
}

/// Two send while the chat is closed, and the log may fail: each gets one answer, and it is true.
pub fn every_send_is_answered_truly_while_the_chat_is_closed(fails: bool) {
    explore(PREEMPTIONS, move || {
        let log = ModelLog::default();
        if fails {
            log.fail_next_commit();
        }
        let writer = Arc::new(
            WriterHandle::start(shared(log.clone()), RetentionPolicy::default()).expect("it starts"),
        );
        let sender = {
            let writer = writer.clone();
            thread::spawn(move || send(&writer, "a"))
        };
        let ours = send(&writer, "b");
        writer.close();
        let theirs = sender.join().expect("the sender ends");
        let stored = |text: &str| log.texts().iter().filter(|stored| *stored == text).count();
        for (answer, text) in [(theirs, "a"), (ours, "b")] {
            match answer {
                Ok(()) => assert_eq!(stored(text), 1),
                Err(SendError::Unknown(_)) => assert!(fails, "nothing failed"),
                Err(SendError::Unavailable(_)) => assert_eq!(stored(text), 0),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(block_on(writer.send(&lobby(), draft("late"), None)).is_err());
    });
}

fn draft(text: &str) -> Draft {
    let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
    Draft::post(ada, text)
}

fn send(writer: &WriterHandle, text: &str) -> Result<(), SendError> {
    block_on(writer.send(&lobby(), draft(text), None)).map(drop)
}
