//! The cost of presence and typing in a large room: the same messages to the same readers, with and without
//! people who come, go and type.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use millchat_benches::paths::Scratch;
use millchat_benches::readers::{API_STREAM, Readers};
use millchat_benches::server::Server;
use millchat_benches::steady::{self, CPU, Sender};
use millchat_benches::{Results, http, limits};

const ABOUT: &str = "10,000 readers, 50 of whom have a name, follow one room, to which 5 messages of 200 \
    bytes a second are posted over HTTP. In one half of each round nothing else happens; in the other 20 \
    people a second come, each for a second, and two a second begin to type, so that who is here and who \
    types is never the same for long. The CPU counts for all that the server does, by the messages that it \
    delivers; what its readers are told besides is not counted as delivered.";
const LIVELY: &str = "with presence and typing";
const QUIET: &str = "messages alone";
const CASE: &str = "10,000 readers";
const READERS: usize = 10_000;
/// As many names as a presence frame holds.
const NAMED: usize = 50;
/// Messages a second, and the length of half a round.
const PACE: (u32, Duration) = (5, Duration::from_secs(6));
const ROUNDS: usize = 4;
/// Interval at which a person comes; the first one leaves after a number of them.
const COMES_EVERY: Duration = Duration::from_millis(50);
const STAY: usize = 20;
/// A person begins to type with each of this number of arrivals.
const TYPES_WITH: usize = 10;
/// The goal.
const RATIO_MAX: f64 = 1.05;

fn main() {
    limits::raise_descriptors();
    let results =
        Results::new("http_presence", "who is here and who types, to 10,000 readers", ABOUT, LIVELY);
    let scratch = Scratch::new("http_presence");
    let server = Server::start(&scratch.file("log.redb").to_string_lossy());
    let (address, process) = (server.address, server.process());
    let guests: Vec<String> = (0..NAMED).map(|number| server.guest(&format!("Guest {number}"))).collect();
    let request = |number| http::get(address, API_STREAM, guests.get(number).map(String::as_str));
    let mut readers = Readers::connect_by(address, READERS, request);
    let mut sender = Sender::connect(address, &server.guest("Bench"));
    for _ in 0..ROUNDS {
        readers.settle();
        sender = steady::round(&results, (CASE, QUIET), &mut readers, sender, PACE, process);
        let over = AtomicBool::new(false);
        sender = thread::scope(|scope| {
            scope.spawn(|| come_and_go(address, &guests, &over));
            let sender = steady::round(&results, (CASE, LIVELY), &mut readers, sender, PACE, process);
            over.store(true, Ordering::Relaxed);
            sender
        });
    }
    let what = "CPU with people who come, go and type among 10,000 readers, of that without";
    results.goal(what, &format!("at most {RATIO_MAX}"), |found| {
        let ratio = found.ratio(CASE, CPU, QUIET)?;
        Some((format!("{ratio:.3}"), ratio <= RATIO_MAX))
    });
    results.finish();
}

/// Lets people come, stay a little and type, until it is over.
fn come_and_go(address: SocketAddr, guests: &[String], over: &AtomicBool) {
    let mut typing = TcpStream::connect(address).expect("the server takes connections");
    let mut here = VecDeque::new();
    let mut typists = guests.iter().cycle();
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let mut stream = TcpStream::connect(address).expect("the server takes connections");
        stream.write_all(&http::get(address, API_STREAM, None)).expect("it takes requests");
        here.push_back(stream);
        if here.len() > STAY {
            here.pop_front();
        }
        if number % TYPES_WITH == 0 {
            let token = typists.next().map(String::as_str);
            let request = http::request(address, "POST", "/api/v1/rooms/bench/typing", token, "");
            typing.write_all(&request).expect("it takes requests");
            let mut answer = [0; 1024];
            let len = typing.read(&mut answer).expect("it answers");
            assert!(http::succeeded(&answer[..len]), "{}", String::from_utf8_lossy(&answer[..len]));
        }
        thread::sleep(COMES_EVERY);
    }
}
