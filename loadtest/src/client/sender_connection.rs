//! A sender's connection: one message at a time, each waiting for its answer, over one kept-alive socket.
//!
//! A sender has as many lines as messages under way, so its schedule does not wait for the server. What
//! one line sends keeps its order, and is one sender to the oracle.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat::Position;
use millchat::oracle::{self, Said};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::check::sent_log::{Ending, Lane};
use crate::check::stamp::Stamp;
use crate::client::http::{HEAD_BYTES_MAX, Head, Malformed, Piece};
use crate::load::schedule::Ticket;
use crate::run::Run;
use crate::server_api::template::Values;

/// How long after a message was sent its outcome is waited for.
pub const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that was idle for so long is not used again: the server may be closing it just now.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How the server says that a message may or may not be stored.
const OUTCOME_UNKNOWN: &[u8] = b":outcome-unknown";

/// Who sends.
#[derive(Debug)]
pub struct Identity {
    /// What the server gave out for the guest.
    pub token: String,
    /// The guest's id.
    pub author_id: String,
}

/// How a message ended.
#[derive(Debug)]
pub enum Outcome {
    /// Taken; our own server says at which place.
    Acknowledged(Option<Receipt>),
    /// Not stored, and why.
    Rejected(String),
    /// Nobody knows, and why.
    Unknown(String),
}

/// A message that has been sent.
#[derive(Debug)]
pub struct Sent {
    /// Which it was.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was begun to be sent.
    pub began: Instant,
    /// When its outcome was known.
    pub ended: Instant,
}

/// What our own server answers.
#[derive(Debug, Deserialize)]
pub struct Receipt {
    /// The message's position.
    position: Position,
    /// The position before it in the room.
    prev: Position,
}

/// What is kept of the messages that a line sends into one room.
struct Book {
    oracle: oracle::Sender,
    lane: Arc<Lane>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    keep_alive: bool,
}

/// The connection.
pub struct Line {
    run: Arc<Run>,
    identity: Arc<Identity>,
    name: String,
    /// By room.
    books: HashMap<usize, Book>,
    socket: Option<(TcpStream, Instant)>,
}

impl Line {
    /// A line that is not connected yet. Violations are traced by its name.
    pub fn new(run: &Arc<Run>, identity: &Arc<Identity>, name: String) -> Self {
        let (run, identity) = (Arc::clone(run), Arc::clone(identity));
        Self { run, identity, name, books: HashMap::new(), socket: None }
    }

    /// Sends the message of this ticket to the room whose turn it is, and notes the outcome.
    pub async fn send(&mut self, ticket: Ticket) -> Sent {
        let began = Instant::now();
        let (run, identity) = (Arc::clone(&self.run), Arc::clone(&self.identity));
        let room = run.plan.room_choice.room(ticket.sequence);
        let book = self.books.entry(room).or_insert_with(|| Book {
            oracle: run.findings.oracle.sender(&run.plan.rooms[room], self.name.clone()),
            lane: run.findings.ledger.lane(room, &self.name),
        });
        let (oracle, lane) = (book.oracle.clone(), Arc::clone(&book.lane));
        // Only who goes by stamps needs the ledger; links say all of it and more.
        let number = if run.plan.target.has_links() { 0 } else { lane.begin() };
        let (due, sequence) = (run.plan.clock.since(ticket.due), ticket.sequence);
        let stamp = Stamp { run: run.plan.id, sequence, due, lane: lane.number, number };
        let content = stamp.write(usize::try_from(run.plan.settings.load.size).unwrap_or(usize::MAX));
        let values = Values { room: run.plan.rooms[room].as_str(), content: &content, sequence };
        let request = run.plan.target.send_request(&values, &identity.token);
        run.progress.counts.sent.add(1);

        let outcome = match timeout(ACKNOWLEDGE_TIMEOUT, self.exchange(&request)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Unknown("send: no answer in time".to_owned()),
        };
        let ended = Instant::now();

        let said = Said::post(&identity.author_id, &content);
        let ending = match &outcome {
            Outcome::Acknowledged(receipt) => {
                if let Some(Receipt { position, prev }) = *receipt {
                    oracle.acknowledged(sequence, said, position, prev);
                    run.findings.acknowledged[room].fetch_max(position, std::sync::atomic::Ordering::Relaxed);
                }
                run.progress.counts.acknowledged.add(1);
                Ending::Acknowledged
            }
            Outcome::Rejected(_) => {
                oracle.rejected(sequence, said);
                run.progress.counts.not_acknowledged.add(1);
                Ending::Rejected
            }
            Outcome::Unknown(_) => {
                oracle.unknown(sequence, said);
                run.progress.counts.not_acknowledged.add(1);
                Ending::Unknown
            }
        };
        if !run.plan.target.has_links() {
            lane.end(ending);
        }
        Sent { ticket, outcome, began, ended }
    }

