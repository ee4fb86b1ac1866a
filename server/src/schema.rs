//! The shapes of the API's JSON, in requests, answers and the stream's data: what its clients code against.
//!
//! Numbers are positions (integers below 2^53 for as long as anybody can fill a log), times are RFC 3339 in
//! UTC with exactly three decimals. A shape may gain fields; a client passes over those it does not know.

use std::fmt;
use std::time::Duration;

use millchat::{AnswerState, Body, Event, Presence as Here, UnfinishedAnswer};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::access::authority::Allowed;
use crate::access::role::Role;

/// A moment, as the API writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-23T09:30:00.123Z")]
pub struct Time(pub millchat::Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0.0).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{moment:.3}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time span as requests write it: a number of seconds, or a text such as 30d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "30d")]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds or a time such as 12h or 30d")
    }

    fn visit_u64<E>(self, seconds: u64) -> Result<Span, E> {
        Ok(Span(Duration::from_secs(seconds)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        humantime::parse_duration(text)
            .map(Span)
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// The sender of something, as named when it was sent.
#[derive(Serialize, ToSchema)]
pub struct Author<'a> {
    /// Stable over renames.
    #[schema(example = "g_4kqv6mzd2xw7yrbtfn3a")]
    pub id: &'a str,
    /// The name that people read. Not unique.
    #[schema(example = "Ada")]
    pub name: &'a str,
    /// `guest`, `user` or `bot`; more may come.
    #[schema(example = "guest")]
    pub kind: &'static str,
}

impl<'a> Author<'a> {
    /// The shape of an author.
    pub fn of(author: &'a millchat::Author) -> Self {
        Self { id: &author.id, name: &author.name, kind: author.kind.as_str() }
    }
}

/// A name that somebody wants to go by.
#[derive(Deserialize, ToSchema)]
pub struct Named {
    /// 1 to 40 characters in at most 160 bytes, after control and invisible characters were removed and white
    /// space was collapsed.
    #[schema(example = "Ada")]
    pub name: String,
}

/// A guest and the token that proves it.
#[derive(Serialize, ToSchema)]
pub struct Guest<'a> {
    /// Send it as `Authorization: Bearer TOKEN`. It is good for a year.
    pub token: String,
    /// The author that the token names.
    pub author: Author<'a>,
}

/// A message to be posted.
#[derive(Deserialize, ToSchema)]
pub struct Post {
    /// At most 65,536 bytes of UTF-8 with something visible in it. CRLF and CR become LF; other control
    /// characters than LF and TAB, and characters that turn the direction of text, are removed.
    #[schema(example = "hello")]
    pub content: String,
    /// The position of the message of this room that it answers.
    #[schema(example = 1188)]
    pub reply_to: Option<u64>,
}

/// The new text of a message.
#[derive(Deserialize, ToSchema)]
pub struct Content {
    /// At most 65,536 bytes of UTF-8 with something visible in it. CRLF and CR become LF; other control
    /// characters than LF and TAB, and characters that turn the direction of text, are removed.
    #[schema(example = "hello")]
    pub content: String,
}

/// An event was stored, durably, at this position.
#[derive(Serialize, ToSchema)]
pub struct Receipt {
    /// Its place in the log.
    #[schema(example = 1207)]
    pub position: u64,
    /// The position of the event before it in the room; 0 for the first.
    #[schema(example = 1188)]
    pub prev: u64,
    /// The log's life; with the position it is the id of the event on the stream.
    #[schema(example = "5f3c9a2e")]
    pub epoch: String,
    /// When it was taken.
    pub created_at: Time,
}

impl Receipt {
    /// The shape of a receipt.
    pub fn of(receipt: &millchat::Receipt) -> Self {
        Self {
            position: receipt.position,
            prev: receipt.prev,
            epoch: receipt.epoch.to_string(),
            created_at: Time(receipt.created_at),
        }
    }
}

/// A message in its latest state.
#[derive(Serialize, ToSchema)]
pub struct Message<'a> {
    /// The position at which it was posted.
    #[schema(example = 1207)]
    pub position: u64,
    /// The position of the event before it in the room (an edit or a delete counts); 0 for the first.
    #[schema(example = 1188)]
    pub prev: u64,
    /// The room.
    #[schema(example = "lobby")]
    pub room: &'a str,
    /// Its author; null for the system.
    pub author: Option<Author<'a>>,
    /// The newest text; absent once deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "hello")]
    pub content: Option<&'a str>,
    /// The position of the message that it answers, which may be deleted or gone by now; absent when it
    /// answers none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1188)]
    pub reply_to: Option<u64>,
    /// When it was posted.
    pub created_at: Time,
    /// The reactions to it, by kind; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reactions: Vec<Reactions<'a>>,
    /// When its text was last replaced; absent when it never was, and once deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Time>)]
    pub edited_at: Option<Time>,
    /// True once deleted; otherwise absent.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub deleted: bool,
    /// Whoever deleted it, as named then; absent when it was not deleted, when its room was emptied, and when
    /// that is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deleted_by: Option<Author<'a>>,
}

