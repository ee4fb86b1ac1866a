//! The progress of a run: its phase, the storms, the schedule of the messages, and the live counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use millchat::Position;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::load::schedule::{DUE_MAX, Ticket};
use crate::run::counters::{Counters, RecentLatencies};

/// The phase of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Readers join, senders get their tokens.
    Joining,
    /// Messages are sent until this time.
    Sending(Instant),
    /// Readers continue to the heads of the rooms.
    Draining(Arc<[Position]>),
    /// All users stop.
    Over {
        /// Set when the run was not stopped from outside: readers that stayed must have everything.
        whole: bool,
    },
}

/// The state of a run that changes while it goes on.
pub struct Progress {
    /// The counters of the run.
    pub counters: Counters,
    /// The latest delivery latencies.
    pub recent: RecentLatencies,
    next_reader_user: AtomicUsize,
    next_sequence: AtomicU64,
    phase: watch::Sender<Phase>,
    storms: watch::Sender<u64>,
    /// Each sender takes its receiver once.
    tickets: Mutex<Vec<mpsc::Receiver<Ticket>>>,
    /// The schedule takes the other ends once.
    schedule: Mutex<Vec<mpsc::Sender<Ticket>>>,
}

impl Progress {
    /// Creates the progress of a run that has not begun, with this number of senders.
    pub fn new(senders: usize) -> Self {
        let (schedule, tickets) = (0..senders).map(|_| mpsc::channel(DUE_MAX)).unzip();
        Self {
            counters: Counters::default(),
            recent: RecentLatencies::default(),
            next_reader_user: AtomicUsize::new(0),
            next_sequence: AtomicU64::new(0),
            phase: watch::Sender::new(Phase::Joining),
            storms: watch::Sender::new(0),
            tickets: Mutex::new(tickets),
            schedule: Mutex::new(schedule),
        }
    }

    /// Returns the number of the next goose user that carries readers which follow from the first message on.
    pub fn next_reader_user(&self) -> usize {
        self.next_reader_user.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns a receiver of the phase, to look at and to wait for.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Enters another phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Returns a receiver of the number of storms, to wait for the next one.
    pub fn storms(&self) -> watch::Receiver<u64> {
        self.storms.subscribe()
    }

    /// Makes all readers lose their connection now.
    pub fn storm(&self) {
        self.counters.storms.add(1);
        self.storms.send_modify(|storms| *storms += 1);
    }

    /// Returns the next sender's number, and the channel on which its messages come due.
    pub fn next_tickets(&self) -> Option<(usize, mpsc::Receiver<Ticket>)> {
        let mut tickets = self.tickets.lock();
        let receiver = tickets.pop()?;
        Some((tickets.len(), receiver))
    }

    /// Takes the ends that the schedule feeds; from then on a sender without one sees a closed channel.
    pub fn take_schedule(&self) -> Vec<mpsc::Sender<Ticket>> {
        std::mem::take(&mut self.schedule.lock())
    }

    /// Returns a message that is due now: for a sender that keeps no schedule.
    pub fn ticket_now(&self) -> Ticket {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        Ticket { sequence, due: Instant::now() }
    }
}
