//! The log that everything else is compared with: each room is read once more at the end, from the floor to
//! the head, by a fresh stream; and its history, page by page.

use std::time::{Duration, Instant};

use millchat::{Epoch, EventId, Opening, Position, RoomName};
use millchat_oracle::RecoveredLog;
use millchat_testkit::Malformed;
use millchat_testkit::http::{HEAD_BYTES_MAX, Head, Piece};
use millchat_testkit::sse::Blocks;
use millchat_testkit::translate::HistoryPage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use crate::check::event::Block;
use crate::client::reader::READ_BYTES_MAX;
use crate::client::rest::{http_client, room_overview};
use crate::run::Run;
use crate::server_api::target::{ChatServer, Target};

/// Time without an event before the head is reached; heartbeats and signals do not count as events.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Messages that are asked for in one page of history.
const PAGE_MESSAGES: usize = 1000;

/// The logs that were read.
pub struct Recovered {
    /// The rooms that could be read.
    pub logs: Vec<RecoveredLog>,
    /// The errors of the others, in words.
    pub errors: Vec<String>,
}

/// Reads all rooms of the run, and shows the oracle their history. `epoch` is that of the server's log. All nodes of
/// a cluster must have the same.
pub async fn recover(run: &Run, epoch: Epoch) -> Recovered {
    let mut recovered = Recovered { logs: Vec::with_capacity(run.plan.rooms.len()), errors: Vec::new() };
    let client = match http_client() {
        Ok(client) => client,
        Err(error) => {
            recovered.errors.push(format!("no HTTP client: {error}"));
            return recovered;
        }
    };
    for room in &run.plan.rooms {
        let mut first: Option<RecoveredLog> = None;
        for server in &*run.plan.target.servers {
            let least = first.as_ref().map_or(0, |log| log.head);
            match (read_room(run, &client, server, room, epoch, least).await, &first) {
                (Ok(log), None) => first = Some(log),
                (Ok(log), Some(first)) if log.head == first.head && log.events == first.events => {}
                (Ok(_), Some(_)) => {
                    recovered.errors.push(format!("room {room} at {} is another one", server.base));
                }
                (Err(error), _) => {
                    let base = &server.base;
                    recovered
                        .errors
                        .push(format!("room {room} could not be read at {base} at the end: {error}"));
                }
            }
            if let Err(error) = read_history(run, &client, server, room).await {
                let base = &server.base;
                recovered
                    .errors
                    .push(format!("the history of room {room} could not be read at {base}: {error}"));
            }
        }
        recovered.logs.extend(first);
    }
    recovered
}

async fn read_room(
    run: &Run,
    client: &reqwest::Client,
    server: &ChatServer,
    room: &RoomName,
    epoch: Epoch,
    least_head: Position,
) -> Result<RecoveredLog, String> {
    let overview = room_overview(client, &server.base, room).await.map_err(|error| error.to_string())?;
    // A node may be some milliseconds behind another one.
    let head = overview.head.max(least_head);
    let mut log = RecoveredLog { room: room.clone(), floor: overview.floor, head, events: Vec::new() };
    if log.head == 0 {
        return Ok(log);
    }
    let place = EventId { epoch, position: log.floor.saturating_sub(1) };
    let request = run.plan.target.log_request(room.as_str(), &place.to_string());
    let mut socket = TcpStream::connect(server.address).await.map_err(|error| error.to_string())?;
    socket.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut reading = LogReader { log: &mut log, run: run.plan.id, wrong: None };
    let whole = reading.follow(&mut socket).await;
    let wrong = reading.wrong;
    whole?;
    wrong.map_or(Ok(log), Err)
}

/// The stream of a room, read until the head.
struct LogReader<'a> {
    log: &'a mut RecoveredLog,
    run: u32,
    wrong: Option<String>,
}

impl LogReader<'_> {
    async fn follow(&mut self, socket: &mut TcpStream) -> Result<(), String> {
        let malformed = |error: Malformed| error.0.to_owned();
        let mut until = Instant::now() + SILENCE_MAX;
        let mut bytes = Vec::with_capacity(READ_BYTES_MAX);
        let head = loop {
            if let Some(head) = Head::parse(&bytes).map_err(malformed)? {
                break head;
            }
            if bytes.len() > HEAD_BYTES_MAX + READ_BYTES_MAX {
                return Err("head too large".to_owned());
            }
            read(socket, &mut bytes, until).await?;
        };
        if head.status != 200 {
            return Err(format!("it answered {}", head.status));
        }
        let (mut body, mut blocks) = (head.body, Blocks::default());
        let mut next = bytes.split_off(head.len);
        loop {
            let (before, mut input) = (self.position(), next.as_slice());
            loop {
                match body.next(&mut input).map_err(malformed)? {
                    Piece::Data(data) => blocks.feed(data, |block| self.block(block)).map_err(malformed)?,
                    Piece::More => break,
                    Piece::End => return Err("the stream ended".to_owned()),
                }
            }
            if self.wrong.is_some() || self.position() >= self.log.head {
                return Ok(());
            }
            if self.position() > before {
                until = Instant::now() + SILENCE_MAX;
            }
            next.clear();
            read(socket, &mut next, until).await?;
        }
    }

    fn position(&self) -> Position {
        self.log.events.last().map_or(0, |observed| observed.position)
    }

    fn block(&mut self, block: &[u8]) {
        match Block::parse(block, self.run) {
            Ok(Block::Event(event)) => self.log.events.push(event.observed),
            Ok(Block::Opening { opening: Opening::Start, .. } | Block::Signal | Block::Nothing) => {}
            Ok(Block::Opening { opening, .. }) => self.wrong = Some(format!("it opened with {opening:?}")),
            Err(what) => self.wrong = Some(what.to_owned()),
        }
    }
}

async fn read(socket: &mut TcpStream, bytes: &mut Vec<u8>, until: Instant) -> Result<(), String> {
    match timeout_at(until.into(), socket.read_buf(bytes)).await {
        Ok(Ok(0)) => Err("the server closed".to_owned()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no event came for {SILENCE_MAX:?} before the head")),
    }
}

async fn read_history(
    run: &Run,
    client: &reqwest::Client,
    server: &ChatServer,
    room: &RoomName,
) -> reqwest::Result<()> {
    let base = format!("{}{}/messages", server.base, Target::room_path(room.as_str()));
    let mut after = 0;
    loop {
        let url = format!("{base}?after={after}&limit={PAGE_MESSAGES}");
        let answer: HistoryPage = client.get(url).send().await?.error_for_status()?.json().await?;
        let page = answer.page();
        let last = page.messages.last().map(|message| message.position);
        run.findings.oracle.page(room, format!("after={after}"), page);
        match last {
            // A page without a later message would be requested for ever.
            Some(last) if last > after => after = last,
            _ => return Ok(()),
        }
    }
}
