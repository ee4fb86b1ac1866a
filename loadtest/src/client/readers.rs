//! Many readers in one goose user: their sockets under one epoll, read in turns.
//!
//! There is no task for each reader. Here a delivery costs one read(2) and a comparison of its bytes, with
//! one buffer for all. The tester shares the machine with the server: CPU time that it spends is missing
//! there.
//!
//! Readiness is edge-triggered. The runtime watches the epoll itself, so a turn waits without holding a
//! thread. Actions that a reader takes at its own time (connect, leave, read a little) are kept in a queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat::Position;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::check::block_cache::BlockCache;
use crate::check::context::{BlockContext, Context};
use crate::client::end_reason::EndReason;
use crate::client::epoll::{self, READY_MAX, Ready};
use crate::client::reader::{Amount, READ_BYTES_MAX, Reader};
use crate::load::role::Role;
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::stats::Stats;

/// Connections that one user has in flight at once while all join. Without the limit, the tester's own storm
/// would be measured.
const JOINS_IN_FLIGHT_MAX: usize = 64;
/// The same after all have joined: readers that resume after a storm do not queue.
const RETURNS_IN_FLIGHT_MAX: usize = 1024;
/// Failed attempts in a row after which a reader is given up.
const ATTEMPTS_MAX: u32 = 5;
/// Time from a lost connection until the next is begun; after failed attempts a multiple of it.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// Interval at which the statistics are merged for the live view.
const MERGE_EVERY: Duration = Duration::from_millis(200);

/// An action that a reader takes at its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PlannedAction {
    /// Connect.
    Connect,
    /// Leave, if the connection still has this number.
    Leave(u32),
    /// Read a little, if the connection still has this number.
    ReadLittle(u32),
}

/// The readers of one user.
pub struct Readers {
    run: Arc<Run>,
    phase: watch::Receiver<Phase>,
    storms: watch::Receiver<u64>,
    epoll: AsyncFd<OwnedFd>,
    all: Vec<Reader>,
    /// The planned actions, soonest first.
    plans: BinaryHeap<Reverse<(Instant, usize, PlannedAction)>>,
    /// Readers to connect, waiting for other connections to open.
    queue: VecDeque<usize>,
    /// Readers that are connecting and have not opened yet.
    joining: usize,
    /// Set when slow readers read like the others: no more messages are sent.
    hurried: bool,
    /// Per room of the run, its newest events.
    caches: Vec<BlockCache>,
    buffer: Vec<u8>,
    /// Readers whose sockets are ready.
    ready: Vec<Ready>,
    merged_at: Instant,
    /// The statistics of these readers.
    pub stats: Stats,
}

impl Readers {
    /// Creates these readers, none of them connected.
    pub fn new(run: &Arc<Run>, readers: impl Iterator<Item = (usize, usize, Role)>) -> io::Result<Self> {
        let new = |(number, room, role)| Reader::new(run, number, room, role);
        let all: Vec<Reader> = readers.map(new).collect();
        Ok(Self {
            run: Arc::clone(run),
            phase: run.progress.phase(),
            storms: run.progress.storms(),
            epoll: epoll::create()?,
            plans: BinaryHeap::new(),
            queue: (0..all.len()).collect(),
            joining: 0,
            hurried: false,
            caches: run.plan.rooms.iter().map(|_| BlockCache::default()).collect(),
            buffer: vec![0; READ_BYTES_MAX],
            ready: Vec::with_capacity(READY_MAX),
            merged_at: Instant::now(),
            stats: Stats::default(),
            all,
        })
    }

    /// The run's phase.
    pub fn phase(&mut self) -> Phase {
        self.phase.borrow_and_update().clone()
    }

    /// Returns true if every reader has everything in its room; `heads` are by room. Readers that were given
    /// up are not waited for.
    pub fn all_reached(&self, heads: &[Position]) -> bool {
        let reached = |reader: &Reader| {
            reader.attempts >= ATTEMPTS_MAX && !reader.is_connected()
                || reader.follower.has_reached(&self.run, reader.room, heads[reader.room])
        };
        self.all.iter().all(reached)
    }

    /// Evaluates the readers, which all stayed to the end: nothing may be missing.
    pub fn finish(&self) {
        for reader in &self.all {
            reader.follower.finish(&self.run, reader.room, reader.number);
        }
    }

    /// Makes slow readers read everything: no more messages are sent.
    pub fn hurry(&mut self) {
        if std::mem::replace(&mut self.hurried, true) {
            return;
        }
        for index in 0..self.all.len() {
            if self.all[index].role.reads_late() {
                self.advance(index, Amount::All);
            }
        }
        self.merge_stats();
    }

    /// Reads until `until`, or until `done` says so, or the run goes into another phase.
    pub async fn read(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        while !done(self) && Instant::now() < until {
            let wake = self.perform_due_actions().unwrap_or(until).min(until);
            tokio::select! {
                ready = epoll::next(&self.epoll, &mut self.ready) => ready?,
                () = tokio::time::sleep_until(wake.into()) => continue,
                // An error would mean that the run is gone: nothing is left to read.
                _ = self.phase.changed() => break,
                _ = self.storms.changed() => {
                    self.lose_all_connections();
                    continue;
                }
            }
            self.serve();
            tokio::task::yield_now().await;
        }
        self.merge_stats();
        Ok(())
    }

    /// Performs the actions that are due, and returns the time of the next one.
    fn perform_due_actions(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut next = None;
        while let Some(&Reverse((due, index, plan))) = self.plans.peek() {
            if due > now {
                next = Some(due);
                break;
            }
            self.plans.pop();
            self.perform(index, plan, now);
        }
        let sending = !matches!(*self.phase.borrow(), Phase::Joining);
        let most = if sending { RETURNS_IN_FLIGHT_MAX } else { JOINS_IN_FLIGHT_MAX };
        while self.joining < most {
            let Some(index) = self.queue.pop_front() else { break };
            self.connect(index);
        }
        next
    }

