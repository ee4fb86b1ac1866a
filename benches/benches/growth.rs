//! Growth: what the costs of the chat become while one size grows, over a factor of a hundred and more.
//!
//! There is nothing beside a curve but its own other sizes: the slope is what counts. The sizes are measured one after
//! the other, and all of them in each round, so other load on the machine affects all of them. The last curve is of
//! two points: the same load by one serving thread and by two.

use std::fs;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use millchat::{Chat, Delivery, HistoryRange, StartFrom};
use millchat_benches::child::{self, ChildProcess};
use millchat_benches::fixtures::{self, MESSAGE_BYTES};
use millchat_benches::growth::{
    ACKNOWLEDGED, CPU, CPU_OF_JOIN, CPU_OF_MESSAGE, Cost, Curve, FRAME, Growth, KERNEL_MEMORY, MEMORY,
};
use millchat_benches::paths::{self, Scratch};
use millchat_benches::post::Posters;
use millchat_benches::readers::Readers;
use millchat_benches::server::{self, Server};
use millchat_benches::steady::Sender;
use millchat_benches::{Results, Unit, cost, http, limits};
use tokio::task::LocalSet;

const ABOUT: &str = "What one more reader, room, byte, event of history, sender and thread costs. The server's CPU time \
    and memory are those of its process; the clients are another process on the same cores. Each message is stored \
    durably first and has 200 bytes unless it is said. The slope of a curve is the exponent of the straight line \
    through its points in logarithms, by least squares: at 0 the cost does not grow, at 1 it grows as the size does. \
    What one more costs is the difference of the two largest sizes; where a figure is the part of each reader, that of \
    all of them together.";
const OURS: &str = "millchat";
const ROUNDS: usize = 3;
/// Length of the time in which messages are sent.
const LASTS: Duration = Duration::from_secs(2);
/// Deliveries a second to different numbers of readers.
const DELIVERIES_PER_SECOND: u32 = 50_000;
/// Fewer messages a second than this make too few samples.
const PACE_MIN: u32 = 3;
/// With fewer readers, what else the kernel holds counts for more than their sockets.
const SOCKETS_MIN: usize = 1_000;
/// Readers in each of many rooms, and messages a second to all rooms together.
const READERS_OF_ROOM: usize = 10;
const PACE_OF_ROOMS: u32 = 500;
/// Readers of messages of different sizes, and messages a second.
const READERS_OF_BYTES: usize = 1_000;
const PACE_OF_BYTES: u32 = 20;
/// Readers who are served by different numbers of threads, and messages a second.
const READERS_OF_THREADS: usize = 1_000;
const PACE_OF_THREADS: u32 = 50;
/// Time after the last acknowledgement in which all is handed to the sockets.
const HANDED_OVER: Duration = Duration::from_millis(300);
/// Times in a round that nobody reads.
const ALONE: usize = 3;
/// The goal with two threads.
const THREADS_RATIO_MAX: f64 = 1.05;
/// Messages that all senders together send in a round, for each sender up to a number.
const MESSAGES: usize = 40_000;
const MESSAGES_OF_SENDER_MAX: usize = 3_000;
/// Times that a log is opened in a round, and what is read then.
const OPENINGS: u64 = 10;
const PAGES: u64 = 10;
const NEWEST: usize = 100;

/// The CPU time of the server for each delivery, while nobody reads.
const CPU_ALONE: &str = "while nobody reads";

const FILL: &str = "fill";
const READ: &str = "read";

fn main() {
    if let Some((role, args)) = child::role() {
        let events: usize = args[1].parse().expect("a number of events");
        return if role == FILL { fill(&args[0], events) } else { read(&args[0], events as u64) };
    }
    limits::raise_descriptors();
    // Not while the bench runs.
    server::binary();
    let results = Results::new("growth", "how it grows", ABOUT, OURS);
    let scratch = Scratch::new("growth");
    let measures: [fn(&Results, &Scratch, &Curve); 6] = [readers, rooms, bytes, history, senders, threads];
    let curves = curves();
    for _ in 0..ROUNDS {
        for (measure, curve) in measures.iter().zip(&curves).filter(|(_, curve)| paths::asked_for(&curve.of))
        {
            measure(&results, &scratch, curve);
        }
    }
    let what = "CPU per delivery by two serving threads, of that by one, 1,000 readers who do not read yet";
    results.goal(what, &format!("at most {THREADS_RATIO_MAX}"), |found| {
        let cpu = |case| Some(found.row(case, CPU_ALONE, OURS)?.median());
        let ratio = cpu("2 threads")? / cpu("1 thread")?;
        Some((format!("{ratio:.2}"), ratio <= THREADS_RATIO_MAX))
    });
    let growth = Growth { found: results.end(), curves: curves.into() };
    println!("{growth}");
    if !paths::only_a_part() {
        let json = serde_json::to_vec_pretty(&growth).expect("figures and words are JSON");
        fs::write(paths::figures().join("growth.json"), json).expect("the target directory takes files");
    }
}

