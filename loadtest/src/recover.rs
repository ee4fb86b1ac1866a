//! The truth that all else is held against: each room read once more at the end, from the floor to the
//! head, by a fresh stream; and its history, page by page.

use std::time::Duration;

use millchat::oracle::{Page, RecoveredLog, Told, digest};
use millchat::{Epoch, Opening, Place, Position, RoomName};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::event::Block;
use crate::http::{HEAD_BYTES_MAX, Head, Malformed, Piece};
use crate::run::{Run, overview};
use crate::sse::Blocks;
use crate::stream::READ_BYTES_MAX;
use crate::target::Target;

/// How long the stream may be silent before the head is reached.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Messages that are asked for in one page of history.
const PAGE_MESSAGES: usize = 1000;

/// Reads all rooms of the run, and shows the oracle their history. `epoch` is that of the server's log.
pub async fn recover(run: &Run, epoch: Epoch) -> Result<Vec<RecoveredLog>, String> {
    let client = reqwest::Client::new();
    let mut logs = Vec::with_capacity(run.rooms.len());
    for room in &run.rooms {
        let log = read_room(run, &client, room, epoch).await;
        logs.push(log.map_err(|error| format!("room {room} could not be read at the end: {error}"))?);
        read_history(run, &client, room)
            .await
            .map_err(|error| format!("the history of room {room} could not be read: {error}"))?;
    }
    Ok(logs)
}

async fn read_room(
    run: &Run,
    client: &reqwest::Client,
    room: &RoomName,
    epoch: Epoch,
) -> Result<RecoveredLog, String> {
    let overview = overview(client, &run.target, room).await.map_err(|error| error.to_string())?;
    let mut log =
        RecoveredLog { room: room.clone(), floor: overview.floor, head: overview.head, events: Vec::new() };
    if log.head == 0 {
        return Ok(log);
    }
    let place = Place { epoch, position: log.floor.saturating_sub(1) };
    let request = run.target.join_request(room.as_str(), Some(&place.to_string()));
    let mut socket = TcpStream::connect(run.target.address).await.map_err(|error| error.to_string())?;
    socket.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut reading = Reading { log: &mut log, run: run.id, wrong: None };
    let whole = reading.follow(&mut socket).await;
    let wrong = reading.wrong;
    whole?;
    wrong.map_or(Ok(log), Err)
}

/// The stream of a room on its way to the head.
struct Reading<'a> {
    log: &'a mut RecoveredLog,
    run: u32,
    wrong: Option<String>,
}

impl Reading<'_> {
    async fn follow(&mut self, socket: &mut TcpStream) -> Result<(), String> {
        let malformed = |error: Malformed| error.0.to_owned();
        let mut bytes = Vec::with_capacity(READ_BYTES_MAX);
        let head = loop {
            if let Some(head) = Head::parse(&bytes).map_err(malformed)? {
                break head;
            }
            if bytes.len() > HEAD_BYTES_MAX + READ_BYTES_MAX {
                return Err("head too large".to_owned());
            }
            read(socket, &mut bytes).await?;
        };
        if head.status != 200 {
            return Err(format!("it answered {}", head.status));
        }
        let (mut body, mut blocks) = (head.body, Blocks::default());
        let mut next = bytes.split_off(head.len);
        loop {
            let mut input = next.as_slice();
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
            next.clear();
            read(socket, &mut next).await?;
        }
    }

    fn position(&self) -> Position {
        self.log.events.last().map_or(0, |seen| seen.position)
    }

    fn block(&mut self, block: &[u8]) {
        match Block::parse(block, self.run) {
            Ok(Block::Event(frame)) => self.log.events.push(frame.seen),
            Ok(Block::Opening { opening: Opening::Start, .. } | Block::Signal | Block::Nothing) => {}
            Ok(Block::Opening { opening, .. }) => self.wrong = Some(format!("it opened with {opening:?}")),
            Err(what) => self.wrong = Some(what.to_owned()),
        }
    }
}

async fn read(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), String> {
    match timeout(SILENCE_MAX, socket.read_buf(bytes)).await {
        Ok(Ok(0)) => Err("the server closed".to_owned()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it was silent for {SILENCE_MAX:?} before the head")),
    }
}

#[derive(Deserialize)]
struct HistoryAnswer {
    messages: Vec<HistoryMessage>,
    head: Position,
}

#[derive(Deserialize)]
struct HistoryMessage {
    position: Position,
    prev: Position,
    author: Option<HistoryAuthor>,
    content: Option<String>,
}

#[derive(Deserialize)]
struct HistoryAuthor {
    id: String,
}

async fn read_history(run: &Run, client: &reqwest::Client, room: &RoomName) -> reqwest::Result<()> {
    let base = format!("{}{}/messages", run.target.base, Target::room_path(room.as_str()));
    let mut after = 0;
    loop {
        let url = format!("{base}?after={after}&limit={PAGE_MESSAGES}");
        let answer: HistoryAnswer = client.get(url).send().await?.error_for_status()?.json().await?;
        let told = |message: &HistoryMessage| Told {
            position: message.position,
            prev: message.prev,
            author: message.author.as_ref().map_or(0, |author| digest(&author.id)),
            content: message.content.as_deref().map(digest),
        };
        let messages: Vec<Told> = answer.messages.iter().map(told).collect();
        let last = messages.last().map(|message| message.position);
        run.oracle.page(room, format!("after={after}"), Page { head: answer.head, messages });
        match last {
            // A page that does not lead on would be asked for for ever.
            Some(last) if last > after => after = last,
            _ => return Ok(()),
        }
    }
}
