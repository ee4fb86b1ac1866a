//! Many readers in one goose user: their sockets under one epoll, read in turns.
//!
//! Why not a task per reader: here a delivery costs one read(2) and a comparison of its bytes, with one
//! buffer for all. The tester shares the machine with the server, so what it spends, the server lacks.
//!
//! Readiness is edge-triggered. The epoll itself is watched by the runtime, so that a turn waits without
//! holding a thread.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat::Position;
use rustix::event::{Timespec, epoll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::event::Frames;
use crate::run::{Phase, Run};
use crate::stream::{End, READ_BYTES_MAX, Step, Stream};
use crate::tally::Tally;

/// Connections that one user has under way at once: a storm of its own making is not what is measured.
const JOINS_IN_FLIGHT_MAX: usize = 64;
/// Sockets that are served before the other tasks of the thread get a turn.
const READY_MAX: usize = 256;
/// How often in a row a reader fails to join before it is given up.
const ATTEMPTS_MAX: u32 = 5;
/// After a lost connection, the next one is begun this much later, after failed ones a multiple of it.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// What has long been due is fetched from the kernel without waiting.
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The other side has closed, or the socket has failed.
const HUNG_UP: epoll::EventFlags =
    epoll::EventFlags::RDHUP.union(epoll::EventFlags::HUP).union(epoll::EventFlags::ERR);

/// A stream whose socket is ready.
#[derive(Clone, Copy)]
struct Ready {
    index: usize,
    /// There is an end to be read behind the bytes; no other event will say so.
    hung_up: bool,
}

impl Ready {
    fn from_event(event: &epoll::Event) -> Option<Self> {
        let (data, flags) = (event.data, event.flags);
        Some(Self { index: usize::try_from(data.u64()).ok()?, hung_up: flags.intersects(HUNG_UP) })
    }
}

/// The readers of one user.
pub struct Streams {
    run: Arc<Run>,
    phase: watch::Receiver<Phase>,
    epoll: AsyncFd<OwnedFd>,
    all: Vec<Stream>,
    /// Indices of streams that are to be connected, and not before when; soonest first, nearly.
    waiting: VecDeque<(Instant, usize)>,
    /// Streams that are connecting and have not opened yet.
    joining: usize,
    /// Per room of the run, its newest events.
    frames: Vec<Frames>,
    buffer: Vec<u8>,
    /// Streams whose sockets are ready.
    ready: Vec<Ready>,
    /// What they count.
    pub tally: Tally,
}

impl Streams {
    /// The readers with these numbers, none of them connected.
    pub fn new(run: &Arc<Run>, numbers: impl Iterator<Item = usize>) -> io::Result<Self> {
        let epoll = watch(epoll::create(epoll::CreateFlags::CLOEXEC)?)?;
        let all: Vec<Stream> = numbers.map(|number| Stream::new(run, number)).collect();
        let now = Instant::now();
        Ok(Self {
            run: Arc::clone(run),
            phase: run.phase(),
            epoll,
            waiting: (0..all.len()).map(|index| (now, index)).collect(),
            joining: 0,
            frames: run.rooms.iter().map(|_| Frames::default()).collect(),
            buffer: vec![0; READ_BYTES_MAX],
            ready: Vec::with_capacity(READY_MAX),
            all,
            tally: Tally::default(),
        })
    }

    /// Whether every reader has joined or was given up.
    pub fn all_joined(&self) -> bool {
        self.joining == 0 && self.waiting.is_empty()
    }

    /// Whether every reader has the events up to its room's head.
    pub fn all_reached(&self, heads: &[Position]) -> bool {
        let reached = |stream: &Stream| !stream.open() || stream.position() >= heads[stream.room];
        self.all_joined() && self.all.iter().all(reached)
    }

    /// Tells the oracle that the readers stayed until the end.
    pub fn complete(&self) {
        self.all.iter().filter(|stream| stream.joined()).for_each(Stream::complete);
    }

    /// The phase of the run; the next [`read`](Self::read) returns as soon as it is another one.
    pub fn phase(&mut self) -> Phase {
        self.phase.borrow_and_update().clone()
    }

    /// Reads until `until`, or until `done` says so, or the run goes into another phase.
    pub async fn read(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        while !done(self) && Instant::now() < until {
            let wake = self.connect_waiting().unwrap_or(until).min(until);
            tokio::select! {
                ready = next_ready(&self.epoll, &mut self.ready) => ready?,
                () = tokio::time::sleep_until(wake.into()) => continue,
                // An error would mean that the run is gone, and with it all that is to be read.
                _ = self.phase.changed() => return Ok(()),
            }
            self.serve();
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Begins the connections that are due, and says when the next one is, unless others must end first.
    fn connect_waiting(&mut self) -> Option<Instant> {
        while self.joining < JOINS_IN_FLIGHT_MAX {
            let (due, index) = *self.waiting.front()?;
            if due > Instant::now() {
                return Some(due);
            }
            self.waiting.pop_front();
            self.joining += 1;
            let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | HUNG_UP | epoll::EventFlags::ET;
            let watched = self.all[index].connect(&self.run).and_then(|socket| {
                Ok(epoll::add(self.epoll.get_ref(), socket, epoll::EventData::new_u64(index as u64), flags)?)
            });
            if let Err(error) = watched {
                self.ended(index, true, &error.into());
            }
        }
        None
    }

    /// Serves every socket that is ready.
    fn serve(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        let deliveries_before = self.tally.deliveries;
        let mut joined = 0;
        for &Ready { index, hung_up } in &ready {
            let stream = &mut self.all[index];
            let (was_joining, had_joined) = (!stream.open(), stream.joined());
            let frames = &mut self.frames[stream.room];
            let mut step = Step { run: &self.run, frames, tally: &mut self.tally };
            let result = stream.ready(hung_up, &mut self.buffer, &mut step);
            joined += u64::from(!had_joined && stream.joined());
            match result {
                Ok(()) if was_joining && stream.open() => self.joining -= 1,
                Ok(()) => {}
                Err(end) => self.ended(index, was_joining, &end),
            }
        }
        self.ready = ready;
        self.ready.clear();
        self.run.counts.delivered.add(self.tally.deliveries - deliveries_before);
        self.run.counts.joined.add(joined);
    }

    /// A connection has ended: the reader comes back a little later, or is given up.
    fn ended(&mut self, index: usize, was_joining: bool, end: &End) {
        let stream = &mut self.all[index];
        self.tally.error(&end.kind());
        stream.disconnect();
        if was_joining {
            self.joining -= 1;
        } else {
            stream.attempts = 0;
        }
        if stream.attempts < ATTEMPTS_MAX {
            let due = Instant::now() + RETRY_AFTER * (stream.attempts + 1);
            self.waiting.push_back((due, index));
            return;
        }
        self.run.counts.lost.add(1);
        let (number, room) = (stream.number, &self.run.rooms[stream.room]);
        self.run.fail(format!("reader {number} of room {room} was given up: {}", end.kind()));
    }
}

/// Has the runtime watch an epoll.
#[expect(deprecated, reason = "its successor is unsafe and asks for what an OwnedFd, never exchanged, is")]
fn watch(epoll: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(epoll, Interest::READABLE)
}

/// Waits until sockets are ready, and says which.
async fn next_ready(epoll: &AsyncFd<OwnedFd>, ready: &mut Vec<Ready>) -> io::Result<()> {
    loop {
        let mut guard = epoll.readable().await?;
        let fetched = guard.try_io(|epoll| {
            let mut events = [const { MaybeUninit::uninit() }; READY_MAX];
            let (events, _) = epoll::wait(epoll, &mut events, Some(&NO_WAIT))?;
            ready.extend(events.iter().filter_map(Ready::from_event));
            if ready.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if let Ok(result) = fetched {
            return result;
        }
    }
}
