//! Full speed over HTTP: 16 senders that never pause, 1,000 readers, nothing lost.

use std::thread;
use std::time::{Duration, Instant};

use millchat_benches::paths::Scratch;
use millchat_benches::post::Posters;
use millchat_benches::readers::Readers;
use millchat_benches::server::Server;
use millchat_benches::write_loop::{self, WriteLoop};
use millchat_benches::{Results, Unit, cost, limits};

const ABOUT: &str = "16 senders post messages of 200 bytes to one room over HTTP, each as soon as its last \
    is acknowledged (and durable), while 1,000 readers follow the room. It ends when every reader has every \
    message; each reader holds the chain of positions against what it gets, so nothing is lost, doubled or \
    out of order. The senders and the readers share the machine with the server. Beside the server: a bare \
    loop that writes as many frames to as many sockets, ten to a write(2), with no senders, and keeps \
    nothing; the server with --stream-writer write; the server with --stream-writer hyper.";
const OURS: &str = "millchat";
const LIMIT: &str = "write(2) in tens";
const BY_WRITE: &str = "millchat, sender write";
const GENERAL: &str = "millchat, by hyper";
const CASE: &str = "1,000 readers, 16 senders";
const READERS: usize = 1_000;
const SENDERS: usize = 16;
/// Messages of each sender in a round.
const MESSAGES: u64 = 250;
const ROUNDS: usize = 3;
/// The goal.
const DELIVERIES_A_SECOND_MIN: f64 = 1e6;

fn main() {
    write_loop::run_if_asked();
    limits::raise_descriptors();
    let results = Results::new("http_full_speed", "16 senders at full speed, 1,000 readers", ABOUT, OURS);
    let scratch = Scratch::new("http_full_speed");
    let messages = MESSAGES * SENDERS as u64;
    for round in 0..ROUNDS {
        let write_loop = WriteLoop::start();
        measure(
            &results,
            LIMIT,
            messages,
            Readers::connect(write_loop.address, READERS),
            write_loop.process(),
            || {
                write_loop.write_in_tens(messages);
            },
        );
        drop(write_loop);
        let competitors: [(&str, &[&str]); 3] = [
            (OURS, &[]),
            (BY_WRITE, &["--stream-writer", "write"]),
            (GENERAL, &["--stream-writer", "hyper"]),
        ];
        for (name, flags) in competitors {
            let log = scratch.file(&format!("{name}-{round}.redb"));
            let server = Server::start_with(&log.to_string_lossy(), flags);
            let mut posters = Posters::connect(&server, SENDERS);
            let readers = Readers::connect(server.address, READERS);
            let acknowledged = measure(&results, name, messages, readers, server.process(), move || {
                posters.rounds(MESSAGES);
            });
            results.rate(CASE, "acknowledged", name, messages, acknowledged);
        }
    }
    results.goal(
        "deliveries a second at 1,000 readers, 16 senders at full speed, durable, nothing lost",
        "at least 1,000,000/s",
        |found| {
            let rate = found.row(CASE, "deliveries", OURS)?.median();
            Some((Unit::PerSecond.show(rate), rate >= DELIVERIES_A_SECOND_MIN))
        },
    );
    results.finish();
}

/// Measures one round of one competitor; returns the time that the sending took.
fn measure(
    results: &Results,
    name: &str,
    messages: u64,
    mut readers: Readers,
    process: u32,
    send: impl FnOnce() + Send,
) -> Duration {
    let (begun, before) = (Instant::now(), cost::cpu(process));
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            send();
            begun.elapsed()
        });
        readers.follow(messages);
        let elapsed = begun.elapsed();
        let deliveries = messages * READERS as u64;
        results.rate(CASE, "deliveries", name, deliveries, elapsed);
        let spent = cost::cpu(process).saturating_sub(before);
        results.time(CASE, "CPU per delivery", name, deliveries, spent);
        sending.join().expect("the senders send to the end")
    })
}
