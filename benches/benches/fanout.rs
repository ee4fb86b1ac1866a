//! Fan-out in the core: from sending one event until the last of 1, 100 or 10,000 subscriptions has it.
//!
//! The alternatives, in the same run, are a bare loop that wakes as many tasks, which is the least cost of
//! any design with a task per reader; and tokio's broadcast channel with as many receivers. All run on one
//! current-thread runtime, as the server's readers do. The core's figure includes the way through the
//! writer's thread, and the check of the log in memory; the others have no log.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use futures_util::StreamExt as _;
use millchat::{Chat, Delivery, Draft, FrameSubscription, RoomName, StartFrom};
use millchat_benches::fixtures::{self, MESSAGE_BYTES, copy_text};
use millchat_benches::{Results, Unit, criterion_config};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, broadcast};
use tokio::task::LocalSet;

/// Numbers of readers.
const READERS: [usize; 3] = [1, 100, 10_000];
/// Messages that a receiver of the broadcast channel may be behind.
const BROADCAST_CAPACITY: usize = 64;

const ABOUT: &str = "One event is sent to a room and brought to all of its subscriptions, on one \
    current-thread runtime as the server's are. The log is in memory, and the way through the writer's \
    thread is part of it. Beside the core: a bare loop that wakes as many tasks, and tokio's broadcast \
    channel with as many receivers, which have neither a log nor another thread.";
const OURS: &str = "millchat";

fn main() {
    let mut criterion = criterion_config::criterion();
    let results = Results::new("fanout", "one event to all subscriptions, in the core", ABOUT, OURS);
    for readers in READERS {
        compare(&mut criterion, &results, readers);
    }
    results.finish();
}

fn compare(criterion: &mut Criterion, results: &Results, readers: usize) {
    let mut group = criterion_config::group(criterion, "fanout");
    group.throughput(Throughput::Elements(readers as u64));
    let case = if readers == 1 {
        "1 reader".into()
    } else {
        format!("{} readers", Unit::Count.show(readers as f64))
    };
    let mut bench = |name: &str, stage: &dyn Fn(usize) -> Box<dyn Competitor>| {
        // Built only if this bench was asked for.
        let competitor = OnceCell::new();
        group.bench_function(format!("{readers}/{name}"), |bencher| {
            let competitor = competitor.get_or_init(|| stage(readers));
            bencher.iter_custom(|iterations| {
                let elapsed = competitor.rounds(iterations);
                results.time(&case, "until the last has it", name, iterations, elapsed);
                elapsed
            });
        });
    };
    bench("wakers", &|readers| Box::new(Wakers::new(readers)));
    bench("broadcast", &|readers| Box::new(Broadcast::new(readers)));
    bench(OURS, &|readers| Box::new(Core::new(readers)));
    group.finish();
}

/// A competitor that brings one event to all of its readers.
trait Competitor {
    /// Sends this number of events; returns the time that it took.
    fn rounds(&self, iterations: u64) -> Duration;
}

/// One event in delivery: the number of readers that do not have it yet.
#[derive(Default)]
struct Round {
    left: Cell<usize>,
    done: Notify,
}

impl Round {
    /// Counts a reader that has the event.
    fn received(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.done.notify_one();
        }
    }

    /// Waits until all readers have it.
    async fn over(&self) {
        self.done.notified().await;
    }
}

/// A current-thread runtime with its readers on it.
struct Stage {
    runtime: Runtime,
    tasks: LocalSet,
    round: Rc<Round>,
    readers: usize,
}

impl Stage {
    fn new(readers: usize) -> Self {
        Self { runtime: fixtures::runtime(), tasks: LocalSet::new(), round: Rc::default(), readers }
    }

    /// Runs `send` and waits for the last reader, this number of times.
    fn rounds(&self, iterations: u64, send: impl AsyncFn()) -> Duration {
        self.tasks.block_on(&self.runtime, async {
            let begun = Instant::now();
            for _ in 0..iterations {
                self.round.left.set(self.readers);
                send().await;
                self.round.over().await;
            }
            begun.elapsed()
        })
    }

