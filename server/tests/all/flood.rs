//! More than the machine gives: more connections than descriptors, more sends than the disk takes.
//!
//! A request that does not fit waits or is told to come back; what was taken is kept, in bounded memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::machine::{put_back, put_last};
use crate::support::oracle::{Follower, acknowledge, assert_clean, recover};
use crate::support::raw::{Connection, post};
use crate::support::{Guest, Server, turn, while_it_moves, within};
use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle, Sender};
use millchat_testkit::descriptors::raise_limit;
use millchat_testkit::process::resident_bytes_max;
use rustix::process::Signal;
use serde_json::Value;

/// Descriptors that the server may open: 256 connections, after its reserve.
const DESCRIPTORS: u32 = 512;
/// Readers that are in before it is full.
const IN: usize = 250;
/// Readers that come then. More than fit, and fewer than those that are in: when these leave, all get in.
const LATE: usize = 200;

/// Sends in turn over this connection; gives the last position.
async fn say_all(
    connection: &mut Connection,
    ada: &Guest,
    sender: &Sender,
    numbers: std::ops::Range<u64>,
) -> u64 {
    let mut last = 0;
    for number in numbers {
        let content = format!("message {number}");
        let request = post("lobby", &ada.token, &content);
        let answered = within("a send is answered", connection.ask(&request)).await;
        let (head, body) = answered.expect("the connection is kept");
        assert_eq!(head.status, 201, "{body}");
        let receipt: Value = serde_json::from_str(&body).unwrap();
        last = acknowledge(sender, number, ada, &content, &receipt);
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_descriptor_waits_gets_in_when_others_leave_and_misses_nothing() {
    let _turn = turn::load().await;
    raise_limit(2_000).unwrap();
    let mut server = Server::start_with_descriptors(DESCRIPTORS).await;
    let (address, api) = (server.address(), server.api());
    let ada = api.guest("Ada").await;
    let mut connection = Connection::connect(address).await.unwrap();
    let oracle = Oracle::new();
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "ada");
    let mut readers = Vec::new();
    for number in 0..IN {
        let mut reader = Follower::new(&oracle, "lobby", number.to_string());
        reader.join(address).await.unwrap();
        within("a stream opens", reader.next()).await.expect("an opening");
        readers.push(reader);
    }

    let place = readers[0].last_id.clone();
    let mut late = Vec::new();
    for number in 0..LATE {
        let mut reader = Follower::new(&oracle, "lobby", format!("late {number}"));
        reader.last_id.clone_from(&place);
        // The kernel connects it; what it asks for waits until the server takes it.
        late.push(tokio::spawn(async move { reader.join(address).await.map(|()| reader) }));
    }
    let full = async {
        let mut turn = 0;
        while !server.stderr().contains("new ones wait") {
            say_all(&mut connection, &ada, &sender, turn..turn + 1).await;
            turn += 1;
        }
        turn
    };
    let said = within("the server is full", full).await;
    say_all(&mut connection, &ada, &sender, said..said + 100).await;
    assert!(late.iter().filter(|late| !late.is_finished()).count() > LATE / 2, "it was not full");

    // Those who are left were in all the time.
    readers.drain(..LATE);
    let mut connection = Connection::connect(address).await.unwrap();
    let last = say_all(&mut connection, &ada, &sender, said + 100..said + 200).await;
    for reader in &mut readers {
        reader.keep_up(last).await;
    }
    for late in late {
        readers.push(within("who waited gets in", late).await.unwrap().expect("it is answered"));
    }
    for reader in &mut readers {
        reader.catch_up(address, last).await;
        reader.reader.complete();
    }
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
    server.assert_alive();
}

/// Connections that each send as fast as they are answered.
const SENDERS: usize = 2_500;
/// The largest sends that there are, nearly.
const CONTENT_BYTES: usize = 60 * 1024;
/// The server stands still for this time, and runs for as long.
const PAUSE: Duration = Duration::from_secs(1);
/// So many are refused before the flood ends: enough to see that they are. A fast disk leaves few.
const REFUSED: usize = 20;
/// A disk that has taken so many has taken all: then nobody was refused, and this machine's disk is to have space.
const ACCEPTED_MAX: usize = 20_000;

/// Limits of the product: what waits for the disk, what is being read of all bodies, redb's cache, texts that
/// were rendered.
const QUEUE_BYTES_MAX: u64 = 64 << 20;
const READING_BYTES_MAX: u64 = 64 << 20;
const CACHE_BYTES: u64 = 64 << 20;
const RENDERED_BYTES_MAX: u64 = 32 << 20;
/// A connection's buffers in hyper, and its task, which is larger in a build for tests.
const CONNECTION_BYTES_MAX: u64 = 96 << 10;
/// The rest: the batch of 8 MiB as records and as pages, the ring, what the allocator keeps, the program.
const REST_BYTES: u64 = 128 << 20;

/// Outcomes of the flood's sends.
#[derive(Default)]
struct Flood {
    accepted: AtomicUsize,
    /// Refused because too much waits for the disk.
    queue_full: AtomicUsize,
    /// Refused because too much is being read.
    reading_full: AtomicUsize,
}

impl Flood {
    fn is_over(&self) -> bool {
        let is_refused = self.queue_full.load(Ordering::Relaxed) >= REFUSED;
        is_refused || self.accepted.load(Ordering::Relaxed) >= ACCEPTED_MAX
    }
}

async fn flood(address: std::net::SocketAddr, ada: Guest, name: usize, sender: Sender, flood: Arc<Flood>) {
    let mut connection: Option<Connection> = None;
    let mut sequence = 0;
    while !flood.is_over() {
        let content = format!("{name} {sequence} {:x>CONTENT_BYTES$}", "");
        let mut open = match connection.take() {
            Some(open) => open,
            None => Connection::connect(address).await.expect("connections are not what runs out"),
        };
        let (head, body) = open.ask(&post("lobby", &ada.token, &content)).await.expect("an answer");
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        match head.status {
            201 => {
                acknowledge(&sender, sequence, &ada, &content, &answer);
                flood.accepted.fetch_add(1, Ordering::Relaxed);
            }
            503 => {
                assert_eq!(
                    head.header("content-type"),
                    Some("application/problem+json; charset=utf-8"),
                    "{head:?}"
                );
                assert_eq!(answer["type"], "urn:millchat:problem:busy", "{answer}");
                let seconds = head.header("retry-after").and_then(|text| text.parse::<u64>().ok());
                assert!(seconds.is_some_and(|seconds| seconds > 0), "{head:?}");
                sender.rejected(sequence, EventDigest::post(&ada.id, &content));
                let detail = answer["detail"].as_str().expect("a detail");
                let reading = detail.contains("being read");
                let count = if reading { &flood.reading_full } else { &flood.queue_full };
                count.fetch_add(1, Ordering::Relaxed);
            }
            // It is sent slowly where the machine is busy.
            408 => sender.rejected(sequence, EventDigest::post(&ada.id, &content)),
            _ => panic!("{head:?}: {body}"),
        }
        if head.header("connection") != Some("close") {
            connection = Some(open);
        }
        sequence += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_senders_than_the_disk_takes_are_told_to_come_back_and_what_is_accepted_is_what_is_stored() {
    let _turn = turn::load().await;
    raise_limit(SENDERS as u64 + 2_000).unwrap();
    let mut server = Server::start().await;
    let api = server.api();
    let oracle = Oracle::new();
    let room = RoomName::new("lobby").unwrap();
    let ada = api.guest("Ada").await;
    // The disk is what they wait for, also where other programs keep the processor busy.
    put_last(server.pid(), "millchat-writer").await;
    let before = resident_bytes_max(server.pid()).unwrap();
    let count = Arc::new(Flood::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|name| {
            let sender = oracle.sender(&room, name.to_string());
            tokio::spawn(flood(server.address(), ada.clone(), name, sender, Arc::clone(&count)))
        })
        .collect();
    let figure = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let answered = || figure(&count.accepted) + figure(&count.queue_full) + figure(&count.reading_full);
    let refused = async {
        while !count.is_over() {
            // What all send meanwhile comes at one time: else a writer that is faster than those who read takes it all.
            server.signal(Signal::STOP);
            tokio::time::sleep(PAUSE).await;
            server.signal(Signal::CONT);
            tokio::time::sleep(PAUSE).await;
        }
    };
    while_it_moves("too much waits for the disk", answered, refused).await;
    // What was taken is stored now, also where the machine has never a moment to spare.
    put_back(server.pid(), "millchat-writer").await;
    for sender in senders {
        while_it_moves("the flood ends", answered, sender).await.unwrap();
    }
    let memory = resident_bytes_max(server.pid()).unwrap();
    println!(
        "{SENDERS} senders of {CONTENT_BYTES} bytes: {} accepted, {} refused at the queue, {} while bodies are read; \
         {} MiB of memory at most, {} before",
        figure(&count.accepted),
        figure(&count.queue_full),
        figure(&count.reading_full),
        memory >> 20,
        before >> 20
    );
    assert!(figure(&count.queue_full) >= REFUSED, "the disk takes more than the senders send");
    let bound = QUEUE_BYTES_MAX
        + READING_BYTES_MAX
        + CACHE_BYTES
        + RENDERED_BYTES_MAX
        + SENDERS as u64 * CONNECTION_BYTES_MAX
        + REST_BYTES;
    assert!(memory < bound, "{memory} bytes of memory, {bound} are allowed");

    // It goes on as before: nothing of the flood is left behind.
    api.say("quiet", &ada, "hello").await;
    api.get("/readyz").await.expect(200);
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
    server.assert_alive();
}
