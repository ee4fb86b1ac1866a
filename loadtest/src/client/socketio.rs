//! A reader's side of Socket.IO 4 on a WebSocket: it joins when the server has opened, answers its pings, and takes
//! its events.
//!
//! A packet begins with a digit of Engine.IO, and if that says "message" with a second one of Socket.IO.

use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::end::End;
use crate::client::websocket::{self, Incoming, Messages};

/// Joins the namespace that everybody is in; the answer to it begins alike.
const CONNECT: &[u8] = b"40";
/// The server does not let it in.
const CONNECT_ERROR: &[u8] = b"44";
/// The server sends it away.
const DISCONNECT: &[u8] = b"41";
/// An event: name and arguments follow as a JSON array.
const EVENT: &[u8] = b"42";
/// Engine.IO opens the connection, and closes it.
const OPEN: &[u8] = b"0";
const CLOSE: &[u8] = b"1";
/// Engine.IO asks whether somebody is there, and what is answered.
const PING: &[u8] = b"2";
const PONG: &[u8] = b"3";

/// What the server said to this reader.
#[derive(Debug)]
pub enum Said<'a> {
    /// It is in.
    Joined,
    /// An event, in JSON.
    Event(&'a [u8]),
}

/// A connection.
#[derive(Debug, Default)]
pub struct Packets {
    messages: Messages,
}

impl Packets {
    /// Takes the next bytes of the stream, hands each thing that they say to `on`, and gives what is to be answered.
    pub fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Said<'_>)) -> Result<Vec<u8>, End> {
        let (mut answer, mut end) = (Vec::new(), None);
        self.messages.feed(bytes, |incoming| match incoming {
            Incoming::Message(packet) if packet.starts_with(EVENT) => on(Said::Event(&packet[EVENT.len()..])),
            Incoming::Message(PING) => say(PONG, &mut answer),
            Incoming::Message(packet) if packet.starts_with(OPEN) => say(CONNECT, &mut answer),
            Incoming::Message(packet) if packet.starts_with(CONNECT) => on(Said::Joined),
            Incoming::Message(packet) if packet.starts_with(CONNECT_ERROR) => {
                end = Some(End::Malformed("Socket.IO does not let it in"));
            }
            Incoming::Message(DISCONNECT | CLOSE) | Incoming::Close => end = Some(End::Closed),
            Incoming::Message(_) => {}
            Incoming::Ping(bytes) => websocket::write(Frame::pong(bytes.to_vec()), &mut answer),
        })?;
        end.map_or(Ok(answer), Err)
    }
}

fn say(packet: &'static [u8], out: &mut Vec<u8>) {
    websocket::write(Frame::message(packet, OpCode::Data(Data::Text), true), out);
}
