//! Validation of reactions: which are in force already, and how many there are after each.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::SendError;
use crate::event::{Body, Epoch, Position, Receipt};
use crate::limits::REACTIONS_PER_MESSAGE_MAX;
use crate::log::{LogError, Lookups, NewRecord, Payload};
use crate::reaction::Reaction;
use crate::writer::verdict::{Verdict, unreadable};

/// The changes of a batch to reactions so far, for later sends of the same batch.
#[derive(Default)]
pub(crate) struct BatchReactions {
    /// True for each that was added, false for each taken back; with the index of the batch's record.
    there: HashMap<(Position, Reaction, Arc<str>), (bool, usize)>,
    /// The number that each message has more, or fewer, of a kind.
    more: HashMap<(Position, Reaction), isize>,
}

impl BatchReactions {
    /// Decides what becomes of a reaction to a message that is there: how many of its kind there are after
    /// it, if it is to be an event.
    pub fn validate(
        &self,
        log: &dyn Lookups,
        (target, reaction, on): (Position, Reaction, bool),
        (author_id, epoch): (&Arc<str>, Epoch),
    ) -> Result<usize, Verdict> {
        let read = |error: LogError| Verdict::from(unreadable(error));
        match self.there.get(&(target, reaction, author_id.clone())) {
            Some((there, nth)) if *there == on => return Err(Verdict::Event(*nth)),
            Some(_) => {}
            None => match log.reacted(target, reaction, author_id).map_err(read)? {
                Some(position) if on => return Err(Verdict::Replay(receipt(log, position, epoch)?)),
                // Nothing was ever added, or it was taken back: the state is that of when the message was
                // posted.
                None if !on => return Err(Verdict::Replay(receipt(log, target, epoch)?)),
                _ => {}
            },
        }
        let stored = log.counts(target).map_err(read)?;
        let more = |reaction| self.more.get(&(target, reaction)).copied().unwrap_or(0);
        let all_more: isize = Reaction::ALL.into_iter().map(more).sum();
        if on && stored.all_reactions().saturating_add_signed(all_more) >= REACTIONS_PER_MESSAGE_MAX {
            let why = SendError::TooManyReactions(target);
            return Err(if all_more > 0 { Verdict::RejectedByBatch(why) } else { Verdict::Rejected(why) });
        }
        Ok(stored.of(reaction).saturating_add_signed(more(reaction) + if on { 1 } else { -1 }))
    }

    /// Takes the batch's nth record.
    pub fn record(&mut self, append: &NewRecord, nth: usize) {
        let Payload::Event { body: Body::Reaction { target, reaction, on, .. }, .. } = append.payload else {
            return;
        };
        let Some(author) = &append.author else { return };
        self.there.insert((target, reaction, author.id.clone()), (on, nth));
        *self.more.entry((target, reaction)).or_default() += if on { 1 } else { -1 };
    }
}

/// The receipt of an event of the log.
fn receipt(log: &dyn Lookups, position: Position, epoch: Epoch) -> Result<Receipt, Verdict> {
    let damaged = LogError::Damaged { position, what: "it is not there" };
    let record = log.record(position).and_then(|record| record.ok_or(damaged)).map_err(unreadable)?;
    let prev = record.event.map_or(0, |event| event.prev);
    Ok(Receipt { position, prev, epoch, created_at: record.created_at })
}