impl<'a> Message<'a> {
    /// The shape of a message.
    pub fn of(message: &'a millchat::Message) -> Self {
        let deleted = message.content.is_none();
        Self {
            position: message.position,
            prev: message.prev,
            room: message.room.as_str(),
            author: message.author.as_ref().map(Author::of),
            content: message.content.as_deref(),
            reply_to: message.reply_to,
            created_at: Time(message.created_at),
            reactions: message.reactions.iter().map(Reactions::of).collect(),
            edited_at: message.edited_at.filter(|_| !deleted).map(Time),
            deleted,
            deleted_by: message.deleted_by.as_ref().map(Author::of),
        }
    }
}

/// The reactions of one kind to a message.
#[derive(Serialize, ToSchema)]
pub struct Reactions<'a> {
    /// The emoji.
    #[schema(example = "👍")]
    pub reaction: &'static str,
    /// Their number, each of another author.
    #[schema(example = 3)]
    pub count: usize,
    /// Their authors, the first ones first; at most 50.
    pub authors: Vec<Author<'a>>,
}

impl<'a> Reactions<'a> {
    /// The shape of the reactions of one kind.
    pub fn of(reactions: &'a millchat::Reactions) -> Self {
        Self {
            reaction: reactions.reaction.as_str(),
            count: reactions.count,
            authors: reactions.authors.iter().map(Author::of).collect(),
        }
    }
}

/// A page of history, newest last.
#[derive(Serialize, ToSchema)]
pub struct HistoryPage<'a> {
    /// The messages, each in its latest state.
    pub messages: Vec<Message<'a>>,
    /// The oldest position of the log that is kept.
    #[schema(example = 1)]
    pub floor: u64,
    /// The newest position of the room; it may be an edit or a delete. 0 when the room has no events.
    #[schema(example = 1207)]
    pub head: u64,
    /// The pages beside this one.
    pub links: Links,
}

/// Messages that a search found, newest first.
#[derive(Serialize, ToSchema)]
pub struct SearchPage<'a> {
    /// The messages, each in its latest state.
    pub messages: Vec<Message<'a>>,
    /// The oldest position of the log that is kept.
    #[schema(example = 1)]
    pub floor: u64,
    /// The newest position of the room; it may be an edit or a delete. 0 when the room has no events.
    #[schema(example = 1207)]
    pub head: u64,
    /// `older` is there when the search has not come to the end of the room. A page may be short, even empty,
    /// and have it all the same: one request looks at a bounded part of the room.
    pub links: Links,
}

/// Paths of the neighbouring pages; the `Link` header has the same, as `prev` and `next`.
#[derive(Serialize, ToSchema)]
pub struct Links {
    /// The page before, when there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/api/v1/rooms/lobby/messages?before=1107&limit=100")]
    pub older: Option<String>,
    /// The page after, when there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/api/v1/rooms/lobby/messages?after=1207&limit=100")]
    pub newer: Option<String>,
}

/// The people in a room. Readers without a token are only counted.
#[derive(Serialize, ToSchema)]
pub struct Presence<'a> {
    /// All readers.
    #[schema(example = 3)]
    pub count: usize,
    /// Those known by name, at most 50, each once.
    pub authors: Vec<Author<'a>>,
}

impl<'a> Presence<'a> {
    /// The shape of a presence.
    pub fn of(presence: &'a Here) -> Self {
        Self { count: presence.count, authors: presence.authors.iter().map(Author::of).collect() }
    }
}

