//! Many readers in one goose user: their sockets under one epoll, read in turns.
//!
//! Why not a task per reader: here a delivery costs one read(2) and a comparison of its bytes, with one
//! buffer for all. The tester shares the machine with the server, so what it spends, the server lacks.
//!
//! Readiness is edge-triggered. The epoll itself is watched by the runtime, so that a turn waits without
//! holding a thread. What a reader does at its own time (come back, leave, read a little) stands in a queue
//! of plans.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat::Position;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::check::block_cache::Frames;
use crate::check::context::{Scene, Step};
use crate::client::end::End;
use crate::client::epoll::{self, READY_MAX, Ready};
use crate::client::reader::{Amount, READ_BYTES_MAX, Stream};
use crate::load::role::Role;
use crate::run::Run;
use crate::run::progress::Phase;
use crate::run::stats::Tally;

/// Connections that one user has under way at once while all join: a storm of its own making is not what is
/// measured then.
const JOINS_IN_FLIGHT_MAX: usize = 64;
/// The same once all have joined: who comes back after a storm does not queue.
const RETURNS_IN_FLIGHT_MAX: usize = 1024;
/// How often in a row a reader fails to join before it is given up.
const ATTEMPTS_MAX: u32 = 5;
/// After a lost connection, the next one is begun this much later, after failed ones a multiple of it.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// How often what was measured is handed to the live view.
const HAND_IN_EVERY: Duration = Duration::from_millis(200);

/// What a reader plans to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Plan {
    /// Connect.
    Connect,
    /// Leave, if the connection is still this one.
    Leave(u32),
    /// Read a little, if the connection is still this one.
    Sip(u32),
}

/// The readers of one user.
pub struct Streams {
    run: Arc<Run>,
    phase: watch::Receiver<Phase>,
    storms: watch::Receiver<u64>,
    epoll: AsyncFd<OwnedFd>,
    all: Vec<Stream>,
    /// What is planned, soonest first.
    plans: BinaryHeap<Reverse<(Instant, usize, Plan)>>,
    /// Readers that are to be connected and wait for others to end.
    queue: VecDeque<usize>,
    /// Streams that are connecting and have not opened yet.
    joining: usize,
    /// Laggards read as everyone does: nothing more is sent.
    hurried: bool,
    /// Per room of the run, its newest events.
    frames: Vec<Frames>,
    buffer: Vec<u8>,
    /// Streams whose sockets are ready.
    ready: Vec<Ready>,
    handed_in: Instant,
    /// What they count.
    pub tally: Tally,
}

impl Streams {
    /// These readers, none of them connected.
    pub fn new(run: &Arc<Run>, readers: impl Iterator<Item = (usize, usize, Role)>) -> io::Result<Self> {
        let new = |(number, room, role)| Stream::new(run, number, room, role);
        let all: Vec<Stream> = readers.map(new).collect();
        Ok(Self {
            run: Arc::clone(run),
            phase: run.progress.phase(),
            storms: run.progress.storms(),
            epoll: epoll::create()?,
            plans: BinaryHeap::new(),
            queue: (0..all.len()).collect(),
            joining: 0,
            hurried: false,
            frames: run.plan.rooms.iter().map(|_| Frames::default()).collect(),
            buffer: vec![0; READ_BYTES_MAX],
            ready: Vec::with_capacity(READY_MAX),
            handed_in: Instant::now(),
            tally: Tally::default(),
            all,
        })
    }

    /// The run's phase.
    pub fn phase(&mut self) -> Phase {
        self.phase.borrow_and_update().clone()
    }

    /// Whether every reader has all that its room has; `heads` by room. Readers that were given up are not
    /// waited for.
    pub fn all_reached(&self, heads: &[Position]) -> bool {
        let reached = |stream: &Stream| {
            stream.attempts >= ATTEMPTS_MAX && !stream.connected()
                || stream.follower.reached(&self.run, stream.room, heads[stream.room])
        };
        self.all.iter().all(reached)
    }

    /// All readers stayed to the end, so that nothing may be missing.
    pub fn complete(&self) {
        for stream in &self.all {
            stream.follower.complete(&self.run, stream.room, stream.number);
        }
    }

    /// Nothing more is sent: whoever lags reads all there is.
    pub fn hurry(&mut self) {
        if std::mem::replace(&mut self.hurried, true) {
            return;
        }
        for index in 0..self.all.len() {
            if self.all[index].role.lags() {
                self.advance(index, Amount::All);
            }
        }
        self.hand_in();
    }

    /// Reads until `until`, or until `done` says so, or the run goes into another phase.
    pub async fn read(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        while !done(self) && Instant::now() < until {
            let wake = self.carry_out_plans().unwrap_or(until).min(until);
            tokio::select! {
                ready = epoll::next(&self.epoll, &mut self.ready) => ready?,
                () = tokio::time::sleep_until(wake.into()) => continue,
                // An error would mean that the run is gone, and with it all that is to be read.
                _ = self.phase.changed() => break,
                _ = self.storms.changed() => {
                    self.lose_all_connections();
                    continue;
                }
            }
            self.serve();
            tokio::task::yield_now().await;
        }
        self.hand_in();
        Ok(())
    }

