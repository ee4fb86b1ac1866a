//! What a block of our own server's stream means: an opening, a logged event, a signal, or nothing.

use std::borrow::Cow;
use std::time::Duration;

use millchat::{EventId, Opening, Position, ResetReason};
use millchat_oracle::{EventDigest, EventKind, Observed, digest};
use serde::Deserialize;

use crate::check::stamp::Stamp;
use crate::client::sse::Fields;

/// What a block says.
#[derive(Debug)]
pub enum Block {
    /// The stream opened, or skipped what retention took: `id` is the place just before what follows.
    Opening {
        /// How.
        opening: Opening,
        /// The place.
        id: EventId,
        /// The room's newest position, as the opening says it.
        head: Option<Position>,
    },
    /// A logged event.
    Event(Event),
    /// Something that is not logged.
    Signal,
    /// A comment, or a field for the client itself.
    Nothing,
}

/// A logged event.
#[derive(Debug, Clone)]
pub struct Event {
    /// The event's place.
    pub place: EventId,
    /// What the oracle compares.
    pub observed: Observed,
    /// When it was due, if it is a message of this run.
    pub due: Option<Duration>,
}

#[derive(Deserialize)]
struct EventData<'a> {
    position: Position,
    prev: Position,
    target: Option<Position>,
    #[serde(borrow)]
    author: Option<AuthorData<'a>>,
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct AuthorData<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StartData {
    position: Position,
    head: Position,
}

#[derive(Deserialize)]
struct GapData {
    from: Position,
    to: Position,
}

#[derive(Deserialize)]
struct ResetData<'a> {
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

impl Block {
    /// Reads a block. `run` is the run whose messages are measured. An error names what is wrong with it.
    pub fn parse(block: &[u8], run: u32) -> Result<Self, &'static str> {
        let fields = Fields::parse(block);
        let Some(data) = fields.data else { return Ok(Self::Nothing) };
        let Some(id) = fields.id else { return Ok(Self::Signal) };
        let id = std::str::from_utf8(id).unwrap_or_default();
        let id: EventId = id.parse().map_err(|_| "an id is not a place")?;
        let mut head = None;
        let opening = match fields.event {
            b"start" => {
                let data: StartData = json(&data)?;
                if data.position != id.position {
                    return Err("a start's id is not its position");
                }
                head = Some(data.head);
                Opening::Start
            }
            b"gap" => {
                let GapData { from, to } = json(&data)?;
                Opening::Gap { from, to }
            }
            b"reset" => {
                let data: ResetData<'_> = json(&data)?;
                Opening::Reset(match &*data.reason {
                    "epoch" => ResetReason::Epoch,
                    "ahead" => ResetReason::Ahead,
                    _ => ResetReason::Malformed,
                })
            }
            kind => return Ok(Self::Event(Event::read(kind, id, &data, run)?)),
        };
        Ok(Self::Opening { opening, id, head })
    }
}

fn json<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, &'static str> {
    serde_json::from_slice(data).map_err(|_| "an event's data is not what was promised")
}

impl Event {
    fn read(kind: &[u8], place: EventId, data: &[u8], run: u32) -> Result<Self, &'static str> {
        let data: EventData<'_> = json(data)?;
        if data.position != place.position {
            return Err("an event's id is not its position");
        }
        let kind = match (kind, data.target) {
            (b"" | b"message", _) => EventKind::Message,
            (b"edit", Some(target)) => EventKind::Edit(target),
            (b"delete", Some(target)) => EventKind::Delete(target),
            _ => EventKind::Other,
        };
        let author = data.author.map_or(0, |author| digest(&author.id));
        let event = EventDigest { author, kind, content: data.content.as_deref().map(digest) };
        let stamp = data.content.as_deref().and_then(|content| Stamp::read(content.as_bytes()));
        let stamp = stamp.filter(|stamp| stamp.run == run);
        let due = stamp.filter(|_| kind == EventKind::Message).map(|stamp| stamp.due);
        let observed = Observed { position: data.position, prev: data.prev, event };
        Ok(Self { place, observed, due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(position: Position, prev: Position) -> Vec<u8> {
        let content =
            Stamp { run: 7, sequence: position, due: Duration::from_millis(5), stream: 0, number: 0 }
                .write(80);
        format!(
            "id: 5f3c9a2e-{position}\nevent: message\ndata: {{\"position\":{position},\"prev\":{prev},\
             \"room\":\"r\",\"author\":{{\"id\":\"g_1\",\"name\":\"A\",\"kind\":\"guest\"}},\
             \"content\":\"{content}\",\"created_at\":\"2026-11-23T09:30:00.123Z\"}}\n\n"
        )
        .into_bytes()
    }

    fn event(position: Position, prev: Position) -> Event {
        match Block::parse(&block(position, prev), 7).unwrap() {
            Block::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_read_with_its_place_and_its_due_time() {
        let event = event(1207, 1188);
        assert_eq!((event.observed.position, event.observed.prev), (1207, 1188));
        assert_eq!(event.due, Some(Duration::from_millis(5)));
        assert_eq!(event.observed.event.author, digest("g_1"));
    }

    #[test]
    fn openings_signals_and_comments_are_told_apart() {
        let start = b"event: start\nid: 5f3c9a2e-8\ndata: {\"position\":8,\"head\":8,\"floor\":1}\n\n";
        assert!(
            matches!(Block::parse(start, 7), Ok(Block::Opening { opening: Opening::Start, id, head: Some(8) }) if id.position == 8)
        );
        let gap = b"event: gap\nid: 5f3c9a2e-9\ndata: {\"from\":3,\"to\":9,\"reason\":\"retention\"}\n\n";
        assert!(matches!(
            Block::parse(gap, 7),
            Ok(Block::Opening { opening: Opening::Gap { from: 3, to: 9 }, .. })
        ));
        assert!(matches!(Block::parse(b"event: typing\ndata: {}\n\n", 7), Ok(Block::Signal)));
        assert!(matches!(Block::parse(b": beat\n\n", 7), Ok(Block::Nothing)));
        assert!(Block::parse(b"id: nonsense\ndata: {}\n\n", 7).is_err());
        let lying = b"id: 5f3c9a2e-9\nevent: message\ndata: {\"position\":8,\"prev\":0}\n\n";
        assert!(Block::parse(lying, 7).is_err());
    }
}