fn curves() -> [Curve; 6] {
    let curve = |of: &str, about: &str, sizes: &[u64], costs: &[(&str, bool)]| Curve {
        of: of.into(),
        about: about.split_whitespace().collect::<Vec<_>>().join(" "),
        sizes: sizes.to_vec(),
        costs: costs
            .iter()
            .map(|&(metric, is_part_of_each)| Cost { metric: metric.into(), is_part_of_each })
            .collect(),
    };
    [
        curve(
            "readers",
            "Readers of one room. The messages come so often that there are 50,000 deliveries a second (57,000 to \
                19,000 readers). Memory is what the connected readers add before anything is said: in the process, \
                and in the kernel's own objects, of which half are the clients' ends. A join is a connection, a \
                request and the opening of the stream, and what all readers are told of it.",
            &[100, 300, 1_000, 3_000, 10_000, 19_000],
            &[(CPU, true), (MEMORY, true), (KERNEL_MEMORY, true), (CPU_OF_JOIN, true)],
        ),
        curve(
            "rooms",
            "Rooms of 10 readers each, to which 500 messages a second go in turn. So each message is delivered ten \
                times however many rooms there are, and most of the CPU time is that of the message.",
            &[1, 10, 100, 1_000],
            &[(CPU, false)],
        ),
        curve(
            "bytes",
            "The text of a message, to 1,000 readers of one room, 20 messages a second.",
            &[20, 200, 2_000, 20_000],
            &[(CPU, false), (FRAME, false)],
        ),
        curve(
            "events",
            "The history of one room, in a log of nothing else, read in the core. Each time, the log has just been \
                opened: the first reader joins and gets the newest 100; then pages of 100 messages are read at ten \
                places of the middle half. Memory is what that has added to the process. About 14 MiB of it is the \
                queue of sends, which has 65,536 places. A file of up to 128 MiB is checked whole when it is opened, \
                so the log's cache (64 MiB at most) has it then; of the largest it has nothing.",
            &[1_000, 10_000, 100_000, 1_000_000],
            &[("a join", false), ("a page", false), ("memory of the log", false)],
        ),
        curve(
            "senders",
            "Connections that post to one room, each as soon as its last message is acknowledged. There are no \
                readers.",
            &[1, 4, 16, 64, 256],
            &[(CPU_OF_MESSAGE, false), (ACKNOWLEDGED, false)],
        ),
        curve(
            "threads",
            "Serving threads, of which the server has one per core. The server with one was told of one core when \
                it started, and runs on both. 1,000 readers of one room, 50 messages a second: first as elsewhere, \
                then while the readers take nothing and are told of nothing, so that neither their thread nor what \
                the kernel keeps for them stands between the server's threads.",
            &[1, 2],
            &[(CPU, false), (CPU_ALONE, false)],
        ),
    ]
}

/// Messages at a steady pace.
struct Load {
    rooms: Vec<String>,
    /// Messages of each room.
    messages: u64,
    bytes: usize,
    /// Messages a second to all rooms.
    pace: u32,
}

impl Load {
    /// A load of one room for as long as a round lasts.
    fn new(bytes: usize, pace: u32) -> Self {
        Self { rooms: vec!["bench".into()], messages: LASTS.as_secs() * u64::from(pace), bytes, pace }
    }

    /// Sends it to readers of these rooms, as many of each, and adds what a delivery cost.
    fn run(
        &self,
        results: &Results,
        case: &str,
        readers: (&mut Readers, usize),
        sender: &mut Sender,
        process: u32,
    ) {
        let (readers, count) = readers;
        let deliveries = self.messages * count as u64;
        let before = cost::cpu(process);
        let heard = thread::scope(|scope| {
            scope.spawn(|| self.send(sender));
            readers.follow(self.messages)
        });
        results.time(case, CPU, OURS, deliveries, cost::cpu(process).saturating_sub(before));
        results.sample(case, FRAME, Unit::Bytes, OURS, heard as f64 / deliveries as f64);
    }

