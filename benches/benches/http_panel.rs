//! The cost of the panel: loaders that nobody opens, documents of panels, and panels that follow one room.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use millchat_benches::fixtures::MESSAGE_BYTES;
use millchat_benches::paths::Scratch;
use millchat_benches::readers::{API_STREAM, PAGE_STREAM, PANEL_STREAM, Readers};
use millchat_benches::server::Server;
use millchat_benches::steady::{self, CPU, Sender};
use millchat_benches::{Results, Unit, cost, limits};
use millchat_testkit::http::{Body, Head, get, header_fields};

const ABOUT: &str = "10,000 browsers fetch the loader over plain HTTP/1.1, each on a connection of its \
    own, and never open the panel: in turn, and each closes its connection before the next one comes; then \
    again in turn, with the tag of what they have; then with all connections open at once. Beside them: as \
    many requests for `/healthz`, a short answer. Memory is what the anonymous memory of the server grows \
    by, before and after the connections that were still open are closed. Then 1,000 documents of a room \
    with 50 messages of 200 bytes, as a panel and as a page, fetched in turn, compressed. Then 1,000 \
    panels follow one room, to which 20 messages of 200 bytes a second are posted; beside them 1,000 \
    readers of the page's stream and of the API's. A message that is lost, doubled or out of order ends \
    the bench.";
const PANEL: &str = "panel";
const SHORT: &str = "short answer";
const PAGE: &str = "page";
const API: &str = "API";
const FIRST: &str = "10,000 loaders, in turn";
const AGAIN: &str = "10,000 again, in turn";
const AT_ONCE: &str = "10,000 loaders, at once";
const DOCUMENT: &str = "1,000 documents, in turn";
const FOLLOW: &str = "1,000 readers";
const FETCH: &str = "CPU of a fetch";
const MEMORY: &str = "memory of a reader";
const LOADERS: usize = 10_000;
const DOCUMENTS: usize = 1_000;
const READERS: usize = 1_000;
/// Messages of the room whose document is fetched.
const HISTORY: usize = 50;
/// Messages a second, and the length of a round: 60 messages.
const PACE: (u32, Duration) = (20, Duration::from_secs(3));
const ROUNDS: usize = 3;
/// Bytes that are read from a socket at once.
const READ_BYTES: usize = 16 * 1024;
/// Interval at which the server is asked if it has closed its connections, and most times.
const CLOSED: (Duration, u32) = (Duration::from_millis(10), 2_000);
/// The goal, against the page's figure of the same run.
const RATIO_MAX: f64 = 1.3;

/// The time until which the connection of a fetch stays open.
#[derive(PartialEq, Eq)]
enum Until {
    Answered,
    AllAsked,
}

fn main() {
    limits::raise_descriptors();
    let results = Results::new("http_panel", "the panel of other sites", ABOUT, PANEL);
    let scratch = Scratch::new("http_panel");
    for round in 0..ROUNDS {
        for (name, path) in [(PANEL, "/embed.js"), (SHORT, "/healthz")] {
            let server = start("memory:");
            let known = tag(&fetch(&server, path, "").1);
            fetches(&results, (FIRST, name), &server, (LOADERS, path, "", Until::Answered));
            fetches(&results, (AGAIN, name), &server, (LOADERS, path, &known, Until::Answered));
            fetches(&results, (AT_ONCE, name), &server, (LOADERS, path, "", Until::AllAsked));
        }
        for (name, path) in [(PANEL, "/embed/bench"), (PAGE, "/bench")] {
            let server = start("memory:");
            let mut sender = Sender::connect(server.address, &server.guest("Bench"));
            for _ in 1..HISTORY {
                sender.post(&"x".repeat(MESSAGE_BYTES));
            }
            fetches(&results, (DOCUMENT, name), &server, (DOCUMENTS, path, "", Until::Answered));
        }
        for (name, path) in [(PANEL, PANEL_STREAM), (PAGE, PAGE_STREAM), (API, API_STREAM)] {
            let log = scratch.file(&format!("{name}-{round}.redb"));
            follow(&results, name, path, &start(&log.to_string_lossy()));
        }
    }
    let what = "CPU per delivery to panels, 1,000 readers, of that to pages";
    results.goal(what, &format!("at most {RATIO_MAX}"), |found| {
        let ratio = found.ratio(FOLLOW, CPU, PAGE)?;
        Some((format!("{ratio:.2}"), ratio <= RATIO_MAX))
    });
    results.finish();
}

