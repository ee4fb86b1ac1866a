//! Messages at a steady pace to connected readers: the delay of each message, and the CPU time of the server.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::readers::{self, Readers};
use crate::results::{Results, Unit};
use crate::{cost, http};

/// The CPU time that the server process spends for each delivery.
pub const CPU: &str = "CPU per delivery";

/// Runs one round of a competitor in a case: a number of messages a second for some time. Returns the sender,
/// still connected.
pub fn round(
    results: &Results,
    (case, name): (&str, &str),
    readers: &mut Readers,
    mut sender: Sender,
    (pace, lasts): (u32, Duration),
    process: u32,
) -> Sender {
    let messages = lasts.as_secs() * u64::from(pace);
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
    // The sender is still connected: a thread that serves it alone would lose its CPU time when it ends.
    let sender = sending.join().expect("the sender sends to the end");
    let spent = cost::cpu(process).saturating_sub(before);
    results.time(case, CPU, name, latencies.len(), spent);
    for (metric, quantile) in [("p50 delivery", 0.5), ("p99 delivery", 0.99)] {
        let nanos = latencies.value_at_quantile(quantile);
        results.sample(case, metric, Unit::Nanoseconds, name, nanos as f64);
    }
    sender
}

/// One connection that posts messages.
pub struct Sender {
    stream: TcpStream,
    address: SocketAddr,
    token: String,
}

impl Sender {
    /// Connects, and posts once.
    pub fn connect(address: SocketAddr, token: &str) -> Self {
        let mut sender = Self { stream: connect(address), address, token: token.into() };
        // A message without a mark pays the extra cost of the first one.
        sender.post("first");
        sender
    }

    /// Connects again: the server ends a connection that was silent for long.
    pub fn reconnect(&mut self) {
        self.stream = connect(self.address);
    }

    /// Posts a message, and waits until it is acknowledged; returns its position.
    pub fn post(&mut self, content: &str) -> u64 {
        self.post_to("bench", content)
    }

    /// Posts to a room, and waits for the acknowledgement; returns the position.
    pub fn post_to(&mut self, room: &str, content: &str) -> u64 {
        let body = format!("{{\"content\":\"{content}\"}}");
        let receipt = self.ask("POST", &format!("/api/v1/rooms/{room}/messages"), &body);
        let receipt: Value = serde_json::from_str(&receipt).expect("a receipt is JSON");
        receipt["position"].as_u64().expect("a receipt has a position")
    }

    /// Sends any request, and returns the body of the answer.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> String {
        let request = http::request(self.address, method, path, Some(&self.token), body);
        http::ask_on(&mut self.stream, &request)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server takes connections");
    stream.set_nodelay(true).expect("a TCP socket has the option");
    stream
}
