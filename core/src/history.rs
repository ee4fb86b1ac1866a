//! History: the fold of a room's chain, by page.
//!
//! A page holds messages in their latest state. It costs what it returns, the events it passes over, and at
//! most 128 reads more, wherever in the log it lies; no read transaction outlives 256 records.

use crate::chat::is_message;
use crate::event::{Body, Event, Message, Position, RoomName};
use crate::log::{Log, LogError, READ_EVENTS_MAX};

/// Most messages of a page; more is clamped.
pub const PAGE_MESSAGES_MAX: usize = 1_000;

/// Which part of a room's history.
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

fn backwards(
    log: &dyn Log,
    room: &RoomName,
    before: Position,
    limit: usize,
) -> Result<HistoryPage, LogError> {
    let mut messages = Vec::new();
    let (mut at, mut head) = (before, None);
    let older = loop {
        let chain = log.read_before(room, at, (limit - messages.len() + 1).min(READ_EVENTS_MAX))?;
        // The head as of the first read: later events reach a reader that goes on from it.
        let _ = head.get_or_insert(chain.head);
        let Some(oldest) = chain.events.first() else { break None };
        let (oldest, more) = (oldest.position, oldest.prev != 0);
        for event in chain.events.iter().rev().filter(|event| is_message(event)) {
            if messages.len() == limit {
                break;
            }
            messages.push(latest(log, event)?);
        }
        match messages.last() {
            // Whether an older one is kept is known once the log was asked for it.
            Some(last) if messages.len() == limit => {
                break (oldest < last.position || more).then_some(last.position);
            }
            _ if !more => break None,
            _ => at = oldest,
        }
    };
    messages.reverse();
    let head = head.unwrap_or(0);
    let newer = (before <= head).then(|| before - 1);
    let older = match older {
        Some(before) if log.read_before(room, before, 1)?.events.is_empty() => None,
        older => older,
    };
    Ok(HistoryPage { messages, floor: log.floor(), head, older, newer })
}

fn forwards(log: &dyn Log, room: &RoomName, after: Position, limit: usize) -> Result<HistoryPage, LogError> {
    let mut messages = Vec::new();
    let (mut at, mut head) = (after, 0);
    while messages.len() < limit {
        let chain = log.read_after(room, at)?;
        head = chain.head;
        let Some(last) = chain.events.last() else { break };
        at = last.position;
        for event in chain.events.iter().filter(|event| is_message(event)) {
            if messages.len() == limit {
                break;
            }
            at = event.position;
            messages.push(latest(log, event)?);
        }
    }
    let newer = (messages.len() == limit && at < head).then_some(at);
    let first = messages.first().map_or(after.saturating_add(1), |first| first.position);
    let older = (!log.read_before(room, first, 1)?.events.is_empty()).then_some(first);
    Ok(HistoryPage { messages, floor: log.floor(), head, older, newer })
}

/// One message. Blocks on storage.
pub(crate) fn message(
    log: &dyn Log,
    room: &RoomName,
    position: Position,
) -> Result<Option<Message>, LogError> {
    match log.record(position)?.and_then(|record| record.event) {
        Some(event) if event.room == *room && is_message(&event) => latest(log, &event).map(Some),
        _ => Ok(None),
    }
}

fn latest(log: &dyn Log, event: &Event) -> Result<Message, LogError> {
    let mut content = match &event.body {
        Body::Message { content } => content.clone(),
        _ => None,
    };
    let mut edited_at = None;
    if content.is_some()
        && let Some(edit) = log.last_edit(event.position)?.and_then(|record| record.event)
        && let Body::Edit { content: newest, .. } = &edit.body
    {
        // None: a delete came between the two reads.
        content.clone_from(newest);
        edited_at = Some(edit.created_at);
    }
    Ok(Message {
        position: event.position,
        prev: event.prev,
        room: event.room.clone(),
        author: event.author.clone(),
        content,
        created_at: event.created_at,
        edited_at,
    })
}
