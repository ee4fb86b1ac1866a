//! A batch on its way into one commit.

use std::collections::HashMap;

use crate::event::{Body, Position};
use crate::log::{Hash, NewRecord, Payload};
use crate::writer::moderation::BatchModeration;
use crate::writer::queue::{Reply, Reserved};
use crate::writer::reactions::BatchReactions;
use crate::writer::verdict::Verdict;

/// A batch being validated.
#[derive(Default)]
pub(super) struct Batch {
    pub records: Vec<NewRecord>,
    /// Keys of the batch and their event.
    pub keys: HashMap<Hash, usize>,
    /// Messages that the batch deletes.
    pub deletes: Vec<Position>,
    /// Rooms that it closes and purges, authors that it bans.
    pub moderation: BatchModeration,
    pub reactions: BatchReactions,
    pub replies: Vec<(Reply, Verdict, Reserved)>,
}

impl Batch {
    /// Takes a record, for those that are validated after it. Returns its index in the batch.
    pub fn push(&mut self, append: NewRecord) -> usize {
        let nth = self.records.len();
        if let Some(key) = append.key {
            self.keys.insert(key, nth);
        }
        if let Payload::Event { body: Body::Delete { target }, .. } = append.payload {
            self.deletes.push(target);
        }
        self.moderation.record(&append.payload, nth);
        self.reactions.record(&append, nth);
        self.records.push(append);
        nth
    }
}
