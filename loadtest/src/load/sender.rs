//! A sender: takes its messages when they are due, without waiting for the answers to the earlier ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use goose::goose::GooseUser;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::client::sender_connection::{Identity, Outcome, SenderConnection, Sent};
use crate::load::rate::Rate;
use crate::load::schedule::Ticket;
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::stats::Stats;
use crate::server_api::target::Target;

/// Messages that one sender has in flight at once. A message beyond that waits, and its latency counts the
/// wait.
const IN_FLIGHT_MAX: usize = 256;

#[derive(Deserialize)]
struct Guest {
    token: String,
    author: GuestAuthor,
}

#[derive(Deserialize)]
struct GuestAuthor {
    id: String,
}

/// Requests a guest token from the server.
async fn guest(user: &mut GooseUser, number: usize) -> Result<Identity, String> {
    let body = serde_json::json!({ "name": format!("Sender {number}") });
    let asked = user.post_json(Target::GUESTS, &body).await.map_err(|error| error.to_string())?;
    let response = asked.response.map_err(|error| format!("no token: {error}"))?;
    let response = response.error_for_status().map_err(|error| format!("no token: {error}"))?;
    let guest: Guest = response.json().await.map_err(|error| format!("no token: {error}"))?;
    Ok(Identity { token: guest.token, author_id: guest.author.id })
}

/// A sender between its turns.
pub struct Sender {
    run: Arc<Run>,
    phase: watch::Receiver<Phase>,
    number: usize,
    identity: Arc<Identity>,
    tickets: mpsc::Receiver<Ticket>,
    /// Set when no more messages will come due.
    closed: bool,
    /// Set when every message has its outcome, and the run has counted this sender.
    finished: bool,
    idle: Vec<SenderConnection>,
    connections: usize,
    under_way: JoinSet<(SenderConnection, Sent)>,
    /// The statistics of this sender.
    pub stats: Stats,
}

impl Sent {
    /// Returns the kind of error in which the message ended.
    pub fn error(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Acknowledged(_) => None,
            Outcome::Rejected(kind) | Outcome::Unknown(kind) => Some(kind),
        }
    }
}

impl Sender {
    /// Creates a sender with the next number, and a token.
    pub async fn begin(run: &Arc<Run>, user: &mut GooseUser) -> Result<Self, String> {
        let (number, tickets) =
            run.progress.next_tickets().ok_or("there are more senders than were asked for")?;
        let identity = if run.plan.target.is_millchat() {
            guest(user, number).await?
        } else {
            Identity { token: String::new(), author_id: String::new() }
        };
        Ok(Self {
            run: Arc::clone(run),
            phase: run.progress.phase(),
            number,
            identity: Arc::new(identity),
            tickets,
            closed: false,
            finished: false,
            idle: Vec::new(),
            connections: 0,
            under_way: JoinSet::new(),
            stats: Stats::default(),
        })
    }

    /// Returns true if every message has its outcome.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Sends until `until`; returns the messages whose outcome became known.
    pub async fn turn(&mut self, until: Instant) -> Vec<Sent> {
        let mut sent = Vec::new();
        let phase = self.phase.borrow_and_update().clone();
        match (phase, self.run.plan.settings.load.rate) {
            (Phase::Joining, _) => {
                let _ = tokio::time::timeout_at(until.into(), self.phase.changed()).await;
            }
            (Phase::Sending(last), Rate::Max) => self.as_fast_as_answered(until.min(last), &mut sent).await,
            _ => self.on_schedule(until, &mut sent).await,
        }
        let over = match &*self.phase.borrow() {
            Phase::Joining => false,
            Phase::Sending(last) => Instant::now() >= *last,
            Phase::Draining(_) | Phase::Over { .. } => true,
        };
        let all_taken = self.closed || self.run.plan.settings.load.rate == Rate::Max;
        if over && all_taken && self.under_way.is_empty() && !self.finished {
            self.finished = true;
            self.run.progress.counters.senders_done.add(1);
        }
        sent
    }

    async fn on_schedule(&mut self, until: Instant, sent: &mut Vec<Sent>) {
        while !(self.closed && self.under_way.is_empty()) {
            tokio::select! {
                ticket = self.tickets.recv(), if !self.closed && self.under_way.len() < IN_FLIGHT_MAX => {
                    match ticket {
                        Some(ticket) => self.dispatch(ticket),
                        None => self.closed = true,
                    }
                }
                Some(done) = self.under_way.join_next() => self.done(done, sent),
                () = tokio::time::sleep_until(until.into()) => return,
            }
        }
        // Everything due is answered; other senders may still be busy.
        tokio::time::sleep_until(until.min(Instant::now() + Duration::from_millis(50)).into()).await;
    }

    async fn as_fast_as_answered(&mut self, until: Instant, sent: &mut Vec<Sent>) {
        let mut connection = self.connection();
        while Instant::now() < until {
            let message = connection.send(self.run.progress.ticket_now()).await;
            self.record(&message);
            sent.push(message);
        }
        self.idle.push(connection);
    }

    fn dispatch(&mut self, ticket: Ticket) {
        let mut connection = self.connection();
        self.under_way.spawn(async move {
            let sent = connection.send(ticket).await;
            (connection, sent)
        });
    }

    fn connection(&mut self) -> SenderConnection {
        self.idle.pop().unwrap_or_else(|| {
            self.connections += 1;
            SenderConnection::new(&self.run, &self.identity, format!("{}.{}", self.number, self.connections))
        })
    }

    fn done(&mut self, done: Result<(SenderConnection, Sent), tokio::task::JoinError>, sent: &mut Vec<Sent>) {
        match done {
            Ok((connection, message)) => {
                self.record(&message);
                self.idle.push(connection);
                sent.push(message);
            }
            Err(error) => self.run.findings.fail(format!("a sender's task failed: {error}")),
        }
    }

    fn record(&mut self, message: &Sent) {
        let stats = &mut self.stats;
        stats.lag.record(message.began.saturating_duration_since(message.ticket.due));
        match &message.outcome {
            Outcome::Acknowledged(_) => {
                stats.acknowledged += 1;
                stats.acknowledgement.record(message.ended.saturating_duration_since(message.ticket.due));
            }
            Outcome::Rejected(kind) => {
                stats.rejected += 1;
                stats.error(kind);
            }
            Outcome::Unknown(kind) => {
                stats.unknown += 1;
                stats.error(kind);
            }
        }
    }

    /// Aborts the messages in flight: the run was stopped.
    pub fn abandon(&mut self) {
        if !self.under_way.is_empty() {
            self.run
                .findings
                .fail(format!("{} messages had no outcome when the run was stopped", self.under_way.len()));
            self.under_way.abort_all();
        }
    }
}
