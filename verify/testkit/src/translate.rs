//! The server's events and pages of history as the oracle takes them. The one translator: every
//! test, the load tester and the benches read streams and pages by it, so that all know all kinds of event.

use std::borrow::Cow;

use millchat::{EventId, Opening, Position, Reaction, ResetReason};
use millchat_oracle::{EventDigest, EventKind, HistoryEntry, Observed, Page, ReactionDigest, digest};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::malformed::Malformed;
use crate::sse::Fields;

/// The meaning of one block of a room's stream.
#[derive(Debug)]
pub enum Block<'a> {
    /// The stream opened, or passes over what retention took. `id` is the place just before what follows.
    Opening {
        /// The sort of opening.
        opening: Opening,
        /// The place.
        id: EventId,
        /// The room's newest position, if the opening names it.
        head: Option<Position>,
    },
    /// An event of the log.
    Event {
        /// The event's place.
        place: EventId,
        /// The event as the oracle compares it.
        observed: Observed,
        /// The text; `None` where there is none.
        content: Option<Cow<'a, str>>,
    },
    /// An event that is not in the log: presence, typing.
    Signal,
    /// A comment, or a field for the client itself.
    Nothing,
}

#[derive(Deserialize)]
struct EventData<'a> {
    position: Position,
    prev: Position,
    target: Option<Position>,
    reply_to: Option<Position>,
    #[serde(borrow)]
    reaction: Option<Cow<'a, str>>,
    on: Option<bool>,
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

impl<'a> Block<'a> {
    /// Reads a block by its fields. An error says what is wrong with it.
    pub fn read(fields: &'a Fields<'_>) -> Result<Self, Malformed> {
        let Some(data) = fields.data.as_deref() else { return Ok(Self::Nothing) };
        let Some(id) = fields.id else { return Ok(Self::Signal) };
        let id = std::str::from_utf8(id).unwrap_or_default();
        let id: EventId = id.parse().map_err(|_| Malformed("an id is not a place"))?;
        let mut head = None;
        let opening = match fields.event {
            b"start" => {
                let data: StartData = json(data)?;
                if data.position != id.position {
                    return Err(Malformed("a start's id is not its position"));
                }
                head = Some(data.head);
                Opening::Start
            }
            b"gap" => {
                let GapData { from, to } = json(data)?;
                Opening::Gap { from, to }
            }
            b"reset" => {
                let data: ResetData<'_> = json(data)?;
                Opening::Reset(match &*data.reason {
                    "malformed" => ResetReason::Malformed,
                    "epoch" => ResetReason::Epoch,
                    "ahead" => ResetReason::Ahead,
                    _ => return Err(Malformed("a reset has an unknown reason")),
                })
            }
            kind => return event(kind, id, data),
        };
        Ok(Self::Opening { opening, id, head })
    }
}

fn json<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(data).map_err(|_| Malformed("an event's data is not what was promised"))
}

fn event<'a>(name: &[u8], place: EventId, data: &'a [u8]) -> Result<Block<'a>, Malformed> {
    let data: EventData<'a> = json(data)?;
    if data.position != place.position {
        return Err(Malformed("an event's id is not its position"));
    }
    let target = || data.target.ok_or(Malformed("an event has no target"));
    let kind = match name {
        b"" | b"message" => data.reply_to.map_or(EventKind::Message, EventKind::Reply),
        b"edit" => EventKind::Edit(target()?),
        b"delete" => EventKind::Delete(target()?),
        b"reaction" => {
            let reaction = data.reaction.as_deref().and_then(|name| name.parse().ok());
            let (Some(reaction), Some(on)) = (reaction, data.on) else {
                return Err(Malformed("a reaction has no kind, or does not say if it is added"));
            };
            EventKind::React(target()?, reaction, on)
        }
        b"close" => EventKind::Close,
        b"open" => EventKind::Open,
        b"empty" => EventKind::Empty,
        _ => EventKind::Other,
    };
    let author = data.author.map_or(0, |author| digest(&author.id));
    let event = EventDigest { author, kind, content: data.content.as_deref().map(digest) };
    let observed = Observed { position: data.position, prev: data.prev, event };
    Ok(Block::Event { place, observed, content: data.content })
}

/// A page of history as the server answers it.
#[derive(Debug, Deserialize)]
pub struct HistoryPage {
    messages: Vec<Message>,
    head: Position,
}

