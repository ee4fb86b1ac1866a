//! The fixture of the benches of joins and of resumes: a log, and readers of it.
//!
//! The log's rooms were written in turn, so the records of one room are far apart. A reader is measured from
//! the call that sets its cursor until it has the newest event as a frame.

use std::cell::{Cell, RefCell};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use millchat::{Chat, Delivery, Dispatcher, Epoch, EventId, FrameKind, Item, Position, StartFrom};
use redb::{Database, ReadableDatabase as _, TableDefinition};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::fixtures::{self, draft};
use crate::paths::Scratch;
use crate::{Results, Unit, criterion_config};

/// The competitor that both benches are about.
pub const OURS: &str = "millchat";
const LIMIT: &str = "redb alone";
/// The log's own table.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Events of the room that readers are far behind in.
const EVENTS: usize = 20_000;
/// Rooms that are joined one after the other, so that each is forgotten when its turn comes again.
const COLD_ROOMS: usize = 2_000;
/// Events of each: a reader can be 100 behind.
const COLD_EVENTS: usize = 101;

/// The start position of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It joins, with a number of the newest events.
    Join,
    /// It resumes from the id before a number of the newest events.
    Resume,
}

/// One case: the number of events behind, and the state of the room.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Events between the reader and the newest one.
    pub behind: usize,
    /// Set when the room is not in memory.
    pub cold: bool,
}

/// A chat over a log in which one room has 20,000 events and 2,000 have 101.
struct JoinFixture {
    runtime: Runtime,
    tasks: LocalSet,
    chat: Chat,
    /// A copy of the log, to be read with redb alone.
    copy: Database,
    dispatcher: Dispatcher,
    kind: FrameKind,
    /// The positions of the events of each room, oldest first.
    positions: Vec<Vec<Position>>,
    /// The cold room whose turn it is.
    turn: Cell<usize>,
}

impl JoinFixture {
    fn new(scratch: &Scratch) -> Self {
        let (path, copied) = (scratch.file("log.redb"), scratch.file("copy.redb"));
        let positions = fill(&path);
        fs::copy(&path, &copied).expect("the disk has room for a copy");
        let copy = Database::open(&copied).expect("the copy can be opened");
        let mut builder = Chat::builder();
        let kind = builder.encoder(encode);
        let chat = builder.open(&path.to_string_lossy()).expect("the log can be opened");
        let dispatcher = chat.dispatcher();
        let (runtime, tasks) = (fixtures::runtime(), LocalSet::new());
        tasks.spawn_local(dispatcher.run());
        Self { runtime, tasks, chat, copy, dispatcher, kind, positions, turn: Cell::new(0) }
    }

    /// Returns the room of the next reader. A room may be in memory when the events are more than a ring
    /// holds.
    fn next_room(&self, case: Case) -> usize {
        if !case.cold || case.behind >= COLD_EVENTS {
            return 0;
        }
        self.turn.set(self.turn.get() % COLD_ROOMS + 1);
        if self.turn.get() == 1 {
            // The presence of a reader that left is still sent for a moment, and that holds the room.
            while self.chat.stats().rooms > 0 {
                thread::sleep(Duration::from_millis(10));
                millchat::testing::forget_idle_rooms(&self.chat);
            }
        }
        self.turn.get()
    }

    /// Returns the newest events of a room.
    fn newest(&self, room: usize, count: usize) -> &[Position] {
        let all = &self.positions[room];
        &all[all.len() - count..]
    }

    /// Loads the first room into memory, with its newest events, for as long as the result is held.
    fn warm(&self) -> impl Sized + use<> {
        self.tasks.block_on(&self.runtime, async {
            let warm = self.dispatcher.subscribe(&fixtures::room(0), StartFrom::Last(100), None).await;
            warm.expect("the log can be read")
        })
    }

