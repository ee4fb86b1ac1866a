//! Readers over HTTP: many streams, one thread.
//!
//! A reader does only what is needed to know when each message came, and that none was lost, doubled or out
//! of order: it looks for the mark that [`content`] puts into a message.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::fixtures::MESSAGE_BYTES;
use crate::http;

/// The stream of the bench's room by the API.
pub const API_STREAM: &str = "/api/v1/rooms/bench/events?history=0";
/// The stream of the bench's room by the page.
pub const PAGE_STREAM: &str = "/bench/messages?history=0";
/// The stream of the bench's room by the panel.
pub const PANEL_STREAM: &str = "/embed/bench/messages?history=0";

/// The beginning of a message in a measured round; nothing else in a stream has it, in JSON or in HTML.
pub const MARK: &[u8] = b"%%";
/// Digits of the number and of the time that follow the mark.
const DIGITS: (usize, usize) = (8, 16);
/// Bytes that are read from a socket at once.
const READ_BYTES: usize = 64 * 1024;
/// Silence after which the effects of the joins are over: presence is sent at most once a second.
const SILENCE: Duration = Duration::from_millis(1_300);
/// Silence after which a stream has lost something.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the content of the nth message, due at this time after the start of the round.
pub fn content(number: u64, due: Duration) -> String {
    long_content(number, due, MESSAGE_BYTES)
}

/// Returns the same of a message of this length.
pub fn long_content(number: u64, due: Duration, bytes: usize) -> String {
    let mut content = format!("%%{number:08}{:016}", due.as_nanos());
    content.extend(std::iter::repeat_n('x', bytes - content.len()));
    content
}

/// Readers of one room.
pub struct Readers {
    epoll: OwnedFd,
    streams: Vec<Reader>,
    ready: Vec<Event>,
    buffer: Vec<u8>,
}

struct Reader {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come.
    begun: Vec<u8>,
    /// The message that comes next; or the position of the one that came last, 0 before the first.
    next: u64,
}

impl Readers {
    /// Connects `count` readers of the API's stream.
    pub fn connect(address: SocketAddr, count: usize) -> Self {
        Self::connect_by(address, count, |_| http::get(address, API_STREAM, None))
    }

