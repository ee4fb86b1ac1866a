//! The body of a request: a message, as the stream has it, with the addresses at which there is more.

use millchat::{Body, Event, Message};
use serde::Serialize;

use crate::json_line;
use crate::schema::{StreamEvent, Time};

/// Largest text that is sent along, in bytes. A longer one is to be fetched.
const CONTENT_BYTES_MAX: usize = 16 * 1024;
/// The kind of what happened.
const POSTED: &str = "message.posted";

#[derive(Serialize)]
struct Sent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Time,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    event: StreamEvent<'a>,
    links: Links,
}

/// Addresses; paths where the server does not know its own.
#[derive(Serialize)]
struct Links {
    /// The message, by the API.
    message: String,
    /// The room, for people.
    room: String,
}

/// Returns the body for a message. `origin` is the public address, or empty.
pub fn of(message: &Message, origin: &str) -> Vec<u8> {
    let Message { position, room, .. } = message;
    let content = message.content.clone().filter(|content| content.len() <= CONTENT_BYTES_MAX);
    let is_left_out = content.is_none();
    let event = Event {
        position: *position,
        prev: message.prev,
        room: room.clone(),
        author: message.author.clone(),
        created_at: message.created_at,
        body: Body::Message { content, reply_to: message.reply_to },
    };
    let mut event = StreamEvent::of(&event);
    // It is there; it is only long.
    event.deleted &= !is_left_out;
    let links = Links {
        message: format!("{origin}/api/v1/rooms/{room}/messages/{position}"),
        room: format!("{origin}/{room}"),
    };
    let mut out = Vec::new();
    let timestamp = Time(message.created_at);
    json_line::write(&Sent { kind: POSTED, timestamp, data: Data { event, links } }, &mut out);
    out
}
