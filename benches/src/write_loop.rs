//! The limit of fan-out to many sockets: a process that writes the same bytes to each socket by one write(2),
//! in one loop, and does nothing else.
//!
//! It answers the same requests as the server, so the same readers and senders load it. Of a request it
//! parses only that it reads or sends. It keeps nothing, and knows one room.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use memchr::memmem;
use parking_lot::Mutex;

use crate::child::{self, ChildProcess};
use crate::fixtures::MESSAGE_BYTES;
use crate::readers::long_content;

/// Largest request, in bytes.
const REQUEST_BYTES_MAX: usize = 4096;

/// The answer to a sender.
const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 14\r\n\r\n{\"position\":0}";
/// The path that makes it write by itself; the number of messages follows.
const TENS: &str = "/tens/";
/// The path that makes it write frames; their number and the bytes of each follow.
const FRAMES: &str = "/frames/";
/// The name of the process that is the loop.
const ROLE: &str = "bare";

/// The loop as a process; killed when it is dropped.
#[derive(Debug)]
pub struct WriteLoop {
    child: ChildProcess,
    /// The address at which it listens.
    pub address: SocketAddr,
}

impl WriteLoop {
    /// Starts it: this program, which must call [`run_if_asked`] before anything else.
    pub fn start() -> Self {
        let mut child = ChildProcess::start(ROLE, &[]);
        let address = child.line().parse().expect("it says where it listens");
        Self { child, address }
    }

    /// Makes it write this number of messages to all readers, ten by one write(2).
    pub fn write_in_tens(&self, messages: u64) {
        self.write(&format!("{TENS}{messages}"));
    }

    /// Makes it write this number of frames of this many bytes to all readers, by one write(2).
    pub fn write_frames(&self, count: usize, bytes: usize) {
        self.write(&format!("{FRAMES}{count}/{bytes}"));
    }

    fn write(&self, path: &str) {
        let mut stream = TcpStream::connect(self.address).expect("it takes connections");
        stream.write_all(format!("POST {path}\r\n\r\n").as_bytes()).expect("it takes requests");
        let written = stream.read(&mut [0; 64]).expect("it answers when it has written");
        assert!(written > 0, "it ended before it had written");
    }

    /// Returns the id of its process.
    pub fn process(&self) -> u32 {
        self.child.process()
    }
}

/// Runs the loop, and does not return, if this process was started for it.
pub fn run_if_asked() {
    if child::role().is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    println!("{}", listener.local_addr().expect("it is bound"));
    let room: Arc<Mutex<Room>> = Arc::default();
    for stream in listener.incoming() {
        let mut stream = stream.expect("connections are taken");
        stream.set_nodelay(true).expect("a TCP socket has the option");
        let first = request(&mut stream);
        if let Some(messages) =
            first.strip_prefix(b"POST ").and_then(|rest| rest.strip_prefix(TENS.as_bytes()))
        {
            let messages = String::from_utf8_lossy(messages).trim().parse().expect("a number of messages");
            write_in_tens(messages, &mut room.lock().readers);
            stream.write_all(ANSWER).expect("the sender waits for the answer");
        } else if let Some(rest) =
            first.strip_prefix(b"POST ").and_then(|rest| rest.strip_prefix(FRAMES.as_bytes()))
        {
            write_frames(&String::from_utf8_lossy(rest), &mut room.lock().readers);
            stream.write_all(ANSWER).expect("the sender waits for the answer");
        } else if first.starts_with(b"GET ") {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: start\ndata: {}\n\n";
            stream.write_all(head.as_bytes()).expect("readers read");
            room.lock().readers.push(stream);
        } else {
            let room = Arc::clone(&room);
            thread::spawn(move || spread(stream, first, &room));
        }
    }
}

/// The one room. Held while a message is written, so that all readers get all messages in one order.
#[derive(Default)]
struct Room {
    readers: Vec<TcpStream>,
    position: u64,
}

/// Writes this number of messages to all readers, ten by one write. It waits for a full socket.
fn write_in_tens(messages: u64, readers: &mut [TcpStream]) {
    let content = "x".repeat(MESSAGE_BYTES);
    for first in (1..=messages).step_by(10) {
        let frames: Vec<u8> = (first..first + 10).flat_map(|position| frame(position, &content)).collect();
        for reader in &mut *readers {
            reader.write_all(&frames).expect("readers read");
        }
    }
}

/// Writes frames, as `COUNT/BYTES`, to all readers, by one write. It waits for a full socket.
fn write_frames(numbers: &str, readers: &mut [TcpStream]) {
    let (count, bytes) = numbers.trim().split_once('/').expect("a number of frames and their bytes");
    let (count, bytes): (usize, usize) =
        (count.parse().expect("a number"), bytes.parse().expect("a number of bytes"));
    let frame = format!("data: {}\n\n", long_content(0, Duration::ZERO, bytes - "data: \n\n".len()));
    let frames = frame.repeat(count);
    for reader in readers {
        reader.write_all(frames.as_bytes()).expect("readers read");
    }
}

/// Writes each message of a sender, whose first request has been read, to all readers.
fn spread(mut sender: TcpStream, first: Vec<u8>, room: &Mutex<Room>) {
    let mut next = first;
    while !next.is_empty() {
        sender.write_all(ANSWER).expect("the sender reads");
        let Some(content) = content(&next) else {
            next = request(&mut sender);
            continue;
        };
        let mut room = room.lock();
        room.position += 1;
        let frame = frame(room.position, content);
        for reader in &mut room.readers {
            let written = reader.write(&frame).expect("readers read");
            assert_eq!(written, frame.len(), "readers are fast enough to leave room for a frame");
        }
        drop(room);
        next = request(&mut sender);
    }
}

/// Returns the content of a message; `None` when it is shorter than those of a measured round.
fn content(request: &[u8]) -> Option<&str> {
    const BEGIN: &[u8] = b"{\"content\":\"";
    let at = memmem::find(request, BEGIN)? + BEGIN.len();
    std::str::from_utf8(request.get(at..at + MESSAGE_BYTES)?).ok()
}

/// Returns the same bytes as the server's frame.
fn frame(position: u64, content: &str) -> Vec<u8> {
    let prev = position - 1;
    format!(
        "id: 5f3c9a2e-{position}\nevent: message\ndata: {{\"position\":{position},\"prev\":{prev},\
         \"room\":\"bench\",\"author\":{{\"id\":\"g_4kq7x2mzn5bd3w8t\",\"name\":\"Bench\",\
         \"kind\":\"guest\"}},\"content\":\"{content}\",\"created_at\":\"2026-11-23T09:30:00.123Z\"}}\n\n"
    )
    .into_bytes()
}

/// Reads one whole request; empty when the connection has ended.
fn request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; REQUEST_BYTES_MAX];
        let len = stream.read(&mut piece).unwrap_or(0);
        request.extend_from_slice(&piece[..len]);
        let whole = request.ends_with(b"\r\n\r\n") || request.ends_with(b"}");
        if len == 0 || whole {
            return request;
        }
    }
}