/// A room at a glance.
#[derive(Serialize, ToSchema)]
#[schema(as = Room)]
pub struct Overview<'a> {
    /// Its name.
    #[schema(example = "lobby")]
    pub room: &'a str,
    /// Its newest position; 0 when nothing is known of it.
    #[schema(example = 1207)]
    pub head: u64,
    /// The oldest position of the log that is kept.
    #[schema(example = 1)]
    pub floor: u64,
    /// True if it is closed to writing.
    pub closed: bool,
    /// The people in it.
    pub presence: Presence<'a>,
    /// The bots that are built in and answer in it. They are no readers.
    pub bots: Vec<BotHere<'a>>,
    /// Whoever asks.
    pub you: You<'a>,
}

/// A bot that answers in a room.
#[derive(Serialize, ToSchema)]
#[schema(as = Bot)]
pub struct BotHere<'a> {
    /// The author of its answers.
    pub author: Author<'a>,
    /// `all` that people write, or `mention`: what mentions it, and answers to its own messages.
    #[schema(example = "mention")]
    pub answers: &'static str,
}

/// Whoever asks about a room, and what they are in it.
#[derive(Serialize, ToSchema)]
pub struct You<'a> {
    /// The author that the token names; null without a good token.
    pub author: Option<Author<'a>>,
    /// `reader`, `writer`, `moderator`, `owner` or `operator`: each may do all that the one before may. Without a
    /// token nobody is more than a reader.
    #[schema(example = "writer")]
    pub role: Option<&'static str>,
    /// When the token, or the role, ends; null when neither does.
    pub expires_at: Option<Time>,
}

impl<'a> You<'a> {
    /// The shape of a decision.
    pub fn of(allowed: &'a Allowed) -> Self {
        let person = allowed.caller.person.as_ref().ok();
        let ends = [person.and_then(|person| person.expires_at), allowed.standing.until];
        Self {
            author: person.map(|person| Author::of(&person.author)),
            role: allowed.standing.role.map(Role::as_str),
            expires_at: ends.into_iter().flatten().min().map(Time),
        }
    }
}

/// Data of the stream's `start`: nothing is missing between the place asked for and what follows.
#[derive(Serialize, ToSchema)]
pub struct Start {
    /// The position just before what follows.
    #[schema(example = 1188)]
    pub position: u64,
    /// The room's newest position.
    #[schema(example = 1207)]
    pub head: u64,
    /// The oldest position of the log that is kept.
    #[schema(example = 1)]
    pub floor: u64,
}

/// Data of the stream's `gap`: what lay between is gone, or cannot be read; the stream goes on after it.
#[derive(Serialize, ToSchema)]
pub struct Gap {
    /// The place asked for, or where the reader was.
    #[schema(example = 3)]
    pub from: u64,
    /// The position after which it goes on; the same as in the id.
    #[schema(example = 900)]
    pub to: u64,
    /// `retention`: no longer kept. `damage`: the records are damaged.
    #[schema(example = "retention")]
    pub reason: &'static str,
}

/// Data of the stream's `reset`: the place is none of this log; the stream goes on as a first join.
#[derive(Serialize, ToSchema)]
pub struct Reset {
    /// The epoch of this log.
    #[schema(example = "5f3c9a2e")]
    pub epoch: String,
    /// `malformed`, `epoch` (of another log's life) or `ahead` (beyond the head of the whole log).
    #[schema(example = "epoch")]
    pub reason: &'static str,
}

/// Data of the stream's `denied`, its last event: the reader may not read the room, or no longer. And of its
/// `nobody`, its first: where no token is needed, the one that was sent is no good.
#[derive(Serialize, ToSchema)]
pub struct Denied {
    /// The name of the problem: of `denied` `not-member`, `unknown-room`, or one that a request without a good token
    /// is answered with; of `nobody` one of the latter.
    #[schema(example = "not-member")]
    pub reason: &'static str,
}