#[derive(Debug, Deserialize)]
struct Message {
    position: Position,
    prev: Position,
    author: Option<Author>,
    content: Option<String>,
    reply_to: Option<Position>,
    #[serde(default)]
    reactions: Vec<Reactions>,
}

#[derive(Debug, Deserialize)]
struct Author {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Reactions {
    #[serde(deserialize_with = "reaction")]
    reaction: Reaction,
    count: usize,
    authors: Vec<Author>,
}

impl HistoryPage {
    /// Returns what the oracle compares.
    pub fn page(&self) -> Page {
        let entry = |message: &Message| HistoryEntry {
            position: message.position,
            prev: message.prev,
            author: message.author.as_ref().map_or(0, |author| digest(&author.id)),
            content: message.content.as_deref().map(digest),
            reply_to: message.reply_to,
            reactions: sum_of(&message.reactions),
        };
        Page { head: self.head, messages: self.messages.iter().map(entry).collect() }
    }
}

fn reaction<'de, D: Deserializer<'de>>(json: D) -> Result<Reaction, D::Error> {
    Cow::<str>::deserialize(json)?.parse().map_err(D::Error::custom)
}

/// Returns the sum over the reactions to a message; `None` when not all of them are named.
fn sum_of(all: &[Reactions]) -> Option<u64> {
    let mut sum = 0_u64;
    for Reactions { reaction, count, authors } in all {
        if authors.len() != *count {
            return None;
        }
        for author in authors {
            sum = sum.wrapping_add(ReactionDigest(*reaction, digest(&author.id)).digest());
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Malformed> {
        Block::read(&Fields::parse(text.as_bytes())).map(|block| match block {
            Block::Opening { opening, id, head } => format!("{opening:?} at {} of {head:?}", id.position),
            Block::Event { observed, .. } => format!("{:?}", observed.event.kind),
            Block::Signal => "signal".into(),
            Block::Nothing => "nothing".into(),
        })
    }

    fn kind(name: &str, rest: &str) -> Result<String, Malformed> {
        read(&format!("id: 5f3c9a2e-9\nevent: {name}\ndata: {{\"position\":9,\"prev\":3{rest}}}\n\n"))
    }

    #[test]
    fn every_kind_of_event_is_known() {
        for (name, rest, known) in [
            ("message", "", "Message"),
            ("message", ",\"reply_to\":3", "Reply(3)"),
            ("edit", ",\"target\":3", "Edit(3)"),
            ("delete", ",\"target\":3", "Delete(3)"),
            ("reaction", ",\"target\":3,\"reaction\":\"🎉\",\"on\":true", "React(3, Party, true)"),
            ("close", "", "Close"),
            ("open", "", "Open"),
            ("empty", "", "Empty"),
            ("of a later release", "", "Other"),
        ] {
            assert_eq!(kind(name, rest).as_deref(), Ok(known));
        }
        for (name, rest) in [("edit", ""), ("delete", ""), ("reaction", ",\"target\":3")] {
            assert!(kind(name, rest).is_err(), "{name}");
        }
    }

    #[test]
    fn openings_signals_and_comments_are_told_apart() {
        let start = "event: start\nid: 5f3c9a2e-8\ndata: {\"position\":8,\"head\":8,\"floor\":1}\n\n";
        assert_eq!(read(start).as_deref(), Ok("Start at 8 of Some(8)"));
        let gap = "event: gap\nid: 5f3c9a2e-9\ndata: {\"from\":3,\"to\":9,\"reason\":\"retention\"}\n\n";
        assert_eq!(read(gap).as_deref(), Ok("Gap { from: 3, to: 9 } at 9 of None"));
        let reset = "event: reset\nid: 5f3c9a2e-9\ndata: {\"reason\":\"epoch\"}\n\n";
        assert_eq!(read(reset).as_deref(), Ok("Reset(Epoch) at 9 of None"));
        assert_eq!(read("event: typing\ndata: {}\n\n").as_deref(), Ok("signal"));
        assert_eq!(read(": beat\n\n").as_deref(), Ok("nothing"));
        assert!(read("id: nonsense\ndata: {}\n\n").is_err());
        assert!(read("id: 5f3c9a2e-9\nevent: message\ndata: {\"position\":8,\"prev\":0}\n\n").is_err());
    }
}
