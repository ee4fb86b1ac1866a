//! A batch on its way into one commit.

use std::collections::{HashMap, HashSet};

use crate::event::{Body, Position};
use crate::log::price::{BATCH_PRICE_MAX, EDITS_TO_ERASE_MAX};
use crate::log::{NewRecord, Payload};
use crate::writer::idempotency::KeyMap;
use crate::writer::moderation::BatchModeration;
use crate::writer::price::Price;
use crate::writer::queue::{Reply, Reserved};
use crate::writer::reactions::BatchReactions;
use crate::writer::values::BatchValues;
use crate::writer::verdict::Verdict;

/// A batch being validated.
#[derive(Default)]
pub(super) struct Batch {
    pub records: Vec<NewRecord>,
    /// Keys of the batch and their event.
    pub keys: KeyMap<usize>,
    /// Messages that the batch deletes.
    pub deletes: HashSet<Position>,
    /// Edits of the batch, by their message.
    pub edits: HashMap<Position, usize>,
    /// Rooms that it closes and purges, authors that it bans.
    pub moderation: BatchModeration,
    pub reactions: BatchReactions,
    /// Values that it sets and removes.
    pub values: BatchValues,
    pub replies: Vec<(Reply, Verdict, Reserved)>,
    /// The prices of its requests so far.
    units: usize,
    /// The edits that its deletes leave to be erased by later commits.
    edits_to_erase: usize,
}

impl Batch {
    /// Returns true if a request of this price fits into the batch, with `edits_to_erase` edits of earlier
    /// deletes that are still to be erased. A batch takes one request of any price.
    pub fn has_room(&self, price: &Price, edits_to_erase: usize) -> bool {
        let units = self.units + price.lookup + price.rewrite;
        let waiting = edits_to_erase + self.edits_to_erase;
        (self.units == 0 || units <= BATCH_PRICE_MAX)
            && (price.edits_to_erase == 0
                || waiting == 0
                || waiting + price.edits_to_erase <= EDITS_TO_ERASE_MAX)
    }

    /// Adds the price of a request: of one that was refused, only that of looking at it.
    pub fn pay(&mut self, price: &Price, is_taken: bool) {
        self.units += price.lookup;
        if is_taken {
            self.units += price.rewrite;
            self.edits_to_erase += price.edits_to_erase;
        }
    }

    /// Takes a record, for those that are validated after it. Returns its index in the batch.
    pub fn push(&mut self, append: NewRecord) -> usize {
        let nth = self.records.len();
        if let Some(key) = append.key {
            self.keys.insert(key, nth);
        }
        match append.payload {
            Payload::Event { body: Body::Delete { target }, .. } => drop(self.deletes.insert(target)),
            Payload::Event { body: Body::Edit { target, .. }, .. } => {
                *self.edits.entry(target).or_default() += 1;
            }
            _ => {}
        }
        self.moderation.record(&append.payload, nth);
        self.reactions.record(&append, nth);
        self.values.record(&append);
        self.records.push(append);
        nth
    }
}