/// Data of a logged event on the stream. Which fields there are follows from the event's kind: `message` has
/// content, and `reply_to` when it answers another; `edit` has target and content; `delete` has target;
/// `reaction` has target, reaction, on and count; `close`, `open` and `empty` have neither. Every kind, known
/// or not, has `position` and `prev`.
#[derive(Serialize, ToSchema)]
pub struct StreamEvent<'a> {
    /// Its place in the log.
    #[schema(example = 1207)]
    pub position: u64,
    /// The position of the event before it in the room; 0 for the first.
    #[schema(example = 1188)]
    pub prev: u64,
    /// The message that an edit, a delete or a reaction is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub target: Option<u64>,
    /// The room.
    #[schema(example = "lobby")]
    pub room: &'a str,
    /// Its author; null for the system.
    pub author: Option<Author<'a>>,
    /// The text; absent when a later delete has taken it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "hello")]
    pub content: Option<&'a str>,
    /// The message that a message answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply_to: Option<u64>,
    /// The emoji of a reaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "👍")]
    pub reaction: Option<&'static str>,
    /// True if the reaction was added; else it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub on: Option<bool>,
    /// Number of reactions of its kind that the message has after this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    pub count: Option<u64>,
    /// True when a later delete has taken the content away; otherwise absent.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub deleted: bool,
    /// When it was taken.
    pub created_at: Time,
}

impl<'a> StreamEvent<'a> {
    /// The shape of an event.
    pub fn of(event: &'a Event) -> Self {
        let (reaction, on, count) = match &event.body {
            Body::Reaction { reaction, on, count, .. } => (Some(reaction.as_str()), Some(*on), Some(*count)),
            _ => (None, None, None),
        };
        let reply_to = if let Body::Message { reply_to, .. } = event.body { reply_to } else { None };
        let content = event.body.content();
        Self {
            position: event.position,
            prev: event.prev,
            target: event.body.target(),
            room: event.room.as_str(),
            author: event.author.as_ref().map(Author::of),
            content,
            reply_to,
            reaction,
            on,
            count,
            deleted: event.body.can_have_content() && content.is_none(),
            created_at: Time(event.created_at),
        }
    }
}

/// Data of the stream's `typing`: who is typing now, at most 10; empty when nobody is any more.
#[derive(Serialize, ToSchema)]
pub struct Typing<'a> {
    /// The people who type.
    pub authors: Vec<Author<'a>>,
}

/// Data of the stream's `draft`: the answers that bots are writing now, at most 4; empty when none is any more.
#[derive(Serialize, ToSchema)]
pub struct Drafts<'a> {
    /// The unfinished answers, the oldest first.
    pub drafts: Vec<Draft<'a>>,
}

/// An unfinished answer. It becomes one message, or nothing.
#[derive(Serialize, ToSchema)]
pub struct Draft<'a> {
    /// Whoever writes it.
    pub author: Author<'a>,
    /// The position of the message that it answers.
    #[schema(example = 1188)]
    pub reply_to: u64,
    /// `waiting`, `thinking`, `writing`, or for ten seconds `failed`.
    #[schema(example = "writing")]
    pub state: &'static str,
    /// The end of its text so far: at most 4,096 bytes.
    pub content: &'a str,
    /// The bytes of its text before them.
    #[schema(example = 0)]
    pub from: usize,
    /// Why it failed: `absent`, `busy`, `limit`, `model`, `late`, `broke`, `empty` or `spent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

impl<'a> Draft<'a> {
    /// The shape of an unfinished answer.
    pub fn of(answer: &'a UnfinishedAnswer) -> Self {
        let reason = if let AnswerState::Failed(reason) = &answer.state { Some(&**reason) } else { None };
        Self {
            author: Author::of(&answer.author),
            reply_to: answer.reply_to,
            state: answer.state.as_str(),
            content: &answer.content,
            from: answer.from,
            reason,
        }
    }
}

/// An unfinished answer of a bot, as it shows it.
#[derive(Deserialize, ToSchema)]
pub struct NewDraft {
    /// `waiting`, `thinking`, `writing` or `failed`.
    #[schema(example = "writing")]
    pub state: String,
    /// Its whole text so far, at most 65,536 bytes: readers see the last 4,096. It may be empty.
    #[serde(default)]
    #[schema(example = "The answer begi")]
    pub content: String,
    /// Why it failed, a word; for the state `failed` only.
    pub reason: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use millchat::Timestamp;

    use super::*;

    #[test]
    fn a_time_has_exactly_three_decimals() {
        for (millis, text) in [
            (1_795_426_200_123, "2026-11-23T09:30:00.123Z"),
            (1_795_426_200_000, "2026-11-23T09:30:00.000Z"),
            (0, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Time(Timestamp(millis)).to_string(), text);
        }
        assert!(Time(Timestamp(u64::MAX)).to_string().starts_with("9999"));
    }
}