    /// Lets readers begin and read to the head, this number of times.
    fn read(&self, begin: Begin, case: Case, times: u64) -> Duration {
        let epoch = self.chat.epoch();
        self.tasks.block_on(&self.runtime, async {
            let mut elapsed = Duration::ZERO;
            for _ in 0..times {
                let number = self.next_room(case);
                let (room, newest) = (fixtures::room(number), self.newest(number, case.behind + 1));
                let (place, head) = (EventId { epoch, position: newest[0] }, newest[case.behind]);
                let from = match begin {
                    Begin::Join => StartFrom::Last(case.behind),
                    Begin::Resume => StartFrom::After(place),
                };
                let started = Instant::now();
                let reader = self.dispatcher.subscribe_frames(self.kind, &room, from, None).await;
                let mut reader = reader.expect("the log can be read");
                let mut at = 0;
                while at < head {
                    let delivery = reader.next().await.expect("the chat is open");
                    match delivery.expect("the log can be read") {
                        Delivery::Opening(opened) => at = opened.id.position,
                        Delivery::Item(frames) => at = black_box(last_position(&frames.bytes)).unwrap_or(at),
                        Delivery::Gap { to, .. } => at = to,
                    }
                }
                elapsed += started.elapsed();
            }
            elapsed
        })
    }

    /// Reads the same records from their table, this number of times.
    fn straight(&self, case: Case, times: u64) -> Duration {
        let begun = Instant::now();
        for time in 0..times {
            let room =
                if case.cold && case.behind < COLD_EVENTS { time as usize % COLD_ROOMS + 1 } else { 0 };
            let reading = self.copy.begin_read().expect("the copy can be read");
            let log = reading.open_table(LOG).expect("it has the table");
            let mut bytes = Vec::new();
            for position in self.newest(room, case.behind) {
                let record = log.get(position).expect("the copy can be read").expect("it has the record");
                bytes.extend_from_slice(record.value());
            }
            black_box(bytes);
        }
        begun.elapsed()
    }
}

/// Fills a log, the rooms in turn; returns the positions of the events of each room.
fn fill(path: &Path) -> Vec<Vec<Position>> {
    let chat = Chat::open(&path.to_string_lossy()).expect("a log can be made");
    let (runtime, tasks) = (fixtures::runtime(), LocalSet::new());
    let positions = Rc::new(RefCell::new(vec![Vec::new(); COLD_ROOMS + 1]));
    tasks.block_on(&runtime, async {
        let send = |number: usize| {
            let (chat, positions) = (chat.clone(), positions.clone());
            tokio::task::spawn_local(async move {
                let receipt =
                    chat.send(&fixtures::room(number), draft()).await.expect("the log takes messages");
                positions.borrow_mut()[number].push(receipt.position);
            })
        };
        for _ in 0..COLD_EVENTS {
            let far = std::iter::repeat_n(0, EVENTS.div_ceil(COLD_EVENTS));
            let all: Vec<_> = (1..=COLD_ROOMS).chain(far).map(send).collect();
            for one in all {
                one.await.expect("it is not aborted");
            }
        }
    });
    runtime.block_on(chat.close()).expect("the log can be closed");
    positions.borrow_mut().iter_mut().for_each(|positions| positions.sort_unstable());
    positions.take()
}

/// Encodes the text and the position, by which a reader knows its progress.
fn encode(_: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    if let Item::Event(event) = item {
        fixtures::copy_text(Epoch(0), item, out);
        out.extend_from_slice(&event.position.to_le_bytes());
    }
}

/// Returns the position at the end of frames that [`encode`] has made.
fn last_position(frames: &[u8]) -> Option<Position> {
    frames.last_chunk().map(|bytes| Position::from_le_bytes(*bytes))
}

/// Measures readers that begin at these distances behind the newest event.
pub fn compare(results: &Results, scratch: &Scratch, begin: Begin, cases: &[(usize, bool)]) {
    let mut criterion = criterion_config::criterion();
    let joined = JoinFixture::new(scratch);
    let mut group = criterion.benchmark_group(results.so_far().bench);
    for &(behind, cold) in cases {
        let (case, shown) = (Case { behind, cold }, Unit::Count.show(behind as f64));
        let shown = format!("{shown} behind, {}", if cold { "from the log" } else { "from the ring" });
        let _warm = (!cold).then(|| joined.warm());
        let mut bench = |name: &str, read: &dyn Fn(u64) -> Duration| {
            group.bench_function(format!("{shown}/{name}"), |bencher| {
                bencher.iter_custom(|times| {
                    let elapsed = read(times);
                    results.time(&shown, "until caught up", name, times, elapsed);
                    elapsed
                });
            });
        };
        bench(OURS, &|times| joined.read(begin, case, times));
        if behind > 0 {
            bench(LIMIT, &|times| joined.straight(case, times));
        }
    }
    group.finish();
}
