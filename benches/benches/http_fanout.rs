//! Fan-out over HTTP: the whole server with 100, 1,000 and 10,000 readers of one room.
//!
//! A sender posts at a steady pace; what counts is how long after its time a message reaches each reader, and what
//! the serving process spends on a CPU for each delivery. The contenders take turns, round by round, so that what
//! else the machine does meets them alike.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use millchat_benches::bare::{self, Bare};
use millchat_benches::place::{self, Scratch};
use millchat_benches::readers::{self, Readers};
use millchat_benches::server::Server;
use millchat_benches::{Results, Unit, cost, http, limits};

const ABOUT: &str = "Messages of 200 bytes are posted to one room over HTTP at a steady pace (50 a second; 5 to \
    10,000 readers, 3 to 19,000), while readers follow it. Delivery is counted from the moment a message was to be \
    posted to the moment a reader has it; the client and the server share the machine. Beside the server, which \
    stores each message durably first: a bare loop that writes the same bytes to as many sockets by one write(2) each, \
    and stores nothing; the server with --sender write, which hands readers their bytes by one write(2) each too, and \
    not by io_uring; and, at 1,000 readers, with all streams served by hyper (--fast-path off), and with its log in \
    memory.";
const OURS: &str = "millchat";
const LIMIT: &str = "write(2)";
const BY_WRITE: &str = "millchat, sender write";
const GENERAL: &str = "millchat, by hyper";
const IN_MEMORY: &str = "millchat in memory";
/// Readers, and messages a second.
const CASES: [(usize, u32); 4] = [(100, 50), (1_000, 50), (10_000, 5), (19_000, 3)];
/// The case in which all have their turn.
const ALL_AT: usize = 1_000;
/// How often each contender's turn comes.
const ROUNDS: usize = 3;
/// How long a round lasts.
const ROUND: Duration = Duration::from_secs(3);
/// What the product set out to reach at 1,000 readers, of the bare loop's figure.
const RATIOS_MAX: [(&str, &str, &str, f64); 3] = [
    ("delivery p99", "p99 delivery", OURS, 1.5),
    ("CPU per delivery, io_uring sender", "CPU per delivery", OURS, 0.95),
    ("CPU per delivery, write(2) sender", "CPU per delivery", BY_WRITE, 1.15),
];
/// And of the CPU per delivery at 100 readers, at 19,000.
const MANY_RATIO_MAX: f64 = 1.3;

fn main() {
    bare::run_if_asked();
    limits::raise_descriptors();
    let results =
        Results::new("http_fanout", "one room's messages to all its readers over HTTP", ABOUT, OURS);
    let scratch = Scratch::new("http_fanout");
    for (readers, pace) in CASES {
        if !place::asked_for(&case(readers)) {
            continue;
        }
        for round in 0..ROUNDS {
            let bare = Bare::start();
            measure(&results, LIMIT, (readers, pace), bare.address, bare.process(), "");
            drop(bare);
            let contenders: [(&str, bool, &[&str]); 4] = [
                (OURS, false, &[]),
                (BY_WRITE, false, &["--sender", "write"]),
                (GENERAL, false, &["--fast-path", "off"]),
                (IN_MEMORY, true, &[]),
            ];
            for (name, in_memory, flags) in contenders {
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
        results.target(&what, &format!("at most {most}"), |found| {
            let median = |name| Some(found.row("1,000 readers", metric, name)?.median());
            let ratio = median(name)? / median(LIMIT)?;
            Some((format!("{ratio:.2}"), ratio <= most))
        });
    }
    let what = "CPU per delivery at 19,000 readers, against 100 readers";
    results.target(what, &format!("at most {MANY_RATIO_MAX}"), |found| {
        let cpu = |case| Some(found.row(case, "CPU per delivery", OURS)?.median());
        let ratio = cpu("19,000 readers")? / cpu("100 readers")?;
        Some((format!("{ratio:.2}"), ratio <= MANY_RATIO_MAX))
    });
    results.finish();
}

fn case(readers: usize) -> String {
    format!("{} readers", Unit::Count.show(readers as f64))
}

/// One round of one contender.
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
    let mut sender = Sender::connect(address, token);
    let messages = ROUND.as_secs() * u64::from(pace);
    let (origin, before) = (Instant::now(), cost::cpu(process));
    let sending = thread::spawn(move || {
        for number in 0..messages {
            let due = Duration::from_secs(1) * number as u32 / pace;
            thread::sleep(due.saturating_sub(origin.elapsed()));
            sender.post(&readers::content(number, due));
        }
        sender
    });
    let latencies = readers.receive(messages, origin);
    // Still connected: the loop's thread that serves it takes its time on the CPU along when it ends.
    let _sender = sending.join().expect("the sender sends to the end");
    let spent = cost::cpu(process).saturating_sub(before);
    results.time(&case, "CPU per delivery", name, latencies.len(), spent);
    for (metric, quantile) in [("p50 delivery", 0.5), ("p99 delivery", 0.99)] {
        let nanos = latencies.value_at_quantile(quantile);
        results.sample(&case, metric, Unit::Nanoseconds, name, nanos as f64);
    }
}

/// One connection that posts.
struct Sender {
    stream: TcpStream,
    address: SocketAddr,
    token: String,
}

impl Sender {
    fn connect(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server takes connections");
        stream.set_nodelay(true).expect("a TCP socket has the option");
        let mut sender = Self { stream, address, token: token.into() };
        // A message without a mark: whatever the first one costs more is over.
        sender.post("first");
        sender
    }

    fn post(&mut self, content: &str) {
        let (path, body) = ("/api/v1/rooms/bench/messages", format!("{{\"content\":\"{content}\"}}"));
        let request = http::request(self.address, "POST", path, Some(&self.token), &body);
        self.stream.write_all(&request).expect("the server takes requests");
        let mut answer = Vec::new();
        while http::end_of_answer(&answer).is_none() {
            let mut piece = [0; 2048];
            let len = self.stream.read(&mut piece).expect("it answers");
            assert!(len > 0, "the server ended the sender's connection");
            answer.extend_from_slice(&piece[..len]);
        }
        assert!(http::succeeded(&answer), "{}", String::from_utf8_lossy(&answer));
    }
}
