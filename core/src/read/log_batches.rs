//! Batches that are read from the log, for the readers at one place of a room.

use std::sync::Arc;

use crate::error::ReadError;
use crate::event::{Event, Position};
use crate::log::{Log, LogError};
use crate::read::fair_queue::Lane;
use crate::read::form::Form;
use crate::read::pool::Answer;
use crate::room::live::Room;
use crate::room::shared_reads::{Duty, LogBatch, Placed, Ticket};
use crate::shared::Shared;

/// The outcome of one read: the batch that is waited for, and those that follow it.
type Batches<B> = (Placed<B>, Vec<Placed<B>>);

impl<B: Send + Sync + 'static> Answer<Batches<B>> for Duty<B> {
    fn is_wanted(&mut self) -> bool {
        Duty::is_wanted(self)
    }

    fn give(self, result: Result<Batches<B>, ReadError>) {
        Duty::give(self, result);
    }
}

/// Reads the events of a room after a place, unless another reader of this form does so already.
pub(crate) fn start<F: Form>(
    form: &F,
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    after: Position,
    client: u64,
) -> Ticket<F::Batch> {
    let is_good = |read: &LogBatch<F::Batch>| {
        let concerns = |target| F::may_have(&read.batch, target);
        room.redactions.validate(read.generation, concerns).is_some()
    };
    let (ticket, duty) = form.log_reads(room).join(after, is_good);
    if let Some(duty) = duty {
        let (form, encoders) = (form.clone(), shared.clone());
        let room = room.clone();
        shared
            .reads
            .start_read((Lane::Streams, client), duty, move |log| read(&form, &encoders, &room, after, log));
    }
    ticket
}

fn read<F: Form>(
    form: &F,
    shared: &Shared,
    room: &Room,
    after: Position,
    log: &dyn Log,
) -> Result<Batches<F::Batch>, LogError> {
    let generation = room.redactions.generation();
    let chain = log.read_after(&room.name, after)?;
    let (head, floor) = (chain.head, chain.floor);
    // None of the room's events up to its head can be read: a gap up to there.
    let lost_to = (chain.events.is_empty() && head > after && floor <= head).then_some(head);
    let placed = |events: &[Arc<Event>]| {
        let (batch, bytes, taken) = form.batch(events, &shared.encoders);
        let prev = events.first().map(|event| event.prev).or(lost_to);
        // Of the first batch, the place is not that of its `prev` if events are missing.
        let after = prev.unwrap_or(after);
        (Placed { after, bytes, read: LogBatch { batch, prev, generation, head, floor } }, taken)
    };
    let (first, mut taken) = placed(&chain.events);
    let mut following = Vec::new();
    while taken < chain.events.len() && following.len() + 1 < F::BATCHES_PER_READ_MAX {
        let (batch, more) = placed(&chain.events[taken..]);
        following.push(batch);
        taken += more.max(1);
    }
    Ok((first, following))
}
