//! A reader of event streams on a bare socket: it can stall, be dropped, and resume by its last id.
//!
//! It parses as the standard says (a line ends at LF, CR or CR LF), so that a forged frame would be seen,
//! and takes a body in chunks or one that ends with the connection.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use millchat_testkit::http::Piece;
use millchat_testkit::sse::{self, Blocks, Fields};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::raw::{self, Head};
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

    /// Its fields as the kit reads them.
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            id: self.id.as_deref().map(str::as_bytes),
            event: self.event.as_bytes(),
            data: Some(self.data.as_bytes().into()),
        }
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
    /// The time for which a client is to wait before it reconnects, in ms.
    Retry(u64),
}

/// Bytes to items.
#[derive(Default)]
pub struct Parser {
    blocks: Blocks,
    items: VecDeque<Item>,
}

impl Parser {
    /// Takes more bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self { blocks, items } = self;
        blocks.feed(bytes, |block| read(block, items)).expect("a stream of events");
    }

    /// The oldest item that is whole.
    pub fn next(&mut self) -> Option<Item> {
        self.items.pop_front()
    }
}

/// Reads the items of a block. Fails on a field that nobody sends.
fn read(block: &[u8], items: &mut VecDeque<Item>) {
    let (mut id, mut name, mut data) = (None, String::new(), None::<String>);
    for (field, value) in sse::lines(block) {
        let value = std::str::from_utf8(value).expect("a stream is UTF-8").to_owned();
        match (field, &mut data) {
            (b"", _) => items.push_back(Item::Comment(value)),
            (b"id", _) => id = Some(value),
            (b"event", _) => name = value,
            (b"retry", _) => items.push_back(Item::Retry(value.parse().expect("retry is a number"))),
            (b"data", Some(data)) => *data = format!("{data}\n{value}"),
            (b"data", none) => *none = Some(value),
            (other, _) => panic!("an unknown field in the stream: {:?}", String::from_utf8_lossy(other)),
        }
    }
    if let Some(data) = data {
        let event = if name.is_empty() { "message".to_owned() } else { name };
        items.push_back(Item::Event(SseEvent { id, event, data }));
    }
}

/// An open stream.
pub struct Stream {
    socket: TcpStream,
    /// The head of the answer.
    pub head: Head,
    parser: Parser,
    /// The body is over, also if a proxy keeps the connection for the next request.
    has_ended: bool,
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
        assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"), "{head:?}");
        let mut stream = Self { socket, head, parser: Parser::default(), has_ended: false, last_id: None };
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

    fn feed(&mut self, mut bytes: &[u8]) {
        loop {
            match self.head.body.next(&mut bytes).expect("a body is framed") {
                Piece::Data(data) => self.parser.feed(data),
                Piece::More => break,
                Piece::End => break self.has_ended = true,
            }
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
        if self.has_ended {
            return false;
        }
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
