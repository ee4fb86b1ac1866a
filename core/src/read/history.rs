//! History: the fold of a room's chain, by page.
//!
//! A page holds messages in their latest state. It costs what it returns, the events it passes over, and at
//! most 128 reads more, at any position of the log; no read transaction outlives 256 records. It is bounded
//! in messages, in bytes, in events and in reactions: a page may be shorter than was asked for, even empty,
//! and its links go on. Messages whose records are damaged are not in it.

use std::sync::Arc;

use crate::event::{Author, Body, Event, Position, RoomName, Timestamp};
use crate::limits::{PAGE_BYTES_MAX, PAGE_MESSAGES_MAX};
use crate::log::{Log, LogError, READ_EVENTS_MAX};
use crate::message::{Message, Reactions};

/// A page ends after this many events, messages or not.
pub const PAGE_EVENTS_MAX: usize = 4_096;
/// A page ends with the message that takes it past this many reactions, named or only counted.
pub const PAGE_REACTIONS_MAX: usize = 16_384;

/// A part of a room's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryRange {
    /// The newest messages.
    Newest,
    /// The newest messages before this position.
    Before(Position),
    /// The oldest messages after this position; 0 begins at the floor.
    After(Position),
}

/// A page of history, newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages, each in its latest state.
    pub messages: Vec<Message>,
    /// The oldest position of the log that is kept.
    pub floor: Position,
    /// The newest position of the room (of any event, not only of a message).
    pub head: Position,
    /// `before` of the page before this one, when there may be one.
    pub older: Option<Position>,
    /// `after` of the page after this one, when there may be one.
    pub newer: Option<Position>,
}

/// Messages that were read, from which a text is taken that was deleted meanwhile.
pub(crate) trait Texts {
    fn messages(&mut self) -> &mut [Message];

    /// Takes the texts of these messages away, of those that are here.
    fn redact(&mut self, deleted: &[Position]) {
        let messages = self.messages().iter_mut();
        messages.filter(|message| deleted.contains(&message.position)).for_each(Message::redact);
    }
}

impl Texts for HistoryPage {
    fn messages(&mut self) -> &mut [Message] {
        &mut self.messages
    }
}

impl Texts for Vec<Message> {
    fn messages(&mut self) -> &mut [Message] {
        self
    }
}

impl Texts for Option<Message> {
    fn messages(&mut self) -> &mut [Message] {
        self.as_mut_slice()
    }
}

/// Reads a page. Blocks on storage.
pub(crate) fn page(
    log: &dyn Log,
    room: &RoomName,
    range: HistoryRange,
    limit: usize,
) -> Result<HistoryPage, LogError> {
    let limit = limit.clamp(1, PAGE_MESSAGES_MAX);
    match range {
        HistoryRange::Newest => backwards(log, room, Position::MAX, limit),
        HistoryRange::Before(before) => backwards(log, room, before, limit),
        HistoryRange::After(after) => forwards(log, room, after, limit),
    }
}

/// A page being filled.
pub(super) struct Page {
    pub messages: Vec<Message>,
    limit: usize,
    bytes: usize,
    passed: usize,
    reactions: usize,
}

impl Page {
    pub fn new(limit: usize) -> Self {
        Self { messages: Vec::new(), limit, bytes: 0, passed: 0, reactions: 0 }
    }

    /// Returns true if it takes nothing more. Events that it has passed over count too, so that a page of
    /// edits has an end.
    pub fn full(&self) -> bool {
        self.messages.len() >= self.limit
            || self.bytes >= PAGE_BYTES_MAX
            || self.passed >= PAGE_EVENTS_MAX
            || self.reactions >= PAGE_REACTIONS_MAX
    }

    fn pass(&mut self, log: &dyn Log, event: &Event) -> Result<(), LogError> {
        self.passed += 1;
        if event.is_message() {
            self.push(latest(log, event)?);
        }
        Ok(())
    }

    pub fn push(&mut self, message: Message) {
        self.bytes += message.content.as_deref().map_or(0, str::len);
        for Reactions { count, authors, .. } in &message.reactions {
            self.reactions += count;
            self.bytes += authors.iter().map(Author::text_bytes).sum::<usize>();
        }
        self.messages.push(message);
    }
}

