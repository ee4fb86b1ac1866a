//! Search: the messages of a room whose text, as it is now, has every term of a query, newest first.
//!
//! With an index in the log, a search looks at its packs and reads only the texts that may match; the rest
//! it reads text by text. Either way it compares the text itself, so what it returns does not depend on the
//! index. Its work is bounded: with nothing found, too, it ends, and says where to go on.

use crate::event::{Body, Event, Position, RoomName};
use crate::limits::SEARCH_MESSAGES_MAX;
use crate::log::{Found, Log, LogError, READ_EVENTS_MAX};
use crate::message::Message;
use crate::read::history::{Page, Texts, latest_text, with_text};
use crate::search::Query;

/// Most packs of the index that one search looks at: each stands for up to 128 events, and a large one counts
/// as several.
pub const SEARCH_PACKS_MAX: usize = 2_048;
/// Most events that one search reads, to compare their texts or to pass over them.
pub const SEARCH_EVENTS_MAX: usize = 2_048;
/// A search ends with the text that takes it past this many bytes of texts that it compared.
pub const SEARCH_BYTES_MAX: usize = 256 * 1024;

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPage {
    /// The messages, each in its latest state, newest first.
    pub messages: Vec<Message>,
    /// The oldest position of the log that is kept.
    pub floor: Position,
    /// The newest position of the room (of any event, not only of a message).
    pub head: Position,
    /// `before` of the search that goes on, when there may be more. A page may be short, even empty, and have
    /// more all the same: it has looked at as much as one search may.
    pub older: Option<Position>,
}

impl Texts for SearchPage {
    fn messages(&mut self) -> &mut [Message] {
        &mut self.messages
    }

    fn redact(&mut self, deleted: &[Position]) {
        self.messages.retain(|message| !deleted.contains(&message.position));
    }
}

/// Searches a room for messages before a position. Blocks on storage.
pub(crate) fn search(
    log: &dyn Log,
    room: &RoomName,
    query: &Query,
    before: Position,
    limit: usize,
) -> Result<SearchPage, LogError> {
    let head = log.room_head(room)?;
    let page = Page::new(limit.clamp(1, SEARCH_MESSAGES_MAX));
    let mut search = Search { log, room, query, page, at: before, packs: 0, events: 0, bytes: 0 };
    search.run()?;
    let Search { page, at, .. } = search;
    let older = at > 0 && !log.read_before(room, at, 1)?.events.is_empty();
    Ok(SearchPage { messages: page.messages, floor: log.floor(), head, older: older.then_some(at) })
}

/// A search under way.
struct Search<'a> {
    log: &'a dyn Log,
    room: &'a RoomName,
    query: &'a Query,
    page: Page,
    /// All from here on has been looked at; 0 when there is nothing more.
    at: Position,
    packs: usize,
    events: usize,
    bytes: usize,
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), LogError> {
        let terms = self.query.hashes();
        while self.at > 0 && !self.is_full() {
            match self.log.find(self.room, self.at, &terms, SEARCH_PACKS_MAX - self.packs)? {
                Found::Indexed { messages, next, packs } => {
                    self.packs += packs.max(1);
                    self.indexed(&messages, next)?;
                }
                Found::Unindexed { after } => self.unindexed(after)?,
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.page.full()
            || self.packs >= SEARCH_PACKS_MAX
            || self.events >= SEARCH_EVENTS_MAX
            || self.bytes >= SEARCH_BYTES_MAX
    }

    /// Looks at the messages that may match.
    fn indexed(&mut self, messages: &[Position], next: Position) -> Result<(), LogError> {
        for &position in messages {
            if self.is_full() {
                return Ok(());
            }
            // One that was trimmed since, or does not read back, is no result.
            let event = match self.log.record(position) {
                Ok(record) => record.and_then(|record| record.event),
                Err(LogError::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            if let Some(event) = event.filter(|event| event.room == *self.room) {
                self.compare(&event)?;
            }
            self.at = position;
        }
        self.at = next;
        Ok(())
    }

    /// Reads the texts of a part of the room, down to the event after `after`.
    fn unindexed(&mut self, after: Position) -> Result<(), LogError> {
        while !self.is_full() {
            let chain = self.log.read_before(self.room, self.at, READ_EVENTS_MAX)?;
            if chain.events.is_empty() {
                self.at = after.saturating_add(1).min(self.at);
                // With nothing below there is nothing more.
                if after == 0 {
                    self.at = 0;
                }
                return Ok(());
            }
            for event in chain.events.iter().rev() {
                if event.position <= after {
                    self.at = after + 1;
                    return Ok(());
                }
                if self.is_full() {
                    return Ok(());
                }
                self.at = event.position;
                // No event before it has a text.
                if event.body == Body::Purge {
                    self.at = 0;
                    return Ok(());
                }
                self.compare(event)?;
            }
        }
        Ok(())
    }

    /// Compares a message with the query.
    fn compare(&mut self, event: &Event) -> Result<(), LogError> {
        self.events += 1;
        let (text, edited_at) = latest_text(self.log, event)?;
        if let Some(text) = text {
            self.bytes += text.len();
            if self.query.matches(&text) {
                self.page.push(with_text(self.log, event, Some(text), edited_at)?);
            }
        }
        Ok(())
    }
}
