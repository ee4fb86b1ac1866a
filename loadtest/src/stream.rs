//! One reader: a socket on which a room's events arrive, and how far it has come.
//!
//! A reader costs a socket and some hundred bytes. It is driven by [`crate::streams::Streams`], which knows
//! when the socket is ready and lends the buffer to read into. When the server ends the stream, the reader
//! comes back with the id of the last event, as an EventSource does.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use millchat::{Opening, Place, Position, oracle};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::event::{Block, Frames};
use crate::http::{Body, HEAD_BYTES_MAX, Head, Malformed, Piece};
use crate::run::Run;
use crate::sse::Blocks;
use crate::tally::Tally;

/// How much is read at once, in bytes.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// What a stream needs of its surroundings for one step.
pub struct Step<'a> {
    /// The run it belongs to.
    pub run: &'a Run,
    /// The newest events of its room.
    pub frames: &'a mut Frames,
    /// Where it counts.
    pub tally: &'a mut Tally,
}

/// Why a connection ended.
#[derive(Debug)]
pub enum End {
    /// The server closed it.
    Closed,
    /// The socket failed.
    Failed(io::ErrorKind),
    /// The server answered something other than a stream.
    Status(u16),
    /// What it sent could not be read.
    Malformed(&'static str),
}

impl End {
    /// The kind of error that it counts as.
    pub fn kind(&self) -> String {
        match self {
            Self::Closed => "stream closed by the server".to_owned(),
            Self::Failed(kind) => format!("stream: {kind}"),
            Self::Status(status) => format!("join answered {status}"),
            Self::Malformed(what) => format!("stream: {what}"),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.kind())
    }
}

impl From<Malformed> for End {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0)
    }
}

/// How far a connection has come.
#[derive(Debug)]
enum State {
    /// Waiting to be connected.
    Connecting,
    /// The request is written; the response's head so far.
    Head(Vec<u8>),
    /// Events are coming.
    Body(Body),
}

/// A reader.
pub struct Stream {
    /// Its number in the run.
    pub number: usize,
    /// Its room's number.
    pub room: usize,
    /// How many connections in a row have been begun and did not open.
    pub attempts: u32,
    socket: Option<Socket>,
    state: State,
    blocks: Blocks,
    follower: Follower,
}

/// The part of a reader that outlives its connections.
struct Follower {
    oracle: oracle::Reader,
    /// The place of the last event, or of the first opening.
    place: Option<Place>,
    /// The present connection has opened.
    open: bool,
    /// When the present connection was begun.
    began: Instant,
    /// The number of the event that should come next, in the room's [`Frames`].
    next: u64,
}

impl Stream {
    /// A reader that has not connected yet.
    pub fn new(run: &Run, number: usize) -> Self {
        let room = number % run.rooms.len();
        let oracle = run.oracle.reader(&run.rooms[room], number.to_string());
        let follower = Follower { oracle, place: None, open: false, began: Instant::now(), next: 0 };
        Self {
            number,
            room,
            attempts: 0,
            socket: None,
            state: State::Connecting,
            blocks: Blocks::default(),
            follower,
        }
    }

    /// Whether it ever got a `start`.
    pub fn joined(&self) -> bool {
        self.follower.place.is_some()
    }

    /// Whether the present connection has opened.
    pub fn open(&self) -> bool {
        self.follower.open
    }

    /// The position of the last event it has.
    pub fn position(&self) -> Position {
        self.follower.place.map_or(0, |place| place.position)
    }

    /// Tells the oracle that this reader stayed to the end, so that nothing may be missing.
    pub fn complete(&self) {
        self.follower.oracle.complete();
    }

