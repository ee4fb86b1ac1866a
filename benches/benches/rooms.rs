//! Rooms in memory: the cost of each, idle and busy, in bytes and in the time to load it.
//!
//! Each case is measured in a process of its own, by the memory that the process holds before and after.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use millchat::{Chat, StartFrom, Subscription};
use millchat_benches::child::{self, ChildProcess};
use millchat_benches::fixtures;
use millchat_benches::paths::Scratch;
use millchat_benches::{Results, Unit, cost};
use tokio::task::LocalSet;

const ABOUT: &str = "What a room in memory costs, by the anonymous memory of a process of the core before \
    and after. Idle: somebody has entered it and left. Read: somebody is in it. Busy: somebody is in it, and \
    10 messages of 200 bytes came meanwhile and are in its ring. The log is on the disk; where messages \
    come, its cache is full before. There is nothing beside it.";
const OURS: &str = "millchat";
/// The cases: their name, and the number of rooms.
const CASES: [(&str, usize); 4] = [("idle", 20_000), ("idle", 100_000), ("read", 100_000), ("busy", 100_000)];
const ROUNDS: usize = 2;
/// Messages that fill the cache of the log.
const WARM: usize = 200_000;
/// Messages of a busy room.
const MESSAGES: usize = 10;
/// The goal with 20,000 idle rooms.
const IDLE_BYTES_MAX: f64 = 1024.0;

fn main() {
    if let Some((role, args)) = child::role() {
        return measure(&role, args[0].parse().expect("a number of rooms"), &args[1]);
    }
    let results = Results::new("rooms", "rooms in memory", ABOUT, OURS);
    let scratch = Scratch::new("rooms");
    for round in 0..ROUNDS {
        for (name, rooms) in CASES {
            let log = scratch.file(&format!("{name}-{rooms}-{round}.redb"));
            let mut child = ChildProcess::start(name, &[&rooms.to_string(), &log.to_string_lossy()]);
            let line = child.line();
            let (bytes, nanos) = line.split_once(' ').expect("it says what a room costs");
            let case = format!("{} rooms, {name}", Unit::Count.show(rooms as f64));
            let number = |text: &str| text.parse::<f64>().expect("it says numbers");
            results.sample(&case, "memory of a room", Unit::Bytes, OURS, number(bytes));
            results.sample(&case, "time for a room", Unit::Nanoseconds, OURS, number(nanos));
        }
    }
    results.goal("memory of each of 20,000 idle rooms", "at most 1 KiB", |found| {
        let bytes = found.row("20,000 rooms, idle", "memory of a room", OURS)?.median();
        Some((Unit::Bytes.show(bytes), bytes <= IDLE_BYTES_MAX))
    });
    results.finish();
}

/// Runs as the child: loads rooms and prints the cost of one, in bytes and in nanoseconds.
fn measure(name: &str, rooms: usize, log: &str) {
    let chat = Chat::open(log).expect("a log can be made");
    let (runtime, tasks) = (fixtures::runtime(), LocalSet::new());
    if name == "busy" {
        // To a room without readers: its messages are not kept in memory.
        tasks.block_on(&runtime, fixtures::send(&chat, WARM, &|_| usize::MAX));
    }
    let before = cost::memory(process::id());
    let begun = Instant::now();
    let readers = tasks.block_on(&runtime, async {
        let mut readers = Vec::with_capacity(rooms);
        for number in 0..rooms {
            let reader = enter(&chat, number).await;
            if name != "idle" {
                readers.push(reader);
            }
        }
        if name == "busy" {
            fixtures::send(&chat, rooms * MESSAGES, &|message| message % rooms).await;
        }
        readers
    });
    let elapsed = begun.elapsed();
    let bytes = cost::memory(process::id()).saturating_sub(before);
    println!("{} {}", bytes / rooms as u64, elapsed.as_nanos() / rooms as u128);
    drop(readers);
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

async fn enter(chat: &Chat, number: usize) -> Subscription {
    chat.subscribe(&fixtures::room(number), StartFrom::Last(0), None).await.expect("the log can be read")
}
