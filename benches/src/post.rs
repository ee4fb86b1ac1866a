//! Senders over HTTP: many connections, one thread, and one request at a time on each connection.
//!
//! Each sender waits for its acknowledgement before it sends the next message, as people do. The client
//! shares the machine with the server, so it does very little: the bytes of a request are made once, and an
//! answer is parsed only to know that it is a success and complete.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::fixtures::MESSAGE_BYTES;
use crate::http;
use crate::server::Server;

/// Larger than an acknowledgement.
const ANSWER_BYTES_MAX: usize = 2048;
/// About what the token of a guest takes.
const TOKEN_BYTES: usize = 300;
/// Longer waits count as this long, in nanoseconds.
const WAIT_MAX_NS: u64 = 60_000_000_000;

/// Senders to one room of a server.
pub struct Posters {
    epoll: OwnedFd,
    senders: Vec<Sender>,
    waits: Histogram<u64>,
}

struct Sender {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// Messages that it still has to send.
    left: u64,
    /// The time at which it sent the last one.
    sent: Instant,
}

impl Posters {
    /// Connects `count` senders, each a guest of its own.
    pub fn connect(server: &Server, count: usize) -> Self {
        Self::connect_to(&[server], count)
    }

    /// Connects `count` senders to servers of one chat, in turn.
    pub fn connect_to(servers: &[&Server], count: usize) -> Self {
        // All tokens come first. The server assigns connections to its threads in turn: with one for a
        // token between any two senders, every sender would be assigned to the same thread.
        let tokens: Vec<_> = (0..count).map(|number| servers[0].guest(&format!("Bench {number}"))).collect();
        let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
        Self::connect_with(&addresses, &tokens)
    }

    /// Connects `count` senders to a program that asks nobody who they are.
    pub fn connect_bare(address: SocketAddr, count: usize) -> Self {
        let tokens: Vec<_> = (0..count).map(|number| format!("{number:0TOKEN_BYTES$}")).collect();
        Self::connect_with(&[address], &tokens)
    }

    /// Connects a sender for each token, to the addresses in turn.
    fn connect_with(addresses: &[SocketAddr], tokens: &[String]) -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).expect("the kernel has epoll");
        let body = format!("{{\"content\":\"{}\"}}", "x".repeat(MESSAGE_BYTES));
        let connect = |(number, token): (usize, &String)| {
            let address = addresses[number % addresses.len()];
            let path = "/api/v1/rooms/bench/messages";
            let request = http::request(address, "POST", path, Some(token), &body);
            let stream = TcpStream::connect(address).expect("the server takes connections");
            stream.set_nodelay(true).expect("a TCP socket has the option");
            epoll::add(&epoll, &stream, EventData::new_u64(number as u64), EventFlags::IN)
                .expect("epoll takes a socket");
            let answer = Vec::with_capacity(ANSWER_BYTES_MAX);
            Sender { stream, request, answer, left: 0, sent: Instant::now() }
        };
        let senders = tokens.iter().enumerate().map(connect).collect();
        Self { epoll, senders, waits: empty_waits() }
    }

    /// Returns how long each message waited for its acknowledgement so far, in nanoseconds.
    pub fn waits(&mut self) -> &mut Histogram<u64> {
        &mut self.waits
    }

    /// Lets every sender send this number of messages, one after the other; returns the time that it took.
    pub fn rounds(&mut self, messages: u64) -> Duration {
        let begun = Instant::now();
        for sender in &mut self.senders {
            sender.left = messages;
            sender.send();
        }
        let mut busy = self.senders.len();
        let mut ready: Vec<Event> = Vec::with_capacity(busy);
        while busy > 0 {
            ready.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut ready), None).expect("epoll waits");
            for event in &ready {
                let sender = &mut self.senders[event.data.u64() as usize];
                if sender.receive(&mut self.waits) {
                    busy -= 1;
                }
            }
        }
        begun.elapsed()
    }
}

/// Returns a histogram of waits in nanoseconds, without any yet.
pub fn empty_waits() -> Histogram<u64> {
    Histogram::new_with_bounds(1, WAIT_MAX_NS, 3).expect("the bounds are in order")
}

impl Sender {
    fn send(&mut self) {
        self.sent = Instant::now();
        // One request is in flight at most, so the socket's buffer takes it whole.
        self.stream.write_all(&self.request).expect("the server takes requests");
    }

    /// Reads what arrived, and sends the next message if that was an acknowledgement; returns true after the
    /// last.
    fn receive(&mut self, waits: &mut Histogram<u64>) -> bool {
        let mut piece = [0; ANSWER_BYTES_MAX];
        let len = self.stream.read(&mut piece).expect("the server answers");
        assert!(len > 0, "the server ended a connection");
        self.answer.extend_from_slice(&piece[..len]);
        if http::end_of_answer(&self.answer).is_none() {
            return false;
        }
        assert!(http::succeeded(&self.answer), "{}", String::from_utf8_lossy(&self.answer));
        waits.saturating_record(self.sent.elapsed().as_nanos() as u64);
        self.answer.clear();
        self.left -= 1;
        if self.left > 0 {
            self.send();
        }
        self.left == 0
    }
}
