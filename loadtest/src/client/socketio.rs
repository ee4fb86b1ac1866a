//! The client side of Socket.IO 4 on a WebSocket: it joins when the server has opened, answers pings, and
//! decodes events.
//!
//! A packet begins with a digit of Engine.IO; if that means "message", a digit of Socket.IO follows.

use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::end_reason::EndReason;
use crate::client::websocket::{self, Incoming, Messages};

/// Joins the default namespace; the answer begins with the same digits.
const CONNECT: &[u8] = b"40";
/// The server refuses the join.
const CONNECT_ERROR: &[u8] = b"44";
/// The server disconnects the client.
const DISCONNECT: &[u8] = b"41";
/// An event: name and arguments follow as a JSON array.
const EVENT: &[u8] = b"42";
/// Engine.IO packets that open and close the connection.
const OPEN: &[u8] = b"0";
const CLOSE: &[u8] = b"1";
/// The ping of Engine.IO, and its answer.
const PING: &[u8] = b"2";
const PONG: &[u8] = b"3";

/// A packet from the server that matters to a reader.
#[derive(Debug)]
pub enum ServerPacket<'a> {
    /// The join is accepted.
    Joined,
    /// An event, in JSON.
    Event(&'a [u8]),
}

/// Decodes the packets of one connection.
#[derive(Debug, Default)]
pub struct PacketDecoder {
    messages: Messages,
}

impl PacketDecoder {
    /// Decodes the next bytes of the stream, passes each packet to `on`, and returns the bytes to answer.
    pub fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(ServerPacket<'_>)) -> Result<Vec<u8>, EndReason> {
        let (mut answer, mut end) = (Vec::new(), None);
        self.messages.feed(bytes, |incoming| match incoming {
            Incoming::Message(packet) if packet.starts_with(EVENT) => {
                on(ServerPacket::Event(&packet[EVENT.len()..]));
            }
            Incoming::Message(PING) => write_packet(PONG, &mut answer),
            Incoming::Message(packet) if packet.starts_with(OPEN) => write_packet(CONNECT, &mut answer),
            Incoming::Message(packet) if packet.starts_with(CONNECT) => on(ServerPacket::Joined),
            Incoming::Message(packet) if packet.starts_with(CONNECT_ERROR) => {
                end = Some(EndReason::Malformed("Socket.IO does not let it in"));
            }
            Incoming::Message(DISCONNECT | CLOSE) | Incoming::Close => end = Some(EndReason::Closed),
            Incoming::Message(_) => {}
            Incoming::Ping(bytes) => websocket::write(Frame::pong(bytes.to_vec()), &mut answer),
        })?;
        end.map_or(Ok(answer), Err)
    }
}

fn write_packet(packet: &'static [u8], out: &mut Vec<u8>) {
    websocket::write(Frame::message(packet, OpCode::Data(Data::Text), true), out);
}