    /// The same, but no reader takes anything before all is handed over: the server's threads have the cores, and what
    /// the kernel keeps of the readers, to themselves.
    fn run_alone(
        &self,
        results: &Results,
        case: &str,
        readers: (&mut Readers, usize),
        sender: &mut Sender,
        process: u32,
    ) {
        let (readers, count) = readers;
        let before = cost::cpu(process);
        let spent = readers.asleep(|| {
            self.send(sender);
            thread::sleep(HANDED_OVER);
            cost::cpu(process).saturating_sub(before)
        });
        readers.follow(self.messages);
        results.time(case, CPU_ALONE, OURS, self.messages * count as u64, spent);
    }

    fn send(&self, sender: &mut Sender) {
        let (origin, content) = (Instant::now(), "x".repeat(self.bytes));
        for number in 0..self.messages as usize * self.rooms.len() {
            let due = Duration::from_secs(1) * number as u32 / self.pace;
            thread::sleep(due.saturating_sub(origin.elapsed()));
            sender.post_to(&self.rooms[number % self.rooms.len()], &content);
        }
    }
}

/// Starts a server with a log of its own.
fn start(scratch: &Scratch) -> Server {
    let log = scratch.file("log.redb");
    // That of the server before.
    let _ = fs::remove_file(&log);
    Server::start(&log.to_string_lossy())
}

/// Connects readers of the bench's room and a sender to it, whose first message is over.
fn connect(server: &Server, count: usize) -> (Readers, Sender) {
    let token = server.guest("Bench");
    let mut readers = Readers::connect(server.address, count);
    let sender = Sender::connect(server.address, &token);
    readers.follow(1);
    (readers, sender)
}

fn readers(results: &Results, scratch: &Scratch, curve: &Curve) {
    for &size in &curve.sizes {
        let (case, count) = (curve.case(size), size as usize);
        let server = start(scratch);
        let process = server.process();
        // The cost of the very first request does not belong to a reader.
        let token = server.guest("Bench");
        let (memory, kernel, cpu) = (cost::memory(process), cost::kernel_memory(), cost::cpu(process));
        let mut readers = Readers::connect(server.address, count);
        results.time(&case, CPU_OF_JOIN, OURS, size, cost::cpu(process).saturating_sub(cpu));
        let bytes = cost::memory(process).saturating_sub(memory) as f64 / size as f64;
        results.sample(&case, MEMORY, Unit::Bytes, OURS, bytes);
        if count >= SOCKETS_MIN {
            let bytes = cost::kernel_memory().saturating_sub(kernel) as f64 / (2 * size) as f64;
            results.sample(&case, KERNEL_MEMORY, Unit::Bytes, OURS, bytes);
        }
        let mut sender = Sender::connect(server.address, &token);
        readers.follow(1);
        let load = Load::new(MESSAGE_BYTES, (DELIVERIES_PER_SECOND / count as u32).max(PACE_MIN));
        load.run(results, &case, (&mut readers, count), &mut sender, process);
    }
}

fn rooms(results: &Results, scratch: &Scratch, curve: &Curve) {
    for &size in &curve.sizes {
        let rooms: Vec<String> = (0..size as usize).map(|number| format!("room-{number}")).collect();
        let server = start(scratch);
        let count = rooms.len() * READERS_OF_ROOM;
        // Neighbours are of one room: the server assigns connections to its threads in turn.
        let request = |number: usize| {
            let path = format!("/api/v1/rooms/{}/events?history=0", rooms[number / READERS_OF_ROOM]);
            http::get(server.address, &path, None)
        };
        let mut readers = Readers::connect_by(server.address, count, request);
        let mut sender = Sender::connect(server.address, &server.guest("Bench"));
        for room in &rooms {
            sender.post_to(room, "first");
        }
        readers.follow(1);
        let messages = LASTS.as_secs() * u64::from(PACE_OF_ROOMS) / rooms.len() as u64;
        let load = Load { rooms, messages, bytes: MESSAGE_BYTES, pace: PACE_OF_ROOMS };
        load.run(results, &curve.case(size), (&mut readers, count), &mut sender, server.process());
    }
}

fn bytes(results: &Results, scratch: &Scratch, curve: &Curve) {
    let server = start(scratch);
    let (mut readers, mut sender) = connect(&server, READERS_OF_BYTES);
    for &size in &curve.sizes {
        let load = Load::new(size as usize, PACE_OF_BYTES);
        let readers = (&mut readers, READERS_OF_BYTES);
        load.run(results, &curve.case(size), readers, &mut sender, server.process());
    }
}

