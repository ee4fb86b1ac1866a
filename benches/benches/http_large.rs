//! Two large messages at once to many pages: the time until the last page has both, beside a bare loop that
//! writes as many bytes to as many sockets.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use millchat_benches::paths::Scratch;
use millchat_benches::readers::{self, PAGE_STREAM, Readers};
use millchat_benches::server::Server;
use millchat_benches::steady::Sender;
use millchat_benches::write_loop::{self, WriteLoop};
use millchat_benches::{Results, http, limits};

const ABOUT: &str = "10,000 pages follow one room, and two people post 44,000 bytes each at the same moment: more than \
    a room's newest events take in memory otherwise. The bare loop writes the bytes that each page got to as many \
    sockets, by one write(2) each, and waits for a full socket.";
const OURS: &str = "millchat";
const LIMIT: &str = "write(2)";
const CASE: &str = "10,000 pages, 2 posts";
const READERS: usize = 10_000;
const POSTS: usize = 2;
const POST_BYTES: usize = 44_000;
const ROUNDS: usize = 5;
/// The goal.
const RATIO_MAX: f64 = 1.5;

fn main() {
    write_loop::run_if_asked();
    limits::raise_descriptors();
    let results = Results::new("http_large", "two large messages to many pages", ABOUT, OURS);
    let scratch = Scratch::new("http_large");
    for round in 0..ROUNDS {
        let bytes = post(&results, &scratch.file(&format!("{round}.redb")).to_string_lossy());
        let bare = WriteLoop::start();
        let mut readers = Readers::connect_by(bare.address, READERS, request(bare.address));
        let begun = Instant::now();
        let writing = thread::spawn(move || {
            bare.write_frames(POSTS, bytes);
            // Its streams end with it, and the readers still read.
            bare
        });
        readers.receive_in_any_order(POSTS as u64);
        results.time(CASE, "until the last has it", LIMIT, 1, begun.elapsed());
        drop(writing.join().expect("the loop writes to the end"));
    }
    let what = "two posts of 44,000 bytes to 10,000 pages, of a bare write(2) loop's time";
    results.goal(what, &format!("at most {RATIO_MAX}"), |found| {
        let ratio = found.ratio(CASE, "until the last has it", LIMIT)?;
        Some((format!("{ratio:.2}"), ratio <= RATIO_MAX))
    });
    results.finish();
}

/// Posts at once; returns the bytes of one post's frame.
fn post(results: &Results, log: &str) -> usize {
    let server = Server::start(log);
    let mut readers = Readers::connect_by(server.address, READERS, request(server.address));
    let senders: Vec<_> =
        (0..POSTS).map(|_| Sender::connect(server.address, &server.guest("Bench"))).collect();
    readers.settle();
    let together = Barrier::new(POSTS);
    thread::scope(|scope| {
        let begun = Instant::now();
        for mut sender in senders {
            let (content, together) = (readers::long_content(0, Duration::ZERO, POST_BYTES), &together);
            scope.spawn(move || {
                together.wait();
                sender.post(&content);
            });
        }
        let heard = readers.receive_in_any_order(POSTS as u64);
        results.time(CASE, "until the last has it", OURS, 1, begun.elapsed());
        heard / READERS / POSTS
    })
}

fn request(address: std::net::SocketAddr) -> impl Fn(usize) -> Vec<u8> {
    move |_| http::get(address, PAGE_STREAM, None)
}
