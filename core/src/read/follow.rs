//! Following the whole log: the events of all rooms, in their one order.
//!
//! A follower holds a position and reads on from it, a batch at a time. It queues nothing: the writer only says
//! that there is more, so a slow follower costs its position and slows nobody. What a delete or a purge took
//! away before a batch is given is not in it.

use std::pin::pin;
use std::sync::Arc;

use crate::error::ReadError;
use crate::event::{Event, Position};
use crate::log::{Log, LogError, READ_EVENTS_MAX, Record};
use crate::read::fair_queue::Lane;
use crate::room::redactions::RedactionMark;
use crate::shared::Shared;

/// Most reads of the same batch, when rooms are purged or very much is deleted while it is read.
const READS_MAX: usize = 8;

/// A part of the log, as [`Follower::next`] gives it.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Events of all rooms, oldest first: at most 256, and about 1 MiB. It may be empty: bans and kept values are
    /// records of no room.
    pub events: Vec<Arc<Event>>,
    /// The position up to which this part goes: follow from here to go on after it.
    pub position: Position,
    /// Positions that retention took before they were read, and records that are damaged.
    pub lost: u64,
    /// The moment at which the texts of the events were current: see [`crate::Chat::is_current`].
    pub mark: RedactionMark,
}

/// Reads the events of the whole log in order: see [`crate::Chat::follow`].
pub struct Follower {
    shared: Arc<Shared>,
    position: Position,
    client: u64,
}

impl Follower {
    pub(crate) fn new(shared: Arc<Shared>, after: Position, client: u64) -> Self {
        Self { shared, position: after, client }
    }

    /// Returns the position up to which everything was given.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Waits for what follows; `None` once the chat is closed and everything was given. Dropping the future loses
    /// nothing. After an error the next call tries the same place again.
    pub async fn next(&mut self) -> Option<Result<Followed, ReadError>> {
        loop {
            let mut more = pin!(self.shared.committed.notified());
            // Before the head is read: a commit after that wakes this follower.
            more.as_mut().enable();
            // Before the head too: all that is committed before the chat closes is found by it.
            let has_ended = self.shared.is_closed();
            if self.shared.log.head() > self.position {
                return match self.read().await {
                    Err(_) if self.shared.is_closed() => None,
                    Ok(followed) => {
                        self.position = followed.position;
                        Some(Ok(followed))
                    }
                    Err(error) => Some(Err(error)),
                };
            }
            if has_ended {
                return None;
            }
            more.await;
        }
    }

    async fn read(&self) -> Result<Followed, ReadError> {
        let after = self.position;
        self.shared.check_current()?;
        for _ in 0..READS_MAX {
            let made = self.shared.redactions.generation();
            let turn = (Lane::Streams, self.client);
            let mut followed = self.shared.reads.read(turn, move |log| read(log, after, made)).await?;
            self.shared.check_current()?;
            if let Some((now, deleted)) = self.shared.redactions.since(made) {
                followed.mark = RedactionMark(now);
                for event in &mut followed.events {
                    if deleted.iter().any(|target| event.is_text_of(*target)) {
                        *event = Arc::new(event.redacted());
                    }
                }
                return Ok(followed);
            }
        }
        Err(ReadError::Busy)
    }
}

fn read(log: &dyn Log, after: Position, made: u64) -> Result<Followed, LogError> {
    let (head, from) = (log.head(), after + 1);
    let (records, position) = match log.scan(from) {
        Err(LogError::Damaged { .. }) => around_damage(log, from, head)?,
        records => {
            let records = records?;
            // None at all: retention took them up to the head.
            let position = records.last().map_or(head, |record| record.position);
            (records, position)
        }
    };
    let lost = position - after - records.len() as u64;
    let events = records.into_iter().filter_map(|record| record.event).collect();
    Ok(Followed { events, position, lost, mark: RedactionMark(made) })
}

/// Reads records one by one, without those that are damaged. Also returns the position up to which it looked.
fn around_damage(log: &dyn Log, from: Position, head: Position) -> Result<(Vec<Record>, Position), LogError> {
    let from = from.max(log.floor());
    let last = head.min(from + READ_EVENTS_MAX as u64 - 1);
    let mut records = Vec::new();
    for position in from..=last {
        match log.record(position) {
            Err(LogError::Damaged { .. }) => {}
            record => records.extend(record?),
        }
    }
    Ok((records, last.max(from - 1)))
}