    /// Does what is planned for now, and says when the next thing is due.
    fn carry_out_plans(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut next = None;
        while let Some(&Reverse((due, index, plan))) = self.plans.peek() {
            if due > now {
                next = Some(due);
                break;
            }
            self.plans.pop();
            self.carry_out(index, plan, now);
        }
        let sending = !matches!(*self.phase.borrow(), Phase::Joining);
        let most = if sending { RETURNS_IN_FLIGHT_MAX } else { JOINS_IN_FLIGHT_MAX };
        while self.joining < most {
            let Some(index) = self.queue.pop_front() else { break };
            self.connect(index);
        }
        next
    }

    fn carry_out(&mut self, index: usize, plan: Plan, now: Instant) {
        let connection = self.all[index].connection;
        match plan {
            Plan::Connect => self.queue.push_back(index),
            Plan::Leave(of) if of == connection && self.all[index].open() => {
                let phase = self.phase.borrow().clone();
                match phase {
                    Phase::Sending(_) => {
                        self.all[index].disconnect();
                        self.run.progress.counts.connected.sub(1);
                        self.plans.push(Reverse((now + Role::is_away(), index, Plan::Connect)));
                    }
                    Phase::Joining => self.plan_departure(index, now),
                    Phase::Draining(_) | Phase::Over { .. } => {}
                }
            }
            Plan::Sip(of) if of == connection && !self.hurried && self.all[index].open() => {
                self.advance(index, Amount::Sip);
                self.plan_sip(index, now);
            }
            Plan::Leave(_) | Plan::Sip(_) => {}
        }
    }

    fn plan_departure(&mut self, index: usize, now: Instant) {
        let stream = &self.all[index];
        if let Some(stays) = stream.role.stays() {
            self.plans.push(Reverse((now + stays, index, Plan::Leave(stream.connection))));
        }
    }

    fn plan_sip(&mut self, index: usize, now: Instant) {
        let stream = &self.all[index];
        if let Some(after) = stream.role.sips_after().filter(|_| !self.hurried && stream.connected()) {
            self.plans.push(Reverse((now + after, index, Plan::Sip(stream.connection))));
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

    /// The storm: every connection is gone, and every reader comes back.
    fn lose_all_connections(&mut self) {
        self.storms.borrow_and_update();
        let due = Instant::now() + RETRY_AFTER;
        for index in 0..self.all.len() {
            let stream = &mut self.all[index];
            // A reader that is not connected is on its way back, or was given up. One that stopped to read
            // before it had an id would come back as a stranger, and miss what it never asked for.
            if !stream.connected() || stream.role.lags() && stream.follower.last_id().is_none() {
                continue;
            }
            if stream.open() {
                self.run.progress.counts.connected.sub(1);
            } else {
                self.joining -= 1;
            }
            stream.disconnect();
            stream.attempts = 0;
            self.plans.push(Reverse((due, index, Plan::Connect)));
        }
    }

    /// Serves every socket that is ready.
    fn serve(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        for &Ready { index, hung_up } in &ready {
            let stream = &self.all[index];
            // A laggard that has joined reads by its own plans, whatever has arrived.
            if stream.role.lags() && stream.open() && !self.hurried {
                continue;
            }
            self.advance(index, if hung_up { Amount::All } else { Amount::Arrived });
        }
        self.ready = ready;
        self.ready.clear();
        if self.handed_in.elapsed() >= HAND_IN_EVERY {
            self.hand_in();
        }
    }

    /// Has one reader read.
    fn advance(&mut self, index: usize, amount: Amount) {
        let stream = &mut self.all[index];
        let (was_open, had_joined) = (stream.open(), stream.follower.joined);
        let was_joining = stream.connected() && !was_open;
        let frames = &mut self.frames[stream.room];
        let mut step = Step { frames, scene: Scene { run: &self.run, tally: &mut self.tally } };
        let result = stream.ready(amount, &mut self.buffer, &mut step);
        let opened = was_joining && stream.open();
        if opened {
            stream.attempts = 0;
            self.joining -= 1;
            self.run.progress.counts.joined.add(u64::from(!had_joined));
            self.run.progress.counts.connected.add(1);
            self.run.progress.counts.connections.add(1);
            let now = Instant::now();
            self.plan_departure(index, now);
            self.plan_sip(index, now);
        }
        if let Err(end) = result {
            self.ended(index, was_joining && !opened, &end);
        }
    }

    /// A connection has ended: the reader comes back a little later, or is given up.
    fn ended(&mut self, index: usize, was_joining: bool, end: &End) {
        let stream = &mut self.all[index];
        self.tally.error(&end.kind());
        if was_joining {
            self.joining -= 1;
        } else {
            self.run.progress.counts.connected.sub(u64::from(stream.open()));
        }
        stream.disconnect();
        if stream.attempts < ATTEMPTS_MAX {
            let due = Instant::now() + RETRY_AFTER * (stream.attempts + 1);
            self.plans.push(Reverse((due, index, Plan::Connect)));
            return;
        }
        self.run.progress.counts.lost.add(1);
        let (number, room) = (stream.number, &self.run.plan.rooms[stream.room]);
        self.run.findings.fail(format!("reader {number} of room {room} was given up: {}", end.kind()));
    }

    /// Gives the live view what it shows.
    fn hand_in(&mut self) {
        self.handed_in = Instant::now();
        self.run.progress.window.take_in(&mut self.tally, &self.run.progress.counts);
    }
}
