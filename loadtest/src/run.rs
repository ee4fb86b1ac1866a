//! One run: what all its users share, and the course it takes.
//!
//! Readers join; when the last one has its `start`, senders send for the asked time; when every message
//! has its outcome, readers go on until they have reached the head of their room, or time is up. The users
//! belong to goose and look at the [`Phase`] between and within their turns; [`conduct`] moves it on.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use millchat::oracle::Oracle;
use millchat::{Epoch, Position, RoomName};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use crate::live::Live;
use crate::pace::{self, Ticket};
use crate::process;
use crate::settings::{Rate, Settings};
use crate::stamp::Clock;
use crate::tally::Tally;
use crate::target::Target;

/// How long the readers may take to join, all together.
const JOIN_TIMEOUT: Duration = Duration::from_mins(2);
/// How long after a message was sent its outcome is waited for.
pub const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long no reader gets anything before those that have not reached the head of their room have lost it.
const DRAIN_SILENCE: Duration = Duration::from_secs(10);
/// How often the course looks whether it can go on, and the live line is written.
const TICK: Duration = Duration::from_millis(100);
/// How long between the last join and the first message.
const BREATH: Duration = Duration::from_millis(200);
/// How many failures are kept; the first ones tell why.
const FAILURES_MAX: usize = 100;

/// How far a run has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Readers join, senders get their tokens.
    Joining,
    /// Messages are sent until this time.
    Sending(Instant),
    /// Readers go on to the heads of the rooms.
    Draining(Arc<[Position]>),
    /// Whoever is still at something stops.
    Over {
        /// It was not stopped from outside: whoever stayed has all there was.
        whole: bool,
    },
}

/// A number that many add to and the live line reads. It orders nothing.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// What it is now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happens while it happens.
#[derive(Debug, Default)]
pub struct Counts {
    /// Readers that have got their `start`.
    pub joined: Count,
    /// Readers that were given up.
    pub lost: Count,
    /// Readers' users that have all they wait for.
    pub users_drained: Count,
    /// Senders that are ready to send.
    pub senders_ready: Count,
    /// Senders that have the outcome of all their messages.
    pub senders_done: Count,
    /// Messages sent.
    pub sent: Count,
    /// Messages acknowledged.
    pub acknowledged: Count,
    /// Events received.
    pub delivered: Count,
}

/// What the course of the run measured.
#[derive(Debug, Default, Clone)]
pub struct Measured {
    /// The server's memory before the readers joined.
    pub resident_before: Option<u64>,
    /// The server's memory with all readers joined.
    pub resident_joined: Option<u64>,
    /// The server's memory when the sending was over.
    pub resident_after: Option<u64>,
    /// The server's CPU time from the first message to the last delivery.
    pub server_cpu: Option<Duration>,
    /// The tester's own, over the same time.
    pub own_cpu: Option<Duration>,
    /// How long all readers took to join.
    pub joining: Duration,
    /// When the first message was due.
    pub first: Option<Instant>,
    /// Whether the run was stopped from outside.
    pub interrupted: bool,
}

/// What all users of a run share.
pub struct Run {
    /// A random number that the run's messages carry.
    pub id: u32,
    /// What was asked for.
    pub settings: Settings,
    /// The server.
    pub target: Target,
    /// The server's process, when it is known.
    pub pid: Option<u32>,
    /// The rooms, none of which existed before.
    pub rooms: Vec<RoomName>,
    /// Per room, the newest position that a sender was acknowledged.
    pub acknowledged: Vec<AtomicU64>,
    /// The clock that messages are stamped by.
    pub clock: Clock,
    /// The life of the server's log, as the first stream named it.
    pub epoch: OnceLock<Epoch>,
    /// Holds what was observed against what was promised.
    pub oracle: Oracle,
    /// What happens while it happens.
    pub counts: Counts,
    /// How many goose users carry the readers.
    pub reader_users: usize,
    next_reader_user: AtomicUsize,
    next_sequence: AtomicU64,
    phase: watch::Sender<Phase>,
    /// Where each sender's messages come due, until it takes them.
    tickets: Mutex<Vec<mpsc::UnboundedReceiver<Ticket>>>,
    /// The other ends, until the pacer takes them.
    schedule: Mutex<Vec<mpsc::UnboundedSender<Ticket>>>,
    tally: Mutex<Tally>,
    failures: Mutex<Vec<String>>,
}

