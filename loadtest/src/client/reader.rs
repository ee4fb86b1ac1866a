//! One reader: a socket on which a room's events arrive, and the state of its connection.
//!
//! A reader costs a socket and some hundred bytes. It is driven by [`crate::client::readers::Readers`], which
//! knows when the socket is ready and lends the buffer to read into. When the stream ends, the reader resumes
//! with the id of the last event, as an EventSource does.

use std::io::{self, Read, Write};
use std::time::Instant;

use millchat_testkit::http::{Body, HEAD_BYTES_MAX, Head, Piece};
use millchat_testkit::sse::Blocks;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::check::context::BlockContext;
use crate::check::follower::Follower;
use crate::client::end_reason::EndReason;
use crate::client::socketio::{PacketDecoder, ServerPacket};
use crate::load::role::{Role, SLOW_READ_BYTES, SLOW_READER_BUFFER_BYTES};
use crate::run::Run;
use crate::server_api::template::Transport;

/// Bytes that are read at once.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// The amount that is read from a socket that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Everything that has arrived.
    Arrived,
    /// Until nothing is left, also of what arrived without being announced, and to the end if there is one.
    All,
    /// The little that a slow reader reads at once.
    Little,
}

/// The state of a connection.
#[derive(Debug)]
enum State {
    /// Waiting to be connected.
    Connecting,
    /// The request is written; the response's head so far.
    Head(Vec<u8>),
    /// Events are coming.
    Body(Body),
}

/// Splits the stream into events.
#[derive(Debug)]
enum Decoder {
    Blocks(Blocks),
    Packets(PacketDecoder),
}

impl Decoder {
    fn new(transport: Transport) -> Self {
        match transport {
            Transport::Sse => Self::Blocks(Blocks::default()),
            Transport::SocketIo => Self::Packets(PacketDecoder::default()),
        }
    }

    /// Returns the status of a response that is such a stream.
    fn status(&self) -> u16 {
        match self {
            Self::Blocks(_) => 200,
            Self::Packets(_) => 101,
        }
    }
}

/// A reader.
pub struct Reader {
    /// Its number in the run.
    pub number: usize,
    /// Its room's number.
    pub room: usize,
    /// Its behaviour.
    pub role: Role,
    /// The number of connections in a row that were begun and did not open.
    pub attempts: u32,
    /// The number of its connections, so that an action planned for one is not performed on the next.
    pub connection: u32,
    /// Its state over all connections.
    pub follower: Follower,
    socket: Option<Socket>,
    state: State,
    decoder: Decoder,
}

impl Reader {
    /// Creates a reader that has not connected yet.
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
            decoder: Decoder::new(run.plan.target.transport()),
        }
    }

    /// Returns true if the present connection has opened.
    pub fn is_open(&self) -> bool {
        self.follower.open
    }

    /// Returns true if there is a connection, open or not.
    pub fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Begins to connect, and returns the socket to watch for readiness.
    pub fn connect(&mut self, run: &Run) -> io::Result<&Socket> {
        self.attempts += 1;
        self.connection += 1;
        self.follower.begin_connection();
        self.state = State::Connecting;
        self.decoder = Decoder::new(run.plan.target.transport());
        let address = run.plan.target.next_address();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if self.role.reads_late() {
            socket.set_recv_buffer_size(SLOW_READER_BUFFER_BYTES)?;
        }
        if let Some(source) = run.plan.target.next_source() {
            socket.bind(&source.into())?;
        }
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
            _ => Ok(self.socket.insert(socket)),
        }
    }

    /// Closes the connection.
    pub fn disconnect(&mut self) {
        self.socket = None;
        self.follower.open = false;
    }

    /// Handles a socket that is ready. All readers share `buffer`.
    pub fn on_ready(
        &mut self,
        amount: Amount,
        buffer: &mut [u8],
        context: &mut BlockContext<'_>,
    ) -> Result<(), EndReason> {
        let Some(socket) = &self.socket else { return Ok(()) };
        if let State::Connecting = self.state {
            if let Some(error) = socket.take_error()? {
                return Err(error.into());
            }
            let last_id = self.follower.last_id();
            let run = context.context.run;
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
        let most = if amount == Amount::Little { SLOW_READ_BYTES } else { buffer.len() };
        let buffer = &mut buffer[..most];
        loop {
            let mut reader = self.socket.as_ref().expect("a stream that is ready has a socket");
            match reader.read(buffer) {
                Ok(0) => return Err(EndReason::Closed),
                Ok(len) => {
                    context.context.stats.bytes += len as u64;
                    self.on_bytes(&buffer[..len], context)?;
                    // Less than fits: the socket is empty, and its next byte will make it ready again.
                    let enough = match amount {
                        Amount::Arrived => len < buffer.len(),
                        Amount::All => false,
                        Amount::Little => true,
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

    fn on_bytes(&mut self, bytes: &[u8], context: &mut BlockContext<'_>) -> Result<(), EndReason> {
        let State::Head(so_far) = &mut self.state else { return self.on_body(bytes, context) };
        if so_far.len() + bytes.len() > HEAD_BYTES_MAX + READ_BYTES_MAX {
            return Err(EndReason::Malformed("head too large"));
        }
        so_far.extend_from_slice(bytes);
        let Some(head) = Head::parse(so_far)? else { return Ok(()) };
        if head.status != self.decoder.status() {
            return Err(EndReason::Status(head.status));
        }
        let all = std::mem::take(so_far);
        self.state = State::Body(head.body);
        if let Decoder::Blocks(_) = self.decoder {
            self.follower.on_response(Instant::now(), context);
        }
        self.on_body(&all[head.len..], context)
    }

    fn on_body(&mut self, mut bytes: &[u8], context: &mut BlockContext<'_>) -> Result<(), EndReason> {
        let State::Body(body) = &mut self.state else { return Ok(()) };
        let now = Instant::now();
        let follower = &mut self.follower;
        loop {
            match (body.next(&mut bytes)?, &mut self.decoder) {
                (Piece::Data(data), Decoder::Blocks(blocks)) => {
                    blocks.feed(data, |block| follower.on_block(block, now, context))?;
                }
                (Piece::Data(data), Decoder::Packets(packets)) => {
                    let answer = packets.feed(data, |packet| match packet {
                        ServerPacket::Joined => follower.on_response(now, context),
                        ServerPacket::Event(event) => follower.on_block(event, now, context),
                    })?;
                    if let Some(socket) = self.socket.as_ref().filter(|_| !answer.is_empty()) {
                        write(socket, &answer)?;
                    }
                }
                (Piece::More, _) => return Ok(()),
                (Piece::End, _) => return Err(EndReason::Closed),
            }
        }
    }
}

/// Writes all bytes at once. The send buffer of a socket that sends little has room for them.
fn write(mut socket: &Socket, bytes: &[u8]) -> io::Result<()> {
    let len = socket.write(bytes)?;
    if len == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