fn backwards(
    log: &dyn Log,
    room: &RoomName,
    before: Position,
    limit: usize,
) -> Result<HistoryPage, LogError> {
    let mut page = Page::new(limit);
    let (mut at, mut head) = (before, None);
    while !page.full() {
        let chain = log.read_before(room, at, READ_EVENTS_MAX)?;
        // The head as of the first read: later events reach a reader that goes on from it.
        let _ = head.get_or_insert(chain.head);
        if chain.events.is_empty() {
            break;
        }
        for event in chain.events.iter().rev() {
            if page.full() {
                break;
            }
            at = event.position;
            page.pass(log, event)?;
        }
    }
    page.messages.reverse();
    let head = head.unwrap_or(0);
    let older = !log.read_before(room, at, 1)?.events.is_empty();
    Ok(HistoryPage {
        messages: page.messages,
        floor: log.floor(),
        head,
        older: older.then_some(at),
        newer: (before > 0 && before <= head).then(|| before - 1),
    })
}

fn forwards(log: &dyn Log, room: &RoomName, after: Position, limit: usize) -> Result<HistoryPage, LogError> {
    let mut page = Page::new(limit);
    let (mut at, mut head) = (after, 0);
    while !page.full() {
        let chain = log.read_after(room, at)?;
        head = chain.head;
        if chain.events.is_empty() {
            // Nothing is there up to the head, or nothing that can be read.
            at = at.max(head);
            break;
        }
        for event in &chain.events {
            if page.full() {
                break;
            }
            at = event.position;
            page.pass(log, event)?;
        }
    }
    let first = page.messages.first().map_or(after.saturating_add(1), |first| first.position);
    let older = !log.read_before(room, first, 1)?.events.is_empty();
    Ok(HistoryPage {
        messages: page.messages,
        floor: log.floor(),
        head,
        older: older.then_some(first),
        newer: (at < head).then_some(at),
    })
}

/// The messages at these positions that are there, as many as a page may hold. Blocks on storage.
pub(crate) fn messages(
    log: &dyn Log,
    room: &RoomName,
    positions: &[Position],
) -> Result<Vec<Message>, LogError> {
    let mut page = Page::new(PAGE_MESSAGES_MAX);
    for &position in positions {
        if page.full() {
            break;
        }
        let record = match log.record(position) {
            Err(LogError::Damaged { .. }) => continue,
            record => record?,
        };
        if let Some(event) = record.and_then(|record| record.event)
            && event.room == *room
        {
            page.pass(log, &event)?;
        }
    }
    Ok(page.messages)
}

/// One message. Blocks on storage.
pub(crate) fn message(
    log: &dyn Log,
    room: &RoomName,
    position: Position,
) -> Result<Option<Message>, LogError> {
    match log.record(position)?.and_then(|record| record.event) {
        Some(event) if event.room == *room && event.is_message() => latest(log, &event).map(Some),
        _ => Ok(None),
    }
}

fn latest(log: &dyn Log, event: &Event) -> Result<Message, LogError> {
    let (content, edited_at) = latest_text(log, event)?;
    with_text(log, event, content, edited_at)
}

/// Returns the text of a message as it is now, and when it became so if it was edited.
pub(super) fn latest_text(
    log: &dyn Log,
    event: &Event,
) -> Result<(Option<Arc<str>>, Option<Timestamp>), LogError> {
    let Body::Message { content, .. } = &event.body else { return Ok((None, None)) };
    let (mut content, mut edited_at) = (content.clone(), None);
    if content.is_some()
        && let Some(edit) = log.last_edit(event.position)?.and_then(|record| record.event)
        && let Body::Edit { content: newest, .. } = &edit.body
    {
        // None: a delete came between the two reads.
        content.clone_from(newest);
        edited_at = Some(edit.created_at);
    }
    Ok((content, edited_at))
}

/// Returns a message with this text, and the reactions to it.
pub(super) fn with_text(
    log: &dyn Log,
    event: &Event,
    content: Option<Arc<str>>,
    edited_at: Option<Timestamp>,
) -> Result<Message, LogError> {
    let reply_to = match &event.body {
        Body::Message { reply_to, .. } => *reply_to,
        _ => None,
    };
    let (reactions, deleted_by) = match &content {
        Some(_) => (Reactions::gather(log.reactions(event.position)?), None),
        None => (Vec::new(), deleter(log, event.position)?),
    };
    Ok(Message {
        position: event.position,
        prev: event.prev,
        room: event.room.clone(),
        author: event.author.clone(),
        content,
        reply_to,
        created_at: event.created_at,
        edited_at,
        deleted_by,
        reactions,
    })
}

/// Returns whoever deleted a message, if that is known.
fn deleter(log: &dyn Log, target: Position) -> Result<Option<Author>, LogError> {
    let delete = log.delete_of(target)?.and_then(|record| record.event);
    let delete = delete.filter(|event| matches!(event.body, Body::Delete { target: of } if of == target));
    Ok(delete.and_then(|event| event.author.clone()))
}