    /// Lets every reader run once, so that it waits for its first event.
    fn settle(&self) {
        self.tasks.block_on(&self.runtime, async {
            for _ in 0..self.readers + 2 {
                tokio::task::yield_now().await;
            }
        });
    }
}

/// The limit: wakes every task, and nothing else.
struct Wakers {
    stage: Stage,
    shared: Rc<WakersShared>,
}

#[derive(Default)]
struct WakersShared {
    sent: Cell<u64>,
    wakers: RefCell<Vec<Option<Waker>>>,
}

impl Wakers {
    fn new(readers: usize) -> Self {
        let (stage, shared) = (Stage::new(readers), Rc::new(WakersShared::default()));
        shared.wakers.borrow_mut().resize(readers, None);
        for slot in 0..readers {
            let (shared, round) = (shared.clone(), stage.round.clone());
            stage.tasks.spawn_local(async move {
                for seen in 0.. {
                    poll_fn(|cx| {
                        if shared.sent.get() > seen {
                            return Poll::Ready(());
                        }
                        shared.wakers.borrow_mut()[slot] = Some(cx.waker().clone());
                        Poll::Pending
                    })
                    .await;
                    round.received();
                }
            });
        }
        stage.settle();
        Self { stage, shared }
    }
}

impl Competitor for Wakers {
    fn rounds(&self, iterations: u64) -> Duration {
        self.stage.rounds(iterations, async || {
            self.shared.sent.set(self.shared.sent.get() + 1);
            for waker in self.shared.wakers.borrow_mut().iter_mut().filter_map(Option::take) {
                waker.wake();
            }
        })
    }
}

/// The alternative that Rust programs usually take.
struct Broadcast {
    stage: Stage,
    sender: broadcast::Sender<Bytes>,
    message: Bytes,
}

impl Broadcast {
    fn new(readers: usize) -> Self {
        let (stage, (sender, _)) = (Stage::new(readers), broadcast::channel(BROADCAST_CAPACITY));
        for _ in 0..readers {
            let (mut receiver, round) = (sender.subscribe(), stage.round.clone());
            stage.tasks.spawn_local(async move {
                while let Ok(bytes) = receiver.recv().await {
                    black_box(bytes);
                    round.received();
                }
            });
        }
        stage.settle();
        Self { stage, sender, message: Bytes::from(vec![b'x'; MESSAGE_BYTES]) }
    }
}

impl Competitor for Broadcast {
    fn rounds(&self, iterations: u64) -> Duration {
        self.stage.rounds(iterations, async || {
            let receivers = self.sender.send(self.message.clone());
            assert_eq!(receivers.ok(), Some(self.stage.readers));
        })
    }
}

/// The core.
struct Core {
    stage: Stage,
    chat: Chat,
    room: RoomName,
    draft: Draft,
}

impl Core {
    fn new(readers: usize) -> Self {
        let stage = Stage::new(readers);
        let mut builder = Chat::builder();
        let kind = builder.encoder(copy_text);
        let chat = builder.open("memory:").expect("a log in memory can be opened");
        let room = fixtures::room(0);
        let dispatcher = chat.dispatcher();
        stage.tasks.spawn_local(dispatcher.run());
        stage.tasks.block_on(&stage.runtime, async {
            for _ in 0..readers {
                let subscription = dispatcher.subscribe_frames(kind, &room, StartFrom::Last(0), None).await;
                let subscription = subscription.expect("a room in memory can be joined");
                tokio::task::spawn_local(follow(subscription, stage.round.clone()));
            }
        });
        stage.settle();
        Self { stage, chat, room, draft: fixtures::draft() }
    }
}

impl Competitor for Core {
    fn rounds(&self, iterations: u64) -> Duration {
        self.stage.rounds(iterations, async || {
            self.chat
                .send(&self.room, self.draft.clone())
                .await
                .expect("a log in memory takes every message");
        })
    }
}

async fn follow(mut subscription: FrameSubscription, round: Rc<Round>) {
    loop {
        let delivery = subscription.next().await.expect("the chat is open");
        match delivery.expect("a log in memory can be read") {
            Delivery::Item(frames) => {
                black_box(frames);
                round.received();
            }
            Delivery::Opening(_) | Delivery::Gap { .. } => {}
        }
    }
}
