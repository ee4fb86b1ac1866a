//! The newest redactions of a room, or of all rooms: what a reader compares its buffers with.
//!
//! A text that was read before its delete must not be delivered after it. Each batch carries the redaction
//! generation at which it was made. A batch of an older generation is still good if none of the redactions
//! since then concerns a text in it; so a delete costs a second read only to those who hold its target.

use std::collections::VecDeque;

use crate::event::{Body, Position};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Most targets that are remembered, for each room and for all. Batches older than that are made again.
pub const REDACTIONS_KEPT_MAX: usize = 512;

/// A moment in the order of deletes and purges: see [`crate::Chat::redaction_mark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedactionMark(pub(crate) u64);

#[derive(Default)]
pub(crate) struct Redactions {
    /// The number of redactions so far. Stored (Release) under the lock of the targets; readers load it
    /// (Acquire) before they read, and again before they deliver.
    generation: AtomicU64,
    /// The targets of the newest deletes, oldest first; those before a purge are forgotten. Held for memory
    /// work only.
    targets: Mutex<VecDeque<Position>>,
}

impl Redactions {
    /// Takes an event, if it redacts. Call it before the event is acknowledged.
    pub fn record(&self, body: &Body) {
        let target = match body {
            Body::Delete { target } => Some(*target),
            Body::Purge => None,
            _ => return,
        };
        let mut targets = self.targets.lock();
        match target {
            Some(target) => targets.push_back(target),
            // It concerns every text before it.
            None => targets.clear(),
        }
        if targets.len() > REDACTIONS_KEPT_MAX {
            targets.pop_front();
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Returns the generation now.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns the moment now.
    pub fn mark(&self) -> RedactionMark {
        RedactionMark(self.generation())
    }

    /// Returns the generation as of which a batch is good that was made at generation `made`: `None` when a
    /// redaction since then concerns it, or may.
    pub fn validate(&self, made: u64, concerns: impl Fn(Position) -> bool) -> Option<u64> {
        let (now, recent) = self.since(made)?;
        // To compare may take long: the lock, which the writer needs, is free by now.
        (!recent.into_iter().any(concerns)).then_some(now)
    }

    /// Returns the generation now, and the targets of the deletes since generation `made`: `None` when there
    /// were too many, or a purge.
    pub fn since(&self, made: u64) -> Option<(u64, Vec<Position>)> {
        if self.generation() == made {
            return Some((made, Vec::new()));
        }
        let targets = self.targets.lock();
        let now = self.generation();
        let since = (now - made) as usize;
        (since <= targets.len()).then(|| (now, targets.iter().rev().take(since).copied().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_good_until_a_redaction_concerns_it_or_too_many_have_come() {
        let redactions = Redactions::default();
        let delete = |target| redactions.record(&Body::Delete { target });
        let holds_7 = |target| target == 7;
        let made = redactions.generation();
        delete(5);
        delete(8);
        assert_eq!(redactions.validate(made, holds_7), Some(2));
        delete(7);
        assert_eq!(redactions.validate(made, holds_7), None);
        assert_eq!(redactions.validate(3, holds_7), Some(3), "made after it");
        delete(9);
        redactions.record(&Body::Purge);
        assert_eq!(redactions.validate(4, holds_7), None, "a purge concerns everything");
        assert_eq!(redactions.validate(5, holds_7), Some(5));
        for n in 0..REDACTIONS_KEPT_MAX as u64 {
            delete(100 + n);
        }
        assert_eq!(redactions.validate(5, holds_7), Some(5 + REDACTIONS_KEPT_MAX as u64));
        delete(99);
        assert_eq!(redactions.validate(5, holds_7), None, "what it missed is not known any more");
        assert_eq!(redactions.targets.lock().len(), REDACTIONS_KEPT_MAX);
    }
}