    fn perform(&mut self, index: usize, plan: PlannedAction, now: Instant) {
        let connection = self.all[index].connection;
        match plan {
            PlannedAction::Connect => self.queue.push_back(index),
            PlannedAction::Leave(of) if of == connection && self.all[index].is_open() => {
                let phase = self.phase.borrow().clone();
                match phase {
                    Phase::Sending(_) => {
                        self.all[index].disconnect();
                        self.run.progress.counters.connected.sub(1);
                        self.plans.push(Reverse((
                            now + Role::away_duration(),
                            index,
                            PlannedAction::Connect,
                        )));
                    }
                    Phase::Joining => self.plan_departure(index, now),
                    Phase::Draining(_) | Phase::Over { .. } => {}
                }
            }
            PlannedAction::ReadLittle(of)
                if of == connection && !self.hurried && self.all[index].is_open() =>
            {
                self.advance(index, Amount::Little);
                self.plan_slow_read(index, now);
            }
            PlannedAction::Leave(_) | PlannedAction::ReadLittle(_) => {}
        }
    }

    fn plan_departure(&mut self, index: usize, now: Instant) {
        let reader = &self.all[index];
        if let Some(stay) = reader.role.stay_duration() {
            self.plans.push(Reverse((now + stay, index, PlannedAction::Leave(reader.connection))));
        }
    }

    fn plan_slow_read(&mut self, index: usize, now: Instant) {
        let reader = &self.all[index];
        if let Some(after) =
            reader.role.slow_read_interval().filter(|_| !self.hurried && reader.is_connected())
        {
            self.plans.push(Reverse((now + after, index, PlannedAction::ReadLittle(reader.connection))));
        }
    }

    fn connect(&mut self, index: usize) {
        self.joining += 1;
        let connected = self.all[index].connect(&self.run);
        let watched = connected.and_then(|socket| epoll::add(&self.epoll, socket, index));
        if let Err(error) = watched {
            self.ended(index, true, &error.into());
        }
    }

    /// Closes every connection; every reader resumes.
    fn lose_all_connections(&mut self) {
        self.storms.borrow_and_update();
        let due = Instant::now() + RETRY_AFTER;
        for index in 0..self.all.len() {
            let reader = &mut self.all[index];
            // A reader that is not connected will resume, or was given up. A slow reader without an id
            // could not resume, and would miss events: it keeps its connection.
            if !reader.is_connected() || reader.role.reads_late() && reader.follower.last_id().is_none() {
                continue;
            }
            if reader.is_open() {
                self.run.progress.counters.connected.sub(1);
            } else {
                self.joining -= 1;
            }
            reader.disconnect();
            reader.attempts = 0;
            self.plans.push(Reverse((due, index, PlannedAction::Connect)));
        }
    }

    /// Serves every socket that is ready.
    fn serve(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        for &Ready { index, hung_up } in &ready {
            let reader = &self.all[index];
            // A slow reader that has joined reads by its own schedule.
            if reader.role.reads_late() && reader.is_open() && !self.hurried {
                continue;
            }
            self.advance(index, if hung_up { Amount::All } else { Amount::Arrived });
        }
        self.ready = ready;
        self.ready.clear();
        if self.merged_at.elapsed() >= MERGE_EVERY {
            self.merge_stats();
        }
    }

    /// Lets one reader read.
    fn advance(&mut self, index: usize, amount: Amount) {
        let reader = &mut self.all[index];
        let (was_open, had_joined) = (reader.is_open(), reader.follower.joined);
        let was_joining = reader.is_connected() && !was_open;
        let cache = &mut self.caches[reader.room];
        let mut context = BlockContext { cache, context: Context { run: &self.run, stats: &mut self.stats } };
        let result = reader.on_ready(amount, &mut self.buffer, &mut context);
        let opened = was_joining && reader.is_open();
        if opened {
            reader.attempts = 0;
            self.joining -= 1;
            self.run.progress.counters.joined.add(u64::from(!had_joined));
            self.run.progress.counters.connected.add(1);
            self.run.progress.counters.connections.add(1);
            let now = Instant::now();
            self.plan_departure(index, now);
            self.plan_slow_read(index, now);
        }
        if let Err(end) = result {
            self.ended(index, was_joining && !opened, &end);
        }
    }

    /// Handles the end of a connection: the reader resumes a little later, or is given up.
    fn ended(&mut self, index: usize, was_joining: bool, end: &EndReason) {
        let reader = &mut self.all[index];
        self.stats.error(&end.kind());
        if was_joining {
            self.joining -= 1;
        } else {
            self.run.progress.counters.connected.sub(u64::from(reader.is_open()));
        }
        reader.disconnect();
        if reader.attempts < ATTEMPTS_MAX {
            let due = Instant::now() + RETRY_AFTER * (reader.attempts + 1);
            self.plans.push(Reverse((due, index, PlannedAction::Connect)));
            return;
        }
        self.run.progress.counters.lost.add(1);
        let (number, room) = (reader.number, &self.run.plan.rooms[reader.room]);
        self.run.findings.fail(format!("reader {number} of room {room} was given up: {}", end.kind()));
    }

    /// Merges the statistics for the live view.
    fn merge_stats(&mut self) {
        self.merged_at = Instant::now();
        self.run.progress.recent.merge(&mut self.stats, &self.run.progress.counters);
    }
}