impl Run {
    /// A run that has not begun.
    pub fn new(settings: Settings, target: Target, pid: Option<u32>) -> Self {
        let id: u32 = rand::random();
        let name =
            |number| RoomName::new(&format!("load-{id:08x}-{number}")).expect("such a name obeys the rule");
        let rooms: Vec<RoomName> = (0..settings.rooms).map(name).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let senders = if settings.rate == Rate::Idle { 0 } else { settings.senders };
        let (schedule, tickets) = (0..senders).map(|_| mpsc::unbounded_channel()).unzip();
        Self {
            id,
            reader_users: threads.min(settings.readers),
            settings,
            target,
            pid,
            acknowledged: rooms.iter().map(|_| AtomicU64::new(0)).collect(),
            rooms,
            clock: Clock { origin: Instant::now() },
            epoch: OnceLock::new(),
            oracle: Oracle::new(),
            counts: Counts::default(),
            next_reader_user: AtomicUsize::new(0),
            next_sequence: AtomicU64::new(0),
            phase: watch::Sender::new(Phase::Joining),
            tickets: Mutex::new(tickets),
            schedule: Mutex::new(schedule),
            tally: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// The number of senders that take part.
    pub fn senders(&self) -> usize {
        if self.settings.rate == Rate::Idle { 0 } else { self.settings.senders }
    }

    /// The phase, to look at and to wait for.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The readers that the next goose user carries.
    pub fn next_readers(&self) -> impl Iterator<Item = usize> + use<> {
        let user = self.next_reader_user.fetch_add(1, Ordering::Relaxed);
        (user..self.settings.readers).step_by(self.reader_users)
    }

    /// Where the next sender's messages come due; its number with it.
    pub fn next_tickets(&self) -> Option<(usize, mpsc::UnboundedReceiver<Ticket>)> {
        let mut tickets = self.tickets.lock();
        let receiver = tickets.pop()?;
        Some((tickets.len(), receiver))
    }

    /// A message that is due now: for a sender that keeps no schedule.
    pub fn ticket_now(&self) -> Ticket {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        Ticket { sequence, due: Instant::now() }
    }

    /// A user is finished: adds its numbers to the run's.
    pub fn hand_in(&self, tally: &Tally) {
        self.tally.lock().add(tally);
    }

    /// Takes the sum of all numbers.
    pub fn take_tally(&self) -> Tally {
        std::mem::take(&mut self.tally.lock())
    }

    /// Something happened that makes the run fail.
    pub fn fail(&self, what: String) {
        let mut failures = self.failures.lock();
        if failures.len() < FAILURES_MAX {
            failures.push(what);
        }
    }

    /// What made the run fail, but for what the oracle finds.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().clone()
    }

    /// Takes the run through its phases. At the end it stops goose.
    pub async fn conduct(self: Arc<Self>) -> Measured {
        let mut live = Live::new();
        let mut measured = Measured { resident_before: self.resident(), ..Measured::default() };
        let begun = Instant::now();
        let ready = || {
            self.counts.joined.get() + self.counts.lost.get() >= self.settings.readers as u64
                && self.counts.senders_ready.get() >= self.senders() as u64
        };
        if !self.wait(JOIN_TIMEOUT, &mut live, ready).await {
            self.fail(format!("not all readers and senders were ready within {JOIN_TIMEOUT:?}"));
        }
        measured.joining = begun.elapsed();
        measured.resident_joined = self.resident();

        let cpu = (self.server_cpu(), process::cpu_time(std::process::id()));
        let first = Instant::now() + BREATH;
        let last = first + self.settings.duration;
        measured.first = Some(first);
        self.phase.send_replace(Phase::Sending(last));
        if let Rate::PerSecond(rate) = self.settings.rate {
            let schedule = std::mem::take(&mut *self.schedule.lock());
            pace::start(schedule, first, self.settings.duration, rate);
        }
        // A sender without a schedule sees a closed channel.
        self.schedule.lock().clear();
        let timeout = last.saturating_duration_since(Instant::now());
        if self.senders() == 0 {
            self.wait(timeout, &mut live, || false).await;
        } else {
            let sent = || self.counts.senders_done.get() >= self.senders() as u64;
            if !self.wait(timeout + ACKNOWLEDGE_TIMEOUT, &mut live, sent).await {
                self.fail("some senders did not finish".to_owned());
            }
        }
        measured.resident_after = self.resident();

        self.phase.send_replace(Phase::Draining(self.heads().await));
        let drained = || self.counts.users_drained.get() >= self.reader_users as u64;
        loop {
            let delivered = self.counts.delivered.get();
            if self.wait(DRAIN_SILENCE, &mut live, drained).await {
                break;
            }
            if self.counts.delivered.get() == delivered {
                self.fail(format!(
                    "not every reader got every message, and nothing came for {DRAIN_SILENCE:?}"
                ));
                break;
            }
        }
        measured.server_cpu = difference(self.server_cpu(), cpu.0);
        measured.own_cpu = difference(process::cpu_time(std::process::id()), cpu.1);
        measured.interrupted = goose::is_killswitch_triggered();
        live.end();
        self.phase.send_replace(Phase::Over { whole: !measured.interrupted });
        goose::trigger_killswitch("the run is over");
        measured
    }

    /// Waits until `done`, at most for `timeout`; says whether it was done. Ends at once on Ctrl-C, which
    /// goose catches.
    async fn wait(&self, timeout: Duration, live: &mut Live, done: impl Fn() -> bool) -> bool {
        let until = Instant::now() + timeout;
        loop {
            live.show(&self.counts, self.settings.readers);
            if done() || goose::is_killswitch_triggered() {
                return true;
            }
            let now = Instant::now();
            if now >= until {
                return false;
            }
            tokio::time::sleep(TICK.min(until - now)).await;
        }
    }

    /// The newest position of each room, as the server states it now and as senders were told.
    async fn heads(&self) -> Arc<[Position]> {
        let client = reqwest::Client::new();
        let mut heads = Vec::with_capacity(self.rooms.len());
        for (room, acknowledged) in self.rooms.iter().zip(&self.acknowledged) {
            if goose::is_killswitch_triggered() {
                heads.push(0);
                continue;
            }
            let stated = match overview(&client, &self.target, room).await {
                Ok(overview) => overview.head,
                Err(error) => {
                    self.fail(format!("room {room} could not be looked at: {error}"));
                    0
                }
            };
            heads.push(stated.max(acknowledged.load(Ordering::Relaxed)));
        }
        heads.into()
    }

    fn resident(&self) -> Option<u64> {
        self.pid.and_then(process::resident_bytes)
    }

    fn server_cpu(&self) -> Option<Duration> {
        self.pid.and_then(process::cpu_time)
    }
}

fn difference(after: Option<Duration>, before: Option<Duration>) -> Option<Duration> {
    after?.checked_sub(before?)
}

/// A room at a glance.
#[derive(Debug, Deserialize)]
pub struct Overview {
    /// Its newest position.
    pub head: Position,
    /// The log's floor.
    pub floor: Position,
}

/// Looks at a room.
pub async fn overview(
    client: &reqwest::Client,
    target: &Target,
    room: &RoomName,
) -> reqwest::Result<Overview> {
    let url = format!("{}{}", target.base, Target::room_path(room.as_str()));
    client.get(url).send().await?.error_for_status()?.json().await
}
