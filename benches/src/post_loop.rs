//! The limit of posting over HTTP: a process that parses each request and answers 201 at once, from one loop
//! over epoll.
//!
//! It takes the same requests as the server, parses their heads by httparse and their bodies by `serde_json`,
//! and answers with as many bytes. It knows nobody, judges nothing and keeps nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use httparse::{EMPTY_HEADER, Request, Status};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use serde::Deserialize;

use crate::child::{self, ChildProcess};

/// The name of the process that is the loop.
const ROLE: &str = "bare-posts";
/// Largest request, in bytes.
const REQUEST_BYTES_MAX: usize = 4096;
/// Most header fields of a request.
const HEADERS_MAX: usize = 32;
/// The number of the listener in epoll; a connection has its index.
const LISTENER: u64 = u64::MAX;
/// Bytes of the server's answer: its head and a receipt.
const ANSWER_BYTES: usize = 560;

/// The loop as a process; killed when it is dropped.
#[derive(Debug)]
pub struct PostLoop {
    child: ChildProcess,
    /// The address at which it listens.
    pub address: SocketAddr,
}

impl PostLoop {
    /// Starts it: this program, which must call [`run_if_asked`] before anything else.
    pub fn start() -> Self {
        let mut child = ChildProcess::start(ROLE, &[]);
        let address = child.line().parse().expect("it says where it listens");
        Self { child, address }
    }

    /// Returns the id of its process.
    pub fn process(&self) -> u32 {
        self.child.process()
    }
}

/// Runs the loop, and does not return, if this process was started for it.
pub fn run_if_asked() {
    if child::role().is_none_or(|(role, _)| role != ROLE) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    println!("{}", listener.local_addr().expect("it is bound"));
    let epoll = epoll::create(CreateFlags::CLOEXEC).expect("the kernel has epoll");
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN).expect("epoll takes it");
    let answer = answer();
    let mut connections: Vec<Connection> = Vec::new();
    let mut ready: Vec<Event> = Vec::with_capacity(256);
    loop {
        ready.clear();
        epoll::wait(&epoll, spare_capacity(&mut ready), None).expect("epoll waits");
        for event in &ready {
            if event.data.u64() == LISTENER {
                let (stream, _) = listener.accept().expect("connections are taken");
                stream.set_nodelay(true).expect("a TCP socket has the option");
                let data = EventData::new_u64(connections.len() as u64);
                epoll::add(&epoll, &stream, data, EventFlags::IN).expect("epoll takes it");
                connections.push(Connection { stream, received: Vec::with_capacity(REQUEST_BYTES_MAX) });
            } else {
                connections[event.data.u64() as usize].serve(&answer, &epoll);
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Deserialize)]
struct Post<'a> {
    content: &'a str,
}

impl Connection {
    /// Reads what has arrived, and answers if that is a request.
    fn serve(&mut self, answer: &[u8], epoll: &impl rustix::fd::AsFd) {
        let mut piece = [0; REQUEST_BYTES_MAX];
        let len = self.stream.read(&mut piece).unwrap_or(0);
        if len == 0 {
            let _ = epoll::delete(epoll, &self.stream);
            return;
        }
        self.received.extend_from_slice(&piece[..len]);
        if is_post(&self.received) {
            self.received.clear();
            // The sender waits for it, so the socket's buffer takes it whole.
            let _ = self.stream.write_all(answer);
        }
    }
}

/// Returns true if these bytes are a whole request with a message.
fn is_post(bytes: &[u8]) -> bool {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let Ok(Status::Complete(head)) = request.parse(bytes) else { return false };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize =
        length.and_then(|length| std::str::from_utf8(length.value).ok()?.parse().ok()).unwrap_or(0);
    let Some(body) = bytes.get(head..head + length) else { return false };
    let post: Post<'_> = serde_json::from_slice(body).expect("senders send messages");
    !post.content.is_empty()
}

fn answer() -> Vec<u8> {
    let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ";
    let end = "\r\n\r\n";
    let body = "x".repeat(ANSWER_BYTES - head.len() - "NNN".len() - end.len());
    format!("{head}{}{end}{body}", body.len()).into_bytes()
}