    /// Begins to connect; the socket is to be watched for readiness.
    pub fn connect(&mut self, run: &Run) -> io::Result<&Socket> {
        let address = run.target.address;
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if let Some(source) = run.target.source(self.number) {
            socket.bind(&source.into())?;
        }
        self.attempts += 1;
        self.follower.began = Instant::now();
        self.follower.open = false;
        self.state = State::Connecting;
        self.blocks.reset();
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
            _ => Ok(self.socket.insert(socket)),
        }
    }

    /// Lets go of the connection.
    pub fn disconnect(&mut self) {
        self.socket = None;
        self.follower.open = false;
    }

    /// The socket is ready: does all that can be done now. `hung_up`: to the end, which the server has sent.
    /// `buffer` is shared by all readers.
    pub fn ready(&mut self, hung_up: bool, buffer: &mut [u8], step: &mut Step<'_>) -> Result<(), End> {
        let Some(socket) = &self.socket else { return Ok(()) };
        if let State::Connecting = self.state {
            if let Some(error) = socket.take_error()? {
                return Err(error.into());
            }
            let last_id = self.follower.place.map(|place| place.to_string());
            let room = step.run.rooms[self.room].as_str();
            let request = step.run.target.join_request(room, last_id.as_deref());
            let mut writer = socket;
            match writer.write(request.as_bytes()) {
                Ok(len) if len == request.len() => self.state = State::Head(Vec::new()),
                // The send buffer of a fresh socket holds any request of ours.
                Ok(_) => return Err(End::Failed(io::ErrorKind::WriteZero)),
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotConnected | io::ErrorKind::WouldBlock) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let mut reader = self.socket.as_ref().expect("a stream that is ready has a socket");
            match reader.read(buffer) {
                Ok(0) => return Err(End::Closed),
                Ok(len) => {
                    step.tally.bytes += len as u64;
                    self.received(&buffer[..len], step)?;
                    // Less than fits: the socket is empty, and its next byte will make it ready again.
                    if len < buffer.len() && !hung_up {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn received(&mut self, bytes: &[u8], step: &mut Step<'_>) -> Result<(), End> {
        let State::Head(so_far) = &mut self.state else { return self.body(bytes, step) };
        if so_far.len() + bytes.len() > HEAD_BYTES_MAX + READ_BYTES_MAX {
            return Err(End::Malformed("head too large"));
        }
        so_far.extend_from_slice(bytes);
        let Some(head) = Head::parse(so_far)? else { return Ok(()) };
        if head.status != 200 {
            return Err(End::Status(head.status));
        }
        let all = std::mem::take(so_far);
        self.state = State::Body(head.body);
        self.body(&all[head.len..], step)
    }

    fn body(&mut self, mut bytes: &[u8], step: &mut Step<'_>) -> Result<(), End> {
        let State::Body(body) = &mut self.state else { return Ok(()) };
        let now = Instant::now();
        let (blocks, follower) = (&mut self.blocks, &mut self.follower);
        loop {
            match body.next(&mut bytes)? {
                Piece::Data(data) => blocks.feed(data, |block| follower.block(block, now, step))?,
                Piece::More => return Ok(()),
                Piece::End => return Err(End::Closed),
            }
        }
    }
}

impl Follower {
    fn block(&mut self, block: &[u8], now: Instant, step: &mut Step<'_>) {
        if let Some(frame) = step.frames.matching(self.next, block) {
            self.next += 1;
            self.place = Some(frame.place);
            self.oracle.event(frame.seen);
            measure(frame.due, now, step.run, step.tally);
            return;
        }
        match Block::parse(block, step.run.id) {
            Ok(Block::Event(frame)) => {
                self.place = Some(frame.place);
                self.oracle.event(frame.seen);
                measure(frame.due, now, step.run, step.tally);
                let position = frame.seen.position;
                step.frames.keep(frame);
                self.next = step.frames.number_after(position);
            }
            Ok(Block::Opening { opening, id }) => self.opening(opening, id, now, step),
            Ok(Block::Signal) => step.tally.signals += 1,
            Ok(Block::Nothing) => {}
            Err(what) => step.tally.error(what),
        }
    }

    fn opening(&mut self, opening: Opening, id: Place, now: Instant, step: &mut Step<'_>) {
        match opening {
            Opening::Gap { from, to } if self.open => self.oracle.gap(from, to),
            _ => self.oracle.opened(self.place.map(|place| place.position), opening, id.position),
        }
        if !self.open {
            let latency = now.saturating_duration_since(self.began);
            if self.place.is_none() {
                step.tally.join.record(latency);
                step.tally.joins.push(latency);
            } else {
                step.tally.resume.record(latency);
            }
        }
        self.open = true;
        step.run.epoch.get_or_init(|| id.epoch);
        self.place = Some(id);
        self.next = step.frames.number_after(id.position);
    }
}

fn measure(due: Option<Duration>, now: Instant, run: &Run, tally: &mut Tally) {
    tally.deliveries += 1;
    tally.last = Some(now);
    if let Some(due) = due {
        tally.delivery.record(now.saturating_duration_since(run.clock.at(due)));
    }
}
