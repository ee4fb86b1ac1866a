//! Opening a log of a million events: after a clean stop, and after `kill -9`.
//!
//! It is compared with reading the same file from start to end. The system's cache holds nothing of the file
//! in either case.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use millchat::Chat;
use millchat_benches::child::{self, ChildProcess};
use millchat_benches::fixtures::{self, draft};
use millchat_benches::paths::Scratch;
use millchat_benches::{Results, Unit};
use rustix::fs::{Advice, fadvise};
use tokio::task::LocalSet;

const ABOUT: &str = "A log of 1,000,000 events of 200 bytes in 100 rooms, written by a process that is then \
    killed (SIGKILL). Opening it repairs it; opening it again after a clean stop need not. Beside it: \
    reading the same file from its begin to its end. Before each, the system's cache is told to forget the \
    file.";
const OURS: &str = "millchat";
const LIMIT: &str = "reading the file";
const EVENTS: u64 = 1_000_000;
const ROOMS: usize = 100;
/// Senders that fill the log.
const SENDERS: u64 = 4_000;
const ROUNDS: usize = 5;

fn main() {
    if let Some((_, args)) = child::role() {
        return fill(&args[0]);
    }
    let results = Results::new("open", "opening a log of 1,000,000 events", ABOUT, OURS);
    let scratch = Scratch::new("open");
    let (killed, log) = (scratch.file("killed.redb"), scratch.file("log.redb"));
    let mut child = ChildProcess::start("fill", &[&killed.to_string_lossy()]);
    assert_eq!(child.line(), "filled");
    // Dropping the child kills it: the log is not closed.
    drop(child);
    for _ in 0..ROUNDS {
        fs::copy(&killed, &log).expect("the disk has room for a copy");
        let mut bytes = 0;
        for case in ["after kill -9", "after a clean stop"] {
            bytes = forget(&log);
            let chat = timed(&results, case, OURS, || Chat::open(&log.to_string_lossy()));
            let chat = chat.expect("what was acknowledged can be opened");
            assert_eq!(chat.head(), EVENTS, "and is all there");
            fixtures::runtime().block_on(chat.close()).expect("the log can be closed");
            drop(chat);
            forget(&log);
            timed(&results, case, LIMIT, || read(&log));
        }
        results.sample("after a clean stop", "size of the file", Unit::Bytes, OURS, bytes as f64);
    }
    results.finish();
}

fn timed<T>(results: &Results, case: &str, name: &str, of: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = of();
    results.time(case, "until open", name, 1, begun.elapsed());
    result
}

/// Makes the system's cache drop a file; returns the size of the file.
fn forget(path: &Path) -> u64 {
    let file = File::open(path).expect("the file is there");
    // The cache keeps pages that are not on the disk yet.
    file.sync_all().expect("the disk keeps bytes");
    fadvise(&file, 0, None, Advice::DontNeed).expect("a file has pages");
    file.metadata().expect("the file is there").len()
}

fn read(path: &Path) {
    let (mut file, mut piece) = (File::open(path).expect("the file is there"), vec![0; 1024 * 1024]);
    while file.read(&mut piece).expect("the disk can be read") > 0 {}
}

/// Runs as the child: fills the log, prints a line, and waits to be killed.
fn fill(log: &str) {
    let (chat, runtime, tasks) =
        (Chat::open(log).expect("a log can be made"), fixtures::runtime(), LocalSet::new());
    for sender in 0..SENDERS {
        let (chat, room) = (chat.clone(), fixtures::room(sender as usize % ROOMS));
        tasks.spawn_local(async move {
            for _ in 0..EVENTS / SENDERS {
                chat.send(&room, draft()).await.expect("the log takes every message");
            }
        });
    }
    runtime.block_on(tasks);
    println!("filled");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}
