//! A sender: takes its messages when they are due, whether or not the ones before were answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use goose::goose::GooseUser;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::client::sender_connection::{Identity, Line, Outcome, Sent};
use crate::load::rate::Rate;
use crate::load::schedule::Ticket;
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::stats::Tally;
use crate::server_api::target::Target;

/// Messages that one sender has under way at once. What is due beyond that waits, and its latency counts.
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

/// Has the server make a guest.
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
    /// No message will come due any more.
    closed: bool,
    /// All is sent and answered, and the run knows.
    finished: bool,
    idle: Vec<Line>,
    lines: usize,
    under_way: JoinSet<(Line, Sent)>,
    /// What it counts.
    pub tally: Tally,
}

impl Sent {
    /// The kind of error that the message ended in.
    pub fn error(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Acknowledged(_) => None,
            Outcome::Rejected(kind) | Outcome::Unknown(kind) => Some(kind),
        }
    }
}

impl Sender {
    /// Takes a name and a token.
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
            lines: 0,
            under_way: JoinSet::new(),
            tally: Tally::default(),
        })
    }

    /// Whether every message has its outcome.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Sends until `until`; says which messages got their outcome.
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
            self.run.progress.counts.senders_done.add(1);
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
        // All that was due is answered; others may not be as far.
        tokio::time::sleep_until(until.min(Instant::now() + Duration::from_millis(50)).into()).await;
    }

    async fn as_fast_as_answered(&mut self, until: Instant, sent: &mut Vec<Sent>) {
        let mut line = self.line();
        while Instant::now() < until {
            let message = line.send(self.run.progress.ticket_now()).await;
            self.note(&message);
            sent.push(message);
        }
        self.idle.push(line);
    }

    fn dispatch(&mut self, ticket: Ticket) {
        let mut line = self.line();
        self.under_way.spawn(async move {
            let sent = line.send(ticket).await;
            (line, sent)
        });
    }

    fn line(&mut self) -> Line {
        self.idle.pop().unwrap_or_else(|| {
            self.lines += 1;
            Line::new(&self.run, &self.identity, format!("{}.{}", self.number, self.lines))
        })
    }

    fn done(&mut self, done: Result<(Line, Sent), tokio::task::JoinError>, sent: &mut Vec<Sent>) {
        match done {
            Ok((line, message)) => {
                self.note(&message);
                self.idle.push(line);
                sent.push(message);
            }
            Err(error) => self.run.findings.fail(format!("a sender's task failed: {error}")),
        }
    }

    fn note(&mut self, message: &Sent) {
        let tally = &mut self.tally;
        tally.lag.record(message.began.saturating_duration_since(message.ticket.due));
        match &message.outcome {
            Outcome::Acknowledged(_) => {
                tally.acknowledged += 1;
                tally.acknowledgement.record(message.ended.saturating_duration_since(message.ticket.due));
            }
            Outcome::Rejected(kind) => {
                tally.rejected += 1;
                tally.error(kind);
            }
            Outcome::Unknown(kind) => {
                tally.unknown += 1;
                tally.error(kind);
            }
        }
    }

    /// Lets go of what is under way: the run was stopped.
    pub fn abandon(&mut self) {
        if !self.under_way.is_empty() {
            self.run
                .findings
                .fail(format!("{} messages had no outcome when the run was stopped", self.under_way.len()));
            self.under_way.abort_all();
        }
    }
}