    /// Connects `count` readers, each by its own request, and waits until the effects of their joins are
    /// over.
    pub fn connect_by(address: SocketAddr, count: usize, request: impl Fn(usize) -> Vec<u8>) -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).expect("the kernel has epoll");
        let connect = |number| {
            let mut stream = TcpStream::connect(address).expect("the server takes connections");
            stream.write_all(&request(number)).expect("it takes requests");
            stream.set_nonblocking(true).expect("a socket has the option");
            watch(&epoll, &stream, number);
            Reader { stream, begun: Vec::new(), next: 0 }
        };
        let streams = (0..count).map(connect).collect();
        let (ready, buffer) = (Vec::with_capacity(count.min(1024)), vec![0; READ_BYTES]);
        let mut readers = Self { epoll, streams, ready, buffer };
        assert!(readers.settle() > 0, "no stream has opened");
        readers
    }

    /// Does something while no reader takes anything, nor is told that something has come: it waits in the sockets.
    pub fn asleep<T>(&mut self, during: impl FnOnce() -> T) -> T {
        for reader in &self.streams {
            epoll::delete(&self.epoll, &reader.stream).expect("it has the socket");
        }
        let done = during();
        for (number, reader) in self.streams.iter().enumerate() {
            watch(&self.epoll, &reader.stream, number);
        }
        done
    }

    /// Waits until nothing arrives any more; returns the number of bytes that arrived.
    pub fn settle(&mut self) -> usize {
        let mut heard = 0;
        while self.wait(SILENCE, |_, frames| heard += frames.len()) {}
        heard
    }

    /// Reads until every reader has this number of messages of the round that began at `origin`; returns the
    /// delay of each after its due time, in nanoseconds.
    pub fn receive(&mut self, messages: u64, origin: Instant) -> Histogram<u64> {
        let mut latencies = Histogram::new(3).expect("three digits are allowed");
        let mut left = messages * self.streams.len() as u64;
        for reader in &mut self.streams {
            reader.next = 0;
        }
        while left > 0 {
            let more = self.wait(PATIENCE, |next, frames| {
                let now = origin.elapsed().as_nanos() as u64;
                for (number, due) in marks(frames) {
                    assert_eq!(number, *next, "a message was lost, doubled or out of order");
                    *next += 1;
                    left -= 1;
                    latencies.record(now.saturating_sub(due)).expect("it grows as it must");
                }
            });
            assert!(more, "{left} deliveries never came");
        }
        latencies
    }

    /// Reads until every reader has this number of marked messages; returns the bytes of all that arrived.
    pub fn receive_in_any_order(&mut self, messages: u64) -> usize {
        let mut left = messages * self.streams.len() as u64;
        let mut heard = 0;
        while left > 0 {
            let more = self.wait(PATIENCE, |_, frames| {
                heard += frames.len();
                left -= marks(frames).count() as u64;
            });
            assert!(more, "{left} deliveries never came");
        }
        heard
    }

    /// Reads until every reader has this number of messages; returns the bytes of all that arrived. Each message
    /// must name the one before it as its predecessor.
    pub fn follow(&mut self, messages: u64) -> usize {
        let mut left = messages * self.streams.len() as u64;
        let mut heard = 0;
        for reader in &mut self.streams {
            reader.next = 0;
        }
        while left > 0 {
            let more = self.wait(PATIENCE, |last, frames| {
                heard += frames.len();
                for (position, prev) in links(frames) {
                    assert!(
                        *last == 0 || *last == prev,
                        "after {last} came {position} with {prev} before it"
                    );
                    *last = position;
                    left -= 1;
                }
            });
            assert!(more, "{left} deliveries never came");
        }
        heard
    }

    /// Reads until so much was heard: `take` gets the frames that arrive with what is kept of their reader, and
    /// returns how many of them were waited for.
    pub fn hear(&mut self, mut left: u64, mut take: impl FnMut(&mut u64, &[u8]) -> u64) {
        while left > 0 {
            let more = self.wait(PATIENCE, |last, frames| {
                let heard = take(last, frames);
                assert!(heard <= left, "more came than was sent");
                left -= heard;
            });
            assert!(more, "{left} deliveries never came");
        }
    }

    /// Passes on the frames that arrive next, reader by reader; returns false when nothing came in this time.
    fn wait(&mut self, patience: Duration, mut take: impl FnMut(&mut u64, &[u8])) -> bool {
        self.ready.clear();
        let patience = Timespec::try_from(patience).expect("it is short");
        epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&patience)).expect("epoll waits");
        for event in &self.ready {
            let Reader { stream, begun, next } = &mut self.streams[event.data.u64() as usize];
            let len = stream.read(&mut self.buffer).expect("a stream can be read");
            assert!(len > 0, "the server ended a stream");
            let came = &self.buffer[..len];
            // Mostly whole frames arrive, and nothing is copied.
            let end = memmem::rfind(came, b"\n\n").map_or(0, |at| at + 2);
            if begun.is_empty() {
                take(next, &came[..end]);
            } else if end > 0 {
                begun.extend_from_slice(&came[..end]);
                take(next, begun);
                begun.clear();
            }
            begun.extend_from_slice(&came[end..]);
        }
        !self.ready.is_empty()
    }
}

fn watch(epoll: &OwnedFd, stream: &TcpStream, number: usize) {
    let data = EventData::new_u64(number as u64);
    epoll::add(epoll, stream, data, EventFlags::IN).expect("epoll takes a socket");
}

/// Returns the position of each message, and of the one before it.
pub fn links(frames: &[u8]) -> impl Iterator<Item = (u64, u64)> + '_ {
    const POSITION: &[u8] = b"{\"position\":";
    const PREV: &[u8] = b",\"prev\":";
    memmem::find_iter(frames, POSITION).filter_map(|at| {
        let (position, rest) = leading_number(&frames[at + POSITION.len()..]);
        // The stream's opening has a position too, and none before it.
        Some((position, leading_number(rest.strip_prefix(PREV)?).0))
    })
}

fn leading_number(text: &[u8]) -> (u64, &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = text[..digits].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    (number, &text[digits..])
}

/// Returns the number and the time of each marked message.
pub fn marks(frames: &[u8]) -> impl Iterator<Item = (u64, u64)> + '_ {
    let number = |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    memmem::find_iter(frames, MARK).map(move |at| {
        let (first, second) = (at + MARK.len(), at + MARK.len() + DIGITS.0);
        (number(&frames[first..second]), number(&frames[second..second + DIGITS.1]))
    })
}