    async fn exchange(&mut self, request: &[u8]) -> Outcome {
        let kept = self.socket.take().filter(|(_, used)| used.elapsed() < IDLE_MAX);
        let mut socket = match kept {
            Some((socket, _)) => socket,
            None => match connect(&self.run).await {
                Ok(socket) => socket,
                Err(error) => return Outcome::Rejected(format!("send: connect: {}", error.kind())),
            },
        };
        match answer(&mut socket, request).await {
            Ok(answer) => {
                if answer.keep_alive {
                    self.socket = Some((socket, Instant::now()));
                }
                outcome(&answer, self.run.plan.target.is_millchat())
            }
            Err(error) => Outcome::Unknown(format!("send: {}", error.kind())),
        }
    }
}

async fn connect(run: &Run) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(run.plan.target.address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Writes a request and reads its answer.
async fn answer(socket: &mut TcpStream, request: &[u8]) -> io::Result<Answer> {
    socket.write_all(request).await?;
    let mut bytes = Vec::with_capacity(1024);
    let head = loop {
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(malformed(Malformed("head too large")));
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(head) = Head::parse(&bytes).map_err(malformed)? {
            break head;
        }
    };
    let (mut framing, mut body) = (head.body, Vec::new());
    let mut next = bytes.split_off(head.len);
    loop {
        let mut input = next.as_slice();
        loop {
            match framing.next(&mut input).map_err(malformed)? {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::More => break,
                Piece::End => return Ok(Answer { status: head.status, body, keep_alive: head.keep_alive }),
            }
        }
        if body.len() > ANSWER_BYTES_MAX {
            return Err(malformed(Malformed("answer too large")));
        }
        next.clear();
        if socket.read_buf(&mut next).await? == 0 {
            // Without a length, the close is the end.
            return Ok(Answer { status: head.status, body, keep_alive: false });
        }
    }
}

fn malformed(error: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.0)
}

/// What an answer means for the message. Others than our own server promise less by a status: any 2xx is
/// taken as an acknowledgement, and a 5xx says nothing.
fn outcome(answer: &Answer, millchat: bool) -> Outcome {
    match answer.status {
        201 if millchat => match serde_json::from_slice::<Receipt>(&answer.body) {
            Ok(receipt) => Outcome::Acknowledged(Some(receipt)),
            Err(_) => Outcome::Unknown("send: the acknowledgement is not what was promised".to_owned()),
        },
        500 if millchat && memchr::memmem::find(&answer.body, OUTCOME_UNKNOWN).is_some() => {
            Outcome::Unknown("send: the server does not know the outcome".to_owned())
        }
        200..300 if !millchat => Outcome::Acknowledged(None),
        status @ 500.. if !millchat => Outcome::Unknown(format!("send answered {status}")),
        status => Outcome::Rejected(format!("send answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec(), keep_alive: true }
    }

    #[test]
    fn an_answer_is_one_of_three_outcomes() {
        let acknowledged = answer(201, r#"{"position":7,"prev":3,"epoch":"5f3c9a2e","created_at":"x"}"#);
        assert!(matches!(
            outcome(&acknowledged, true),
            Outcome::Acknowledged(Some(Receipt { position: 7, prev: 3 }))
        ));
        assert!(matches!(outcome(&answer(503, ""), true), Outcome::Rejected(_)));
        let unknown = answer(500, r#"{"type":"urn:millchat:problem:outcome-unknown"}"#);
        assert!(matches!(outcome(&unknown, true), Outcome::Unknown(_)));
        assert!(matches!(outcome(&answer(201, "{}"), true), Outcome::Unknown(_)));
    }

    #[test]
    fn of_another_chat_the_status_alone_is_believed() {
        assert!(matches!(outcome(&answer(202, ""), false), Outcome::Acknowledged(None)));
        assert!(matches!(outcome(&answer(429, ""), false), Outcome::Rejected(_)));
        assert!(matches!(outcome(&answer(502, ""), false), Outcome::Unknown(_)));
    }
}
