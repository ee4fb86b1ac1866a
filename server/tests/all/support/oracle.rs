//! The glue between the server's answers and the oracle.

use std::io;
use std::net::SocketAddr;

use millchat::{Opening, RoomName};
use millchat_oracle::{EventDigest, Observed, Oracle, Page, Reader, RecoveredLog, Sender};
use millchat_testkit::translate::{Block, HistoryPage};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::net::TcpStream;

use super::sse::SseEvent;
use super::{Api, Guest, Stream, within};

/// A logged event as the oracle takes it.
pub fn observed(event: &SseEvent) -> Observed {
    match Block::read(&event.fields()) {
        Ok(Block::Event { observed, .. }) => observed,
        other => panic!("{other:?} in {event:?}"),
    }
}

/// A reader that tells the oracle everything it receives, over all its connections.
pub struct Follower {
    /// The oracle's side of it.
    pub reader: Reader,
    /// The id by which it would resume.
    pub last_id: Option<String>,
    room: String,
    stream: Option<Stream>,
    asked: Option<u64>,
    opened: bool,
}

impl Follower {
    /// One that has not joined yet.
    pub fn new(oracle: &Oracle, room: &str, name: impl Into<String>) -> Self {
        let reader = oracle.reader(&RoomName::new(room).unwrap(), name);
        Self { reader, last_id: None, room: room.to_owned(), stream: None, asked: None, opened: false }
    }

    /// Joins, or resumes by the last id if it has one.
    pub async fn join(&mut self, address: SocketAddr) -> io::Result<()> {
        self.join_over(TcpStream::connect(address).await?).await
    }

    /// The same over this connection.
    pub async fn join_over(&mut self, socket: TcpStream) -> io::Result<()> {
        let stream = Stream::room_over(socket, &self.room, self.last_id.as_deref()).await?;
        self.stream = Some(stream);
        self.asked = self.last_id.as_deref().map(position_of);
        self.opened = false;
        Ok(())
    }

    /// Drops the connection.
    pub fn leave(&mut self) {
        self.stream = None;
    }

    /// Forgets its place: joins again next time.
    pub fn forget(&mut self) {
        self.leave();
        self.last_id = None;
    }

    /// True if it has a connection.
    pub fn joined(&self) -> bool {
        self.stream.is_some()
    }

    /// The next event or signal; `None` when it has no connection any more. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<SseEvent> {
        let Some(event) = self.stream.as_mut()?.next().await else {
            self.leave();
            return None;
        };
        if !event.is_signal() {
            self.last_id.clone_from(&event.id);
            let first = !std::mem::replace(&mut self.opened, true);
            tell(&self.reader, first, self.asked, &event);
        }
        Some(event)
    }

    /// Reads on until it has the event at this position. Fails when it loses its connection.
    pub async fn keep_up(&mut self, position: u64) {
        while self.reader.position() < position {
            let event = within("a reader who is in gets everything", self.next()).await;
            assert!(event.is_some(), "nobody who is in loses the line");
        }
    }

    /// Reads on, resuming as often as needed, until it has the event at this position.
    pub async fn catch_up(&mut self, address: SocketAddr, position: u64) {
        let catch_up = async {
            while self.reader.position() < position {
                if self.next().await.is_none() {
                    self.join(address).await.expect("the server takes connections");
                }
            }
        };
        within("a reader catches up", catch_up).await;
    }
}

/// Tells the oracle that a message was acknowledged by this receipt; gives its position.
pub fn acknowledge(sender: &Sender, number: u64, guest: &Guest, content: &str, receipt: &Value) -> u64 {
    let place = |name: &str| receipt[name].as_u64().unwrap_or_else(|| panic!("no {name}: {receipt}"));
    sender.acknowledged(number, EventDigest::post(&guest.id, content), place("position"), place("prev"));
    place("position")
}

/// Tells the oracle of an event that has an id. `first`: of its connection, which asked for the place
/// `asked`.
pub fn tell(reader: &Reader, first: bool, asked: Option<u64>, event: &SseEvent) {
    match Block::read(&event.fields()) {
        Ok(Block::Opening { opening: Opening::Gap { from, to }, .. }) if !first => reader.gap(from, to),
        Ok(Block::Opening { opening, id, .. }) => reader.opened(asked, opening, id.position),
        Ok(Block::Event { observed, .. }) => reader.event(observed),
        other => panic!("{other:?} in {event:?}"),
    }
}

/// The position of an id.
pub fn position_of(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, position)| position.parse().ok()).expect("an id is EPOCH-POSITION")
}

/// Reads the room from the floor to the head by a fresh stream: the truth for the oracle.
pub async fn recover(api: &Api, room: &str) -> RecoveredLog {
    let epoch = epoch(api, room).await;
    let mut stream = api.stream(room, Some(&format!("{epoch}-0"))).await;
    let opening = stream.logged().await;
    let data = opening.json();
    let state = api.get(&format!("/api/v1/rooms/{room}")).await.expect(200).json();
    let (floor, head) = (state["floor"].as_u64().expect("a floor"), state["head"].as_u64().expect("a head"));
    assert!(opening.event == "start" || floor > 1, "{data}");
    let mut events = Vec::new();
    while events.last().map_or(0, |last: &Observed| last.position) < head {
        events.push(observed(&stream.logged().await));
    }
    RecoveredLog { room: RoomName::new(room).unwrap(), floor, head, events }
}

/// The epoch of the server's log.
pub async fn epoch(api: &Api, room: &str) -> String {
    api.stream(room, None).await.logged().await.place().0
}

/// Sends to the lobby by the API; the oracle knows of it.
pub async fn say(api: &Api, oracle: &Oracle, guest: &Guest, text: &str) -> u64 {
    let receipt = api.send("lobby", guest, text).await;
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), &guest.name);
    acknowledge(&sender, 0, guest, text, &receipt)
}

/// Reads all of the room's history, page by page from the floor, and tells the oracle each page.
pub async fn read_history(api: &Api, room: &str, oracle: &Oracle) -> Vec<Value> {
    let (mut after, mut all) = (0, Vec::new());
    loop {
        let page = api.history(room, &format!("?after={after}&limit=1000")).await;
        let messages = page["messages"].as_array().expect("messages");
        let Some(last) = messages.last() else { return all };
        let name = format!("after {after}");
        after = last["position"].as_u64().expect("a position");
        oracle.page(&RoomName::new(room).unwrap(), name, page_of(&page));
        all.extend(messages.iter().cloned());
    }
}

/// A page as the oracle takes it.
pub fn page_of(page: &Value) -> Page {
    HistoryPage::deserialize(page).unwrap_or_else(|error| panic!("{error} in {page}")).page()
}

/// Fails with every violation in words.
#[track_caller]
pub fn assert_clean(oracle: &Oracle, logs: &[RecoveredLog]) {
    let violations = oracle.check(logs);
    let lines: Vec<String> = violations.iter().take(20).map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), lines.join("\n"));
}
