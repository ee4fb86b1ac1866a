//! Fan-out over HTTP: the whole server with 100, 1,000, 10,000 and 19,000 readers of one room.
//!
//! A sender posts at a steady pace. The bench measures the time from when a message was due until it reaches
//! each reader, and the CPU time of the server process for each delivery. The competitors take turns, round
//! by round, so other load on the machine affects all of them.

use std::net::SocketAddr;
use std::time::Duration;

use millchat_benches::paths::{self, Scratch};
use millchat_benches::readers::Readers;
use millchat_benches::server::Server;
use millchat_benches::steady::{self, CPU, Sender};
use millchat_benches::write_loop::{self, WriteLoop};
use millchat_benches::{Results, Unit, limits};

const ABOUT: &str = "Messages of 200 bytes are posted to one room over HTTP at a steady pace (50 a second; 5 \
    to 10,000 readers, 3 to 19,000), while readers follow it. Delivery is counted from the moment a message \
    was to be posted to the moment a reader has it; the client and the server share the machine. Beside the \
    server, which stores each message durably first: a bare loop that writes the same bytes to as many \
    sockets by one write(2) each, and stores nothing; the server with --stream-writer write, which hands readers \
    their bytes by one write(2) each too, and not by io_uring; and, at 1,000 readers, with all streams \
    served by hyper (--stream-writer hyper), and with its log in memory.";
const OURS: &str = "millchat";
const LIMIT: &str = "write(2)";
const BY_WRITE: &str = "millchat, sender write";
const GENERAL: &str = "millchat, by hyper";
const IN_MEMORY: &str = "millchat in memory";
/// Readers, and messages a second.
const CASES: [(usize, u32); 4] = [(100, 50), (1_000, 50), (10_000, 5), (19_000, 3)];
/// The case in which all competitors take part.
const ALL_AT: usize = 1_000;
/// Rounds of each competitor.
const ROUNDS: usize = 3;
/// Length of a round.
const ROUND: Duration = Duration::from_secs(3);
/// The goals at 1,000 readers, as ratios to the bare loop's figure.
const RATIOS_MAX: [(&str, &str, &str, f64); 3] = [
    ("delivery p99", "p99 delivery", OURS, 1.5),
    ("CPU per delivery, io_uring sender", CPU, OURS, 0.95),
    ("CPU per delivery, write(2) sender", CPU, BY_WRITE, 1.15),
];
/// The goal at 19,000 readers, as a ratio to the CPU per delivery at 100 readers.
const MANY_RATIO_MAX: f64 = 1.3;

fn main() {
    write_loop::run_if_asked();
    limits::raise_descriptors();
    let results =
        Results::new("http_fanout", "one room's messages to all its readers over HTTP", ABOUT, OURS);
    let scratch = Scratch::new("http_fanout");
    for (readers, pace) in CASES {
        if !paths::asked_for(&case(readers)) {
            continue;
        }
        for round in 0..ROUNDS {
            let write_loop = WriteLoop::start();
            measure(&results, LIMIT, (readers, pace), write_loop.address, write_loop.process(), "");
            drop(write_loop);
            let competitors: [(&str, bool, &[&str]); 4] = [
                (OURS, false, &[]),
                (BY_WRITE, false, &["--stream-writer", "write"]),
                (GENERAL, false, &["--stream-writer", "hyper"]),
                (IN_MEMORY, true, &[]),
            ];
            for (name, in_memory, flags) in competitors {
                if readers != ALL_AT && (name == GENERAL || name == IN_MEMORY) {
                    continue;
                }
                let log = scratch.file(&format!("{name}-{readers}-{round}.redb"));
                let log = if in_memory { "memory:".into() } else { log.to_string_lossy() };
                let server = Server::start_with(&log, flags);
                let token = server.guest("Bench");
                measure(&results, name, (readers, pace), server.address, server.process(), &token);
            }
        }
    }
    for (what, metric, name, most) in RATIOS_MAX {
        let what = format!("{what}, 1,000 readers, 50 messages a second, against a bare write(2) loop");
        results.goal(&what, &format!("at most {most}"), |found| {
            let median = |name| Some(found.row("1,000 readers", metric, name)?.median());
            let ratio = median(name)? / median(LIMIT)?;
            Some((format!("{ratio:.2}"), ratio <= most))
        });
    }
    let what = "CPU per delivery at 19,000 readers, against 100 readers";
    results.goal(what, &format!("at most {MANY_RATIO_MAX}"), |found| {
        let cpu = |case| Some(found.row(case, CPU, OURS)?.median());
        let ratio = cpu("19,000 readers")? / cpu("100 readers")?;
        Some((format!("{ratio:.2}"), ratio <= MANY_RATIO_MAX))
    });
    results.finish();
}

fn case(readers: usize) -> String {
    format!("{} readers", Unit::Count.show(readers as f64))
}

/// Measures one round of one competitor.
fn measure(
    results: &Results,
    name: &str,
    (readers, pace): (usize, u32),
    address: SocketAddr,
    process: u32,
    token: &str,
) {
    let case = case(readers);
    let mut readers = Readers::connect(address, readers);
    let sender = Sender::connect(address, token);
    steady::round(results, (&case, name), &mut readers, sender, (pace, ROUND), process);
}