fn start(log: &str) -> Server {
    Server::start_with(log, &["--embed-origins", "https://shop.example"])
}

/// Measures a number of fetches of a path with these header fields; each connection is open until then.
fn fetches(
    results: &Results,
    (case, name): (&str, &str),
    server: &Server,
    (count, path, fields, open): (usize, &str, &str, Until),
) {
    let process = server.process();
    // The cost of the very first one belongs to none.
    let (_, answer) = fetch(server, path, fields);
    results.sample(case, "bytes of an answer", Unit::Bytes, name, answer.len() as f64);
    let (connections, memory, cpu) = (descriptors(process), cost::memory(process), cost::cpu(process));
    let fetched = (0..count).map(|_| fetch(server, path, fields).0);
    let connected: Vec<TcpStream> = fetched.filter(|_| open == Until::AllAsked).collect();
    let spent = cost::cpu(process).saturating_sub(cpu);
    results.time(case, FETCH, name, count as u64, spent);
    let grown = || cost::memory(process).saturating_sub(memory) as f64;
    results.sample(case, "memory added", Unit::Bytes, name, grown());
    drop(connected);
    let all_closed = (0..CLOSED.1).any(|_| {
        thread::sleep(CLOSED.0);
        descriptors(process) <= connections
    });
    assert!(all_closed, "the server holds connections that their clients have closed");
    results.sample(case, "memory, all closed", Unit::Bytes, name, grown());
}

/// Sends a request on a connection of its own; returns the connection and the whole answer.
fn fetch(server: &Server, path: &str, fields: &str) -> (TcpStream, Vec<u8>) {
    let host = server.address;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n{fields}\r\n");
    let mut stream = TcpStream::connect(host).expect("the server takes connections");
    stream.write_all(request.as_bytes()).expect("it takes requests");
    let (mut answer, mut piece) = (Vec::new(), [0; READ_BYTES]);
    loop {
        let len = stream.read(&mut piece).expect("it answers");
        assert!(len > 0, "the server ended the connection before it had answered");
        answer.extend_from_slice(&piece[..len]);
        let Some(head) = Head::parse(&answer).expect("an answer is HTTP") else { continue };
        assert!(matches!(head.status, 200 | 304), "{}", String::from_utf8_lossy(&answer));
        let Body::Length(body) = head.body else { panic!("an answer says how long it is") };
        if answer.len() as u64 == head.len as u64 + body {
            return (stream, answer);
        }
    }
}

/// Returns the header field that asks for another answer than this one; nothing if it has no tag.
fn tag(answer: &[u8]) -> String {
    let fields = header_fields(answer).expect("an answer is HTTP");
    let tag = fields.iter().find(|(name, _)| name == "etag");
    tag.map(|(_, tag)| format!("If-None-Match: {tag}\r\n")).unwrap_or_default()
}

/// Measures readers of a stream: what each adds to the memory, and what a delivery costs.
fn follow(results: &Results, name: &str, stream: &str, server: &Server) {
    let request = |_| get(server.address, stream, None);
    // The cost of the very first request does not belong to a reader.
    drop(Readers::connect_by(server.address, 1, request));
    let before = cost::memory(server.process());
    let mut readers = Readers::connect_by(server.address, READERS, request);
    let each = cost::memory(server.process()).saturating_sub(before) as f64 / READERS as f64;
    results.sample(FOLLOW, MEMORY, Unit::Bytes, name, each);
    let sender = Sender::connect(server.address, &server.guest("Bench"));
    steady::round(results, (FOLLOW, name), &mut readers, sender, PACE, server.process());
}

/// Returns the number of files and sockets that a process has open.
fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs").count()
}
