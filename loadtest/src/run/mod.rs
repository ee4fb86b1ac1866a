//! One run: what all its users share.
//!
//! The users belong to goose and look at the [`Phase`] between and within their turns;
//! [`crate::load::phases`] moves it on.

pub mod counters;
pub mod measured;
pub mod series;
pub mod stats;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use millchat::oracle::Oracle;
use millchat::{Epoch, Position, RoomName};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::check::sent_log::Ledger;
use crate::check::stamp::Clock;
use crate::check::stamp_checker::Faults;
use crate::load::rate::Rate;
use crate::load::role::Role;
use crate::load::room_choice::Spreading;
use crate::load::schedule::{DUE_MAX, Ticket};
use crate::run::counters::{Counts, Window};
use crate::run::stats::Tally;
use crate::server_api::target::Target;
use crate::settings::Settings;

/// How many failures are kept; the first ones tell why.
const FAILURES_MAX: usize = 100;
/// Pages of history that are kept to be checked at the end.
const PAGES_MAX: u64 = 10_000;

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

/// Readers that goose users of one scenario carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// [`Role::Reader`].
    Readers,
    /// [`Role::Visitor`].
    Visitors,
    /// [`Role::Slow`] and [`Role::Stopped`].
    Laggards,
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
    /// Which of them is whose.
    pub spreading: Spreading,
    /// Per room, the newest position that a sender was acknowledged.
    pub acknowledged: Vec<AtomicU64>,
    /// The clock that messages are stamped by.
    pub clock: Clock,
    /// The life of the server's log, as the first stream named it.
    pub epoch: OnceLock<Epoch>,
    /// Holds what was observed against what was promised.
    pub oracle: Oracle,
    /// What was sent, for readers that have no positions to go by.
    pub ledger: Ledger,
    /// What happens while it happens.
    pub counts: Counts,
    /// The latest delivery latencies.
    pub window: Window,
    next_reader_user: AtomicUsize,
    next_sequence: AtomicU64,
    pages: AtomicU64,
    phase: watch::Sender<Phase>,
    storms: watch::Sender<u64>,
    /// Where each sender's messages come due, until it takes them.
    tickets: Mutex<Vec<mpsc::Receiver<Ticket>>>,
    /// The other ends, until the pacer takes them.
    schedule: Mutex<Vec<mpsc::Sender<Ticket>>>,
    tally: Mutex<Tally>,
    faults: Mutex<Faults>,
    failures: Mutex<Vec<String>>,
}

impl Run {
    /// A run that has not begun.
    pub fn new(settings: Settings, target: Target, pid: Option<u32>) -> Self {
        let id: u32 = rand::random();
        let name =
            |number| RoomName::new(&format!("load-{id:08x}-{number}")).expect("such a name obeys the rule");
        let rooms: Vec<RoomName> = (0..settings.load.rooms).map(name).collect();
        let senders = if settings.load.rate == Rate::Idle { 0 } else { settings.load.senders };
        let (schedule, tickets) = (0..senders).map(|_| mpsc::channel(DUE_MAX)).unzip();
        Self {
            id,
            target,
            pid,
            acknowledged: rooms.iter().map(|_| AtomicU64::new(0)).collect(),
            spreading: Spreading::new(settings.load.spread, rooms.len()),
            ledger: Ledger::new(rooms.len()),
            rooms,
            settings,
            clock: Clock { origin: Instant::now() },
            epoch: OnceLock::new(),
            oracle: Oracle::new(),
            counts: Counts::default(),
            window: Window::default(),
            next_reader_user: AtomicUsize::new(0),
            next_sequence: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            phase: watch::Sender::new(Phase::Joining),
            storms: watch::Sender::new(0),
            tickets: Mutex::new(tickets),
            schedule: Mutex::new(schedule),
            tally: Mutex::default(),
            faults: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// The number of senders that take part.
    pub fn senders(&self) -> usize {
        if self.settings.load.rate == Rate::Idle { 0 } else { self.settings.load.senders }
    }

    /// How many goose users carry the readers of this group.
    pub fn users(&self, group: Group) -> usize {
        let load = &self.settings.load;
        match group {
            Group::Readers => load.readers.min(std::thread::available_parallelism().map_or(1, usize::from)),
            Group::Visitors => load.visitors.min(1),
            Group::Laggards => load.laggards.min(1),
        }
    }

    /// How many goose users carry readers of any kind.
    pub fn stream_users(&self) -> usize {
        [Group::Readers, Group::Visitors, Group::Laggards].iter().map(|&group| self.users(group)).sum()
    }

    /// The readers that the next goose user of this group carries: number, room and role of each.
    pub fn next_readers(&self, group: Group) -> Vec<(usize, usize, Role)> {
        let load = &self.settings.load;
        let with_room =
            |number: usize, first: usize, role| (number, self.spreading.room((number - first) as u64), role);
        match group {
            Group::Readers => {
                let user = self.next_reader_user.fetch_add(1, Ordering::Relaxed);
                let mine = (user..load.readers).step_by(self.users(group));
                mine.map(|number| with_room(number, 0, Role::Reader)).collect()
            }
            Group::Visitors => {
                let first = load.readers;
                (first..first + load.visitors).map(|number| with_room(number, first, Role::Visitor)).collect()
            }
            Group::Laggards => {
                let first = load.readers + load.visitors;
                let role = |number: usize| if number.is_multiple_of(2) { Role::Slow } else { Role::Stopped };
                (first..first + load.laggards).map(|number| with_room(number, first, role(number))).collect()
            }
        }
    }

    /// The phase, to look at and to wait for.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The run goes into another phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// How many storms there were, to wait for the next.
    pub fn storms(&self) -> watch::Receiver<u64> {
        self.storms.subscribe()
    }

    /// All readers lose their connection now.
    pub fn storm(&self) {
        self.counts.storms.add(1);
        self.storms.send_modify(|storms| *storms += 1);
    }

    /// Where the next sender's messages come due; its number with it.
    pub fn next_tickets(&self) -> Option<(usize, mpsc::Receiver<Ticket>)> {
        let mut tickets = self.tickets.lock();
        let receiver = tickets.pop()?;
        Some((tickets.len(), receiver))
    }

    /// The ends into which the schedule goes; from then on a sender without one sees a closed channel.
    pub fn take_schedule(&self) -> Vec<mpsc::Sender<Ticket>> {
        std::mem::take(&mut self.schedule.lock())
    }

    /// A message that is due now: for a sender that keeps no schedule.
    pub fn ticket_now(&self) -> Ticket {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        Ticket { sequence, due: Instant::now() }
    }

    /// Whether one more page of history may be kept for the check at the end.
    pub fn takes_page(&self) -> bool {
        self.pages.fetch_add(1, Ordering::Relaxed) < PAGES_MAX
    }

    /// A user is finished: adds its numbers to the run's.
    pub fn hand_in(&self, tally: &mut Tally) {
        self.window.take_in(tally, &self.counts);
        self.tally.lock().add(tally);
    }

    /// Takes the sum of all numbers.
    pub fn take_tally(&self) -> Tally {
        std::mem::take(&mut self.tally.lock())
    }

    /// A reader was found to have lost, doubled or disordered so many.
    pub fn blame(&self, faults: Faults) {
        let mut all = self.faults.lock();
        all.lost += faults.lost;
        all.doubled += faults.doubled;
        all.disordered += faults.disordered;
    }

    /// What was found of all readers that go by stamps.
    pub fn faults(&self) -> Faults {
        *self.faults.lock()
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
}
