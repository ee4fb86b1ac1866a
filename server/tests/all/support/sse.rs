//! A reader of event streams on a bare socket: it can stall, be dropped, and resume by its last id.
//!
//! It parses as the standard says (a line ends at LF, CR or CR LF), so that a forged frame would be seen,
//! and takes a body in chunks or one that ends with the connection.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::raw::{self, Dechunk, Head};
use super::within;

/// So much of a stream is read at once.
const READ_BYTES: usize = 16 * 1024;

/// An event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The id line of this very event; signals have none.
    pub id: Option<String>,
    /// The name; `message` where none is given.
    pub event: String,
    /// The data lines, joined by LF.
    pub data: String,
}

impl SseEvent {
    /// Its data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The position that its id names.
    pub fn place(&self) -> (String, u64) {
        let id = self.id.as_deref().unwrap_or_else(|| panic!("no id: {self:?}"));
        let (epoch, position) = id.split_once('-').expect("an id is EPOCH-POSITION");
        (epoch.to_owned(), position.parse().expect("a position is a number"))
    }

    /// Presence and typing.
    pub fn is_signal(&self) -> bool {
        self.id.is_none()
    }
}

/// One thing that the stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event with data.
    Event(SseEvent),
    /// A comment line.
    Comment(String),
    /// How long a client is to wait before it reconnects, in ms.
    Retry(u64),
}

/// Bytes to items.
#[derive(Default)]
pub struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    id: Option<String>,
    event: String,
    data: Option<String>,
    items: VecDeque<Item>,
}

impl Parser {
    /// Takes more bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => self.end_line(),
                _ => self.line.push(byte),
            }
        }
    }

    /// The oldest item that is whole.
    pub fn next(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8(std::mem::take(&mut self.line)).expect("a stream is UTF-8");
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let id = self.id.take();
            if let Some(data) = self.data.take() {
                let event = if event.is_empty() { "message".to_owned() } else { event };
                self.items.push_back(Item::Event(SseEvent { id, event, data }));
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => self.items.push_back(Item::Comment(value.to_owned())),
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event),
            "retry" => self.items.push_back(Item::Retry(value.parse().expect("retry is a number"))),
            "data" => match &mut self.data {
                Some(data) => *data = format!("{data}\n{value}"),
                none => *none = Some(value.to_owned()),
            },
            other => panic!("an unknown field in the stream: {other:?}"),
        }
    }
}

/// An open stream.
pub struct Stream {
    socket: TcpStream,
    /// The head of the answer.
    pub head: Head,
    chunks: Option<Dechunk>,
    parser: Parser,
    /// The last id received: what to resume by.
    pub last_id: Option<String>,
}

impl Stream {
    /// Asks for the path with these headers. An error is a connection that failed; an answer other than a
    /// stream is a failure of the test.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &[u8])]) -> io::Result<Self> {
        Self::ask(TcpStream::connect(address).await?, path, headers).await
    }

    /// Asks over this connection.
    pub async fn ask(mut socket: TcpStream, path: &str, headers: &[(&str, &[u8])]) -> io::Result<Self> {
        let host = socket.peer_addr()?;
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
        for (name, value) in headers {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        socket.write_all(&request).await?;
        let (head, rest) = raw::read_head(&mut socket).await?;
        assert_eq!(head.status, 200, "a stream opens: {head:?}");
        assert_eq!(head.header("content-type"), Some("text/event-stream"), "{head:?}");
        let chunked =
            head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let mut stream = Self {
            socket,
            head,
            chunks: chunked.then(Dechunk::default),
            parser: Parser::default(),
            last_id: None,
        };
        stream.feed(&rest);
        Ok(stream)
    }

    /// A room's stream, with the id to resume by if there is one.
    pub async fn room(address: SocketAddr, room: &str, last_id: Option<&str>) -> io::Result<Self> {
        Self::room_over(TcpStream::connect(address).await?, room, last_id).await
    }

    /// A room's stream over this connection.
    pub async fn room_over(socket: TcpStream, room: &str, last_id: Option<&str>) -> io::Result<Self> {
        let header = last_id.map(|id| ("Last-Event-ID", id.as_bytes()));
        Self::ask(socket, &format!("/api/v1/rooms/{room}/events"), header.as_slice()).await
    }

    fn feed(&mut self, bytes: &[u8]) {
        match &mut self.chunks {
            Some(chunks) => self.parser.feed(&chunks.feed(bytes)),
            None => self.parser.feed(bytes),
        }
    }

    /// The next thing of any sort; `None` when the stream has ended, in order or not.
    pub async fn next_item(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.parser.next() {
                if let Item::Event(SseEvent { id: Some(id), .. }) = &item {
                    self.last_id = Some(id.clone());
                }
                return Some(item);
            }
            if !self.take().await {
                return None;
            }
        }
    }

    /// Takes what has come; `false` when the stream has ended. The buffer is not kept: thousands of readers
    /// that wait cost little.
    async fn take(&mut self) -> bool {
        if self.socket.readable().await.is_err() {
            return false;
        }
        let mut bytes = [0; READ_BYTES];
        match self.socket.try_read(&mut bytes) {
            Ok(count) => {
                self.feed(&bytes[..count]);
                count > 0
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// The next event or signal; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Item::Event(event) = self.next_item().await? {
                return Some(event);
            }
        }
    }

    /// The next event that has an id: an opening, a gap, or something logged.
    pub async fn logged(&mut self) -> SseEvent {
        let next = async {
            loop {
                match self.next().await {
                    Some(event) if event.is_signal() => {}
                    Some(event) => return event,
                    None => panic!("the stream ended, an event was expected"),
                }
            }
        };
        within("an event of the stream", next).await
    }

    /// The next signal of this name.
    pub async fn signal(&mut self, name: &str) -> SseEvent {
        let next = async {
            loop {
                match self.next().await {
                    Some(event) if event.is_signal() && event.event == name => return event,
                    Some(_) => {}
                    None => panic!("the stream ended, a signal was expected"),
                }
            }
        };
        within("a signal of the stream", next).await
    }
}
