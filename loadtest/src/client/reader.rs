//! One reader: a socket on which a room's events arrive, and how far it has come.
//!
//! A reader costs a socket and some hundred bytes. It is driven by [`crate::client::readers::Streams`], which knows
//! when the socket is ready and lends the buffer to read into. When the stream ends, the reader comes back
//! with the id of the last event, as an EventSource does.

use std::io::{self, Read, Write};
use std::time::Instant;

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::check::context::Step;
use crate::check::follower::Follower;
use crate::client::end::End;
use crate::client::http::{Body, HEAD_BYTES_MAX, Head, Piece};
use crate::client::socketio::{Packets, Said};
use crate::client::sse::Blocks;
use crate::load::role::{LAGGARD_BUFFER_BYTES, Role, SIP_BYTES};
use crate::run::Run;
use crate::server_api::template::Wire;

/// How much is read at once, in bytes.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// How much is read of a socket that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// What has arrived.
    Arrived,
    /// Until nothing is left, also of what arrived without being announced, and to the end if there is one.
    All,
    /// A laggard's sip.
    Sip,
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

/// Takes what the stream is made of apart.
#[derive(Debug)]
enum Cut {
    Blocks(Blocks),
    Packets(Packets),
}

impl Cut {
    fn new(wire: Wire) -> Self {
        match wire {
            Wire::Sse => Self::Blocks(Blocks::default()),
            Wire::SocketIo => Self::Packets(Packets::default()),
        }
    }

    /// The status of an answer that is such a stream.
    fn status(&self) -> u16 {
        match self {
            Self::Blocks(_) => 200,
            Self::Packets(_) => 101,
        }
    }
}

/// A reader.
pub struct Stream {
    /// Its number in the run.
    pub number: usize,
    /// Its room's number.
    pub room: usize,
    /// How it behaves.
    pub role: Role,
    /// How many connections in a row have been begun and did not open.
    pub attempts: u32,
    /// Counts its connections, so that what was planned for one is not done to the next.
    pub connection: u32,
    /// Where it is and what it has seen.
    pub follower: Follower,
    socket: Option<Socket>,
    state: State,
    cut: Cut,
}

impl Stream {
    /// A reader that has not connected yet.
    pub fn new(run: &Run, number: usize, room: usize, role: Role) -> Self {
        Self {
            number,
            room,
            role,
            attempts: 0,
            connection: 0,
            follower: Follower::new(run, number, room, role),
            socket: None,
            state: State::Connecting,
            cut: Cut::new(run.plan.target.wire()),
        }
    }

    /// Whether the present connection has opened.
    pub fn open(&self) -> bool {
        self.follower.open
    }

    /// Whether there is a connection, open or not.
    pub fn connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Begins to connect; the socket is to be watched for readiness.
    pub fn connect(&mut self, run: &Run) -> io::Result<&Socket> {
        self.attempts += 1;
        self.connection += 1;
        self.follower.begins();
        self.state = State::Connecting;
        self.cut = Cut::new(run.plan.target.wire());
        let address = run.plan.target.address;
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if self.role.lags() {
            socket.set_recv_buffer_size(LAGGARD_BUFFER_BYTES)?;
        }
        if let Some(source) = run.plan.target.next_source() {
            socket.bind(&source.into())?;
        }
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

    /// The socket is ready: does what can be done now. `buffer` is shared by all readers.
    pub fn ready(&mut self, amount: Amount, buffer: &mut [u8], step: &mut Step<'_>) -> Result<(), End> {
        let Some(socket) = &self.socket else { return Ok(()) };
        if let State::Connecting = self.state {
            if let Some(error) = socket.take_error()? {
                return Err(error.into());
            }
            let last_id = self.follower.last_id();
            let run = step.scene.run;
            let room = run.plan.rooms[self.room].as_str();
            let request = run.plan.target.join_request(room, last_id.as_deref(), self.role.history());
            match write(socket, request.as_bytes()) {
                Ok(()) => self.state = State::Head(Vec::new()),
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotConnected | io::ErrorKind::WouldBlock) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        let most = if amount == Amount::Sip { SIP_BYTES } else { buffer.len() };
        let buffer = &mut buffer[..most];
        loop {
            let mut reader = self.socket.as_ref().expect("a stream that is ready has a socket");
            match reader.read(buffer) {
                Ok(0) => return Err(End::Closed),
                Ok(len) => {
                    step.scene.tally.bytes += len as u64;
                    self.received(&buffer[..len], step)?;
                    // Less than fits: the socket is empty, and its next byte will make it ready again.
                    let enough = match amount {
                        Amount::Arrived => len < buffer.len(),
                        Amount::All => false,
                        Amount::Sip => true,
                    };
                    if enough {
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
        if head.status != self.cut.status() {
            return Err(End::Status(head.status));
        }
        let all = std::mem::take(so_far);
        self.state = State::Body(head.body);
        if let Cut::Blocks(_) = self.cut {
            self.follower.answered(Instant::now(), step);
        }
        self.body(&all[head.len..], step)
    }

    fn body(&mut self, mut bytes: &[u8], step: &mut Step<'_>) -> Result<(), End> {
        let State::Body(body) = &mut self.state else { return Ok(()) };
        let now = Instant::now();
        let follower = &mut self.follower;
        loop {
            match (body.next(&mut bytes)?, &mut self.cut) {
                (Piece::Data(data), Cut::Blocks(blocks)) => {
                    blocks.feed(data, |block| follower.block(block, now, step))?;
                }
                (Piece::Data(data), Cut::Packets(packets)) => {
                    let answer = packets.feed(data, |said| match said {
                        Said::Joined => follower.answered(now, step),
                        Said::Event(event) => follower.block(event, now, step),
                    })?;
                    if let Some(socket) = self.socket.as_ref().filter(|_| !answer.is_empty()) {
                        write(socket, &answer)?;
                    }
                }
                (Piece::More, _) => return Ok(()),
                (Piece::End, _) => return Err(End::Closed),
            }
        }
    }
}

/// Writes all of it at once. The send buffer of a socket on which little is said holds anything of ours.
fn write(mut socket: &Socket, bytes: &[u8]) -> io::Result<()> {
    let len = socket.write(bytes)?;
    if len == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
