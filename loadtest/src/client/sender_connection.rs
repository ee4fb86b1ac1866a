//! A sender's connection: one message at a time, each waiting for its answer, over one kept-alive socket.
//!
//! A sender has as many connections as messages in flight, so its schedule does not wait for the server. The
//! messages of one connection keep their order, and are one sender to the oracle.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat::Position;
use millchat_oracle::{self as oracle, EventDigest};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::check::sent_log::{OrderedStream, SendStatus};
use crate::check::stamp::Stamp;
use crate::client::exchange::{Answer, exchange};
use crate::load::schedule::Ticket;
use crate::run::Run;
use crate::server_api::template::Values;

/// Time that an outcome may take after the message was sent.
pub const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle time after which a connection is not used again: the server may be closing it.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Part of the answer by which the server says that a message may or may not be stored.
const OUTCOME_UNKNOWN: &[u8] = b":outcome-unknown";

/// The guest that sends.
#[derive(Debug)]
pub struct Identity {
    /// The token that the server issued.
    pub token: String,
    /// The guest's id.
    pub author_id: String,
}

/// The outcome of a message.
#[derive(Debug)]
pub enum Outcome {
    /// Accepted. Our own server adds the positions.
    Acknowledged(Option<Receipt>),
    /// Not stored, and why.
    Rejected(String),
    /// Nobody knows whether it is stored, and why.
    Unknown(String),
}

/// A message that has been sent.
#[derive(Debug)]
pub struct Sent {
    /// The scheduled message.
    pub ticket: Ticket,
    /// The outcome.
    pub outcome: Outcome,
    /// The time at which sending began.
    pub began: Instant,
    /// The time at which the outcome was known.
    pub ended: Instant,
}

/// The answer of our own server to a message.
#[derive(Debug, Deserialize)]
pub struct Receipt {
    /// The message's position.
    position: Position,
    /// The position before it in the room.
    prev: Position,
}

/// The records of the messages that one connection sends into one room.
struct RoomRecord {
    oracle: oracle::Sender,
    stream: Arc<OrderedStream>,
}

/// The connection.
pub struct SenderConnection {
    run: Arc<Run>,
    identity: Arc<Identity>,
    name: String,
    /// By room.
    records: HashMap<usize, RoomRecord>,
    socket: Option<(TcpStream, Instant)>,
}

impl SenderConnection {
    /// Creates a connection that is not open yet. Violations name it.
    pub fn new(run: &Arc<Run>, identity: &Arc<Identity>, name: String) -> Self {
        let (run, identity) = (Arc::clone(run), Arc::clone(identity));
        Self { run, identity, name, records: HashMap::new(), socket: None }
    }

    /// Sends the message of this ticket to its room, and records the outcome.
    pub async fn send(&mut self, ticket: Ticket) -> Sent {
        let began = Instant::now();
        let (run, identity) = (Arc::clone(&self.run), Arc::clone(&self.identity));
        let room = run.plan.room_choice.room(ticket.sequence);
        let record = self.records.entry(room).or_insert_with(|| RoomRecord {
            oracle: run.findings.oracle.sender(&run.plan.rooms[room], self.name.clone()),
            stream: run.findings.sent_log.add_stream(room, &self.name),
        });
        let (oracle, stream) = (record.oracle.clone(), Arc::clone(&record.stream));
        // Only readers that are checked by stamps need the sent log; links contain more.
        let number = if run.plan.target.has_links() { 0 } else { stream.begin() };
        let (due, sequence) = (run.plan.clock.since(ticket.due), ticket.sequence);
        let stamp = Stamp { run: run.plan.id, sequence, due, stream: stream.number, number };
        let content = stamp.write(usize::try_from(run.plan.settings.load.size).unwrap_or(usize::MAX));
        let values = Values { room: run.plan.rooms[room].as_str(), content: &content, sequence };
        let request = run.plan.target.send_request(&values, &identity.token);
        run.progress.counters.sent.add(1);

        let outcome = match timeout(ACKNOWLEDGE_TIMEOUT, self.exchange(&request)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Unknown("send: no answer in time".to_owned()),
        };
        let ended = Instant::now();

        let event = EventDigest::post(&identity.author_id, &content);
        let status = match &outcome {
            Outcome::Acknowledged(receipt) => {
                if let Some(Receipt { position, prev }) = *receipt {
                    oracle.acknowledged(sequence, event, position, prev);
                    run.findings.acknowledged[room].fetch_max(position, std::sync::atomic::Ordering::Relaxed);
                }
                run.progress.counters.acknowledged.add(1);
                SendStatus::Acknowledged
            }
            Outcome::Rejected(_) => {
                oracle.rejected(sequence, event);
                run.progress.counters.not_acknowledged.add(1);
                SendStatus::Rejected
            }
            Outcome::Unknown(_) => {
                oracle.unknown(sequence, event);
                run.progress.counters.not_acknowledged.add(1);
                SendStatus::Unknown
            }
        };
        if !run.plan.target.has_links() {
            stream.end(status);
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
        match exchange(&mut socket, request, ANSWER_BYTES_MAX).await {
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
    let socket = TcpStream::connect(run.plan.target.next_address()).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Returns the outcome that an answer means. Other servers than ours promise less by a status: any 2xx is
/// taken as an acknowledgement, and after a 5xx the outcome is unknown.
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
