//! Appends over HTTP: acknowledged messages a second, by 1 to 256 senders that each wait for their answer.
//!
//! The server with its log on the disk is compared with the same server with its log in memory. The
//! difference is the cost of durability; the rest is HTTP. Beside both: a loop that parses the same requests and
//! answers them at once.

use criterion::Throughput;
use millchat_benches::paths::Scratch;
use millchat_benches::post::Posters;
use millchat_benches::post_loop::{self, PostLoop};
use millchat_benches::server::Server;
use millchat_benches::{Results, Unit, cost, criterion_config};

const ABOUT: &str = "Each sender is one connection that posts 200 bytes to one room, waits for the \
    acknowledgement, and posts again; there are no readers. The client (one thread of raw sockets) and the \
    server share the machine. Beside the server with its log on the disk, where an acknowledged message is \
    durable: the same server with its log in memory; and a bare loop over epoll, one thread, that parses the same \
    requests, answers each at once with as many bytes, and keeps nothing.";
const OURS: &str = "millchat";
const IN_MEMORY: &str = "log in memory";
const LIMIT: &str = "epoll loop";
const SENDERS: [usize; 4] = [1, 16, 64, 256];
/// The goal with 64 senders.
const DURABLE_PER_SECOND_MIN: f64 = 32_000.0;
/// The goals with 64 senders: of what the bare loop acknowledges, and the server's CPU time of a message.
const SHARE_OF_LIMIT_MIN: f64 = 0.75;
const CPU_MAX_NS: f64 = 14_000.0;

fn main() {
    post_loop::run_if_asked();
    let mut criterion = criterion_config::criterion();
    let results =
        Results::new("append_http", "acknowledged durable messages a second over HTTP", ABOUT, OURS);
    let scratch = Scratch::new("append_http");
    let log = scratch.file("log.redb");
    let mut group = criterion_config::group(&mut criterion, "append_http");
    for senders in SENDERS {
        let case = if senders == 1 { "1 sender".into() } else { format!("{senders} senders") };
        group.throughput(Throughput::Elements(senders as u64));
        for name in [OURS, IN_MEMORY, LIMIT] {
            // Started only if this bench was asked for.
            let mut started = None;
            group.bench_function(format!("{senders}/{name}"), |bencher| {
                let (receiver, posters) = started.get_or_insert_with(|| {
                    if name == LIMIT {
                        let bare = PostLoop::start();
                        let posters = Posters::connect_bare(bare.address, senders);
                        return (Receiver::Loop(bare), posters);
                    }
                    let log = if name == OURS { &*log.to_string_lossy() } else { "memory:" };
                    let server = Server::start(log);
                    let posters = Posters::connect(&server, senders);
                    (Receiver::Server(Box::new(server)), posters)
                });
                bencher.iter_custom(|rounds| {
                    let before = cost::cpu(receiver.process());
                    let elapsed = posters.rounds(rounds);
                    let messages = rounds * senders as u64;
                    results.rate(&case, "acknowledged", name, messages, elapsed);
                    let spent = cost::cpu(receiver.process()).saturating_sub(before);
                    results.time(&case, "server's CPU per message", name, messages, spent);
                    elapsed
                });
            });
        }
    }
    group.finish();
    results.goal(
        "acknowledged durable messages a second over HTTP, 64 senders",
        &format!("at least {}", Unit::PerSecond.show(DURABLE_PER_SECOND_MIN)),
        |found| {
            let rate = found.row("64 senders", "acknowledged", OURS)?.median();
            Some((Unit::PerSecond.show(rate), rate >= DURABLE_PER_SECOND_MIN))
        },
    );
    results.goal(
        "acknowledged durable messages over HTTP, 64 senders, of a bare epoll loop",
        &format!("at least {SHARE_OF_LIMIT_MIN}"),
        |found| {
            let row = found.row("64 senders", "acknowledged", OURS)?;
            let share = row.median() / found.row("64 senders", "acknowledged", LIMIT)?.median();
            Some((format!("{share:.2}"), share >= SHARE_OF_LIMIT_MIN))
        },
    );
    results.goal("server's CPU per durable message over HTTP, 64 senders", "at most 14 µs", |found| {
        let cpu = found.row("64 senders", "server's CPU per message", OURS)?.median();
        Some((Unit::Nanoseconds.show(cpu), cpu <= CPU_MAX_NS))
    });
    results.finish();
}

/// Whoever takes the messages.
enum Receiver {
    Server(Box<Server>),
    Loop(PostLoop),
}

impl Receiver {
    fn process(&self) -> u32 {
        match self {
            Self::Server(server) => server.process(),
            Self::Loop(bare) => bare.process(),
        }
    }
}