fn senders(results: &Results, scratch: &Scratch, curve: &Curve) {
    for &size in &curve.sizes {
        let (case, server) = (curve.case(size), start(scratch));
        let mut posters = Posters::connect(&server, size as usize);
        // The first messages pay extra.
        posters.rounds(10);
        let each = (MESSAGES / size as usize).min(MESSAGES_OF_SENDER_MAX) as u64;
        let (messages, before) = (each * size, cost::cpu(server.process()));
        let elapsed = posters.rounds(each);
        results.time(
            &case,
            CPU_OF_MESSAGE,
            OURS,
            messages,
            cost::cpu(server.process()).saturating_sub(before),
        );
        results.rate(&case, ACKNOWLEDGED, OURS, messages, elapsed);
    }
}

fn threads(results: &Results, scratch: &Scratch, curve: &Curve) {
    for &size in &curve.sizes {
        let server = if size == 1 {
            limits::start_as_on_one_core(|| start(scratch), Server::process)
        } else {
            start(scratch)
        };
        let (mut readers, mut sender) = connect(&server, READERS_OF_THREADS);
        let (load, case) = (Load::new(MESSAGE_BYTES, PACE_OF_THREADS), curve.case(size));
        load.run(results, &case, (&mut readers, READERS_OF_THREADS), &mut sender, server.process());
        // As many as the sockets of readers hold that take nothing.
        let load = Load { messages: u64::from(PACE_OF_THREADS), ..load };
        for _ in 0..ALONE {
            let readers = (&mut readers, READERS_OF_THREADS);
            load.run_alone(results, &case, readers, &mut sender, server.process());
        }
    }
}

fn history(results: &Results, scratch: &Scratch, curve: &Curve) {
    for &size in &curve.sizes {
        let (case, log) = (curve.case(size), scratch.file(&format!("history-{size}.redb")));
        let args = [&*log.to_string_lossy(), &size.to_string()];
        if !log.exists() {
            assert_eq!(ChildProcess::start(FILL, &args).line(), "filled");
        }
        let line = ChildProcess::start(READ, &args).line();
        let figures = line.split(' ').map(|figure| figure.parse::<f64>().expect("it says numbers"));
        for (cost, figure) in curve.costs.iter().zip(figures) {
            let unit = if cost.metric.starts_with("memory") { Unit::Bytes } else { Unit::Nanoseconds };
            results.sample(&case, &cost.metric, unit, OURS, figure);
        }
    }
}

/// Runs as the child: fills a log with the events of one room, closes it and prints a line.
fn fill(log: &str, events: usize) {
    let chat = Chat::open(log).expect("a log can be made");
    let (runtime, tasks) = (fixtures::runtime(), LocalSet::new());
    tasks.block_on(&runtime, fixtures::send(&chat, events, &|_| 0));
    runtime.block_on(chat.close()).expect("the log can be closed");
    println!("filled");
}

/// Runs as the child: opens the log again and again, and prints the time of a join and of a page in nanoseconds, and
/// the memory in bytes.
fn read(log: &str, events: u64) {
    let (runtime, room) = (fixtures::runtime(), fixtures::room(0));
    let (mut joins, mut pages, mut memory) = (Duration::ZERO, Duration::ZERO, 0);
    for _ in 0..OPENINGS {
        let before = cost::memory(process::id());
        let mut builder = Chat::builder();
        let kind = builder.encoder(fixtures::copy_text);
        let chat = builder.open(log).expect("the log can be opened");
        runtime.block_on(async {
            let begun = Instant::now();
            let reader = chat.subscribe_frames(kind, &room, StartFrom::Last(NEWEST), None).await;
            let mut reader = reader.expect("the log can be read");
            let mut left = NEWEST;
            while left > 0 {
                let delivery = reader.next().await.expect("the chat is open").expect("the log can be read");
                if let Delivery::Item(frames) = delivery {
                    left -= frames.events as usize;
                }
            }
            joins += begun.elapsed();
            let begun = Instant::now();
            for page in 0..PAGES {
                let before = events / 4 + events / 2 * page / PAGES;
                let page = chat.history(&room, HistoryRange::Before(before), NEWEST).await;
                assert_eq!(page.expect("the log can be read").messages.len(), NEWEST);
            }
            pages += begun.elapsed();
        });
        memory = memory.max(cost::memory(process::id()).saturating_sub(before));
        runtime.block_on(chat.close()).expect("the log can be closed");
    }
    let each = |time: Duration, times| time.as_nanos() / u128::from(times);
    println!("{} {} {memory}", each(joins, OPENINGS), each(pages, OPENINGS * PAGES));
}
