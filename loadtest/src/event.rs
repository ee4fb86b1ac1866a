//! What a block of the stream means: an opening, a logged event, a signal, or nothing.
//!
//! And a cache of the room's newest events: all readers of a room receive the same bytes, so the first one
//! reads a block and the others compare it, which costs a tenth.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use millchat::oracle::{Act, Said, Seen, digest};
use millchat::{Opening, Place, Position, ResetReason};
use serde::Deserialize;

use crate::sse::Fields;
use crate::stamp::Stamp;

/// Events of a room that are kept to compare with: a reader further behind than this reads each block.
const FRAMES_KEPT_MAX: usize = 4096;

/// What a block says.
#[derive(Debug)]
pub enum Block {
    /// The stream opened, or skipped what retention took: `id` is the place just before what follows.
    Opening {
        /// How.
        opening: Opening,
        /// The place.
        id: Place,
    },
    /// A logged event.
    Event(Frame),
    /// Something that is not logged.
    Signal,
    /// A comment, or a field for the client itself.
    Nothing,
}

/// A logged event.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The block as it was sent.
    raw: Box<[u8]>,
    /// The event's place.
    pub place: Place,
    /// What the oracle compares.
    pub seen: Seen,
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
        let id: Place = id.parse().map_err(|_| "an id is not a place")?;
        let opening = match fields.event {
            b"start" => {
                let data: StartData = json(&data)?;
                if data.position != id.position {
                    return Err("a start's id is not its position");
                }
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
            kind => return Ok(Self::Event(Frame::read(block, kind, id, &data, run)?)),
        };
        Ok(Self::Opening { opening, id })
    }
}

fn json<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, &'static str> {
    serde_json::from_slice(data).map_err(|_| "an event's data is not what was promised")
}

impl Frame {
    fn read(block: &[u8], kind: &[u8], place: Place, data: &[u8], run: u32) -> Result<Self, &'static str> {
        let data: EventData<'_> = json(data)?;
        if data.position != place.position {
            return Err("an event's id is not its position");
        }
        let act = match (kind, data.target) {
            (b"" | b"message", _) => Act::Message,
            (b"edit", Some(target)) => Act::Edit(target),
            (b"delete", Some(target)) => Act::Delete(target),
            _ => Act::Other,
        };
        let author = data.author.map_or(0, |author| digest(&author.id));
        let said = Said { author, act, content: data.content.as_deref().map(digest) };
        let stamp = data.content.as_deref().and_then(Stamp::read).filter(|stamp| stamp.run == run);
        let due = stamp.filter(|_| act == Act::Message).map(|stamp| stamp.due);
        let seen = Seen { position: data.position, prev: data.prev, said };
        Ok(Self { raw: block.into(), place, seen, due })
    }
}

/// The newest events of a room, numbered in the order in which they were first received here.
#[derive(Debug, Default)]
pub struct Frames {
    /// The number of the oldest that is kept.
    base: u64,
    kept: VecDeque<Frame>,
}

impl Frames {
    /// The event with this number, if these are its very bytes.
    pub fn matching(&self, number: u64, block: &[u8]) -> Option<&Frame> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.kept.get(index).filter(|frame| *frame.raw == *block)
    }

    /// Keeps an event if it is newer than all that are kept.
    pub fn keep(&mut self, frame: Frame) {
        if self.kept.back().is_some_and(|newest| newest.seen.position >= frame.seen.position) {
            return;
        }
        if self.kept.len() == FRAMES_KEPT_MAX {
            self.kept.pop_front();
            self.base += 1;
        }
        self.kept.push_back(frame);
    }

    /// The number of the first event after this position.
    pub fn number_after(&self, position: Position) -> u64 {
        self.base + self.kept.partition_point(|frame| frame.seen.position <= position) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(position: Position, prev: Position) -> Vec<u8> {
        let content = Stamp { run: 7, sequence: position, due: Duration::from_millis(5) }.write(64);
        format!(
            "id: 5f3c9a2e-{position}\nevent: message\ndata: {{\"position\":{position},\"prev\":{prev},\
             \"room\":\"r\",\"author\":{{\"id\":\"g_1\",\"name\":\"A\",\"kind\":\"guest\"}},\
             \"content\":\"{content}\",\"created_at\":\"2026-11-23T09:30:00.123Z\"}}\n\n"
        )
        .into_bytes()
    }

    fn frame(position: Position, prev: Position) -> Frame {
        match Block::parse(&block(position, prev), 7).unwrap() {
            Block::Event(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_read_with_its_place_and_its_due_time() {
        let frame = frame(1207, 1188);
        assert_eq!((frame.seen.position, frame.seen.prev), (1207, 1188));
        assert_eq!(frame.due, Some(Duration::from_millis(5)));
        assert_eq!(frame.seen.said.author, digest("g_1"));
    }

    #[test]
    fn openings_signals_and_comments_are_told_apart() {
        let start = b"event: start\nid: 5f3c9a2e-8\ndata: {\"position\":8,\"head\":8,\"floor\":1}\n\n";
        assert!(
            matches!(Block::parse(start, 7), Ok(Block::Opening { opening: Opening::Start, id }) if id.position == 8)
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

    #[test]
    fn the_cache_knows_an_event_only_by_its_very_bytes() {
        let mut frames = Frames::default();
        frames.keep(frame(1, 0));
        frames.keep(frame(5, 1));
        frames.keep(frame(5, 1));
        assert_eq!(frames.number_after(0), 0);
        assert_eq!(frames.number_after(1), 1);
        assert_eq!(frames.number_after(9), 2);
        assert!(frames.matching(1, &block(5, 1)).is_some());
        assert!(frames.matching(1, &block(5, 2)).is_none());
        assert!(frames.matching(2, &block(9, 5)).is_none());
    }
}
