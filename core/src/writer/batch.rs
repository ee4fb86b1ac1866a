//! A batch on its way into one commit.

use std::collections::HashMap;

use crate::event::{Body, Position};
use crate::log::{Append, Hash, What};
use crate::writer::moderation::Changes;
use crate::writer::queue::{Reply, Reserved};
use crate::writer::reactions::Changed;
use crate::writer::verdict::Verdict;

/// A batch being judged.
#[derive(Default)]
pub(super) struct Batch {
    pub appends: Vec<Append>,
    /// Keys of the batch and their event.
    pub keys: HashMap<Hash, usize>,
    /// Messages that the batch deletes.
    pub deletes: Vec<Position>,
    /// What it closes, bans and empties.
    pub changes: Changes,
    pub reactions: Changed,
    pub replies: Vec<(Reply, Verdict, Reserved)>,
}

impl Batch {
    /// Takes a record, for those that are judged after it. Returns which of the batch's it is.
    pub fn push(&mut self, append: Append) -> usize {
        let nth = self.appends.len();
        if let Some(key) = append.key {
            self.keys.insert(key, nth);
        }
        if let What::Event { body: Body::Delete { target }, .. } = append.what {
            self.deletes.push(target);
        }
        self.changes.note(&append.what, nth);
        self.reactions.note(&append, nth);
        self.appends.push(append);
        nth
    }
}
