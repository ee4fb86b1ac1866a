//! Batches of frames: encoded events that follow each other, and the texts that are in them.

use std::sync::Arc;

use crate::event::{Body, Event, Position};
use crate::room::encoder::Frames;

/// Frames of events that follow each other, to be delivered at once.
#[derive(Clone)]
pub(crate) struct FramesBatch {
    pub frames: Frames,
    /// The position of the last event.
    pub last: Position,
    /// The texts in it; `None` when that is not known, as of what the ring gives.
    pub texts: Option<Arc<Texts>>,
}

/// The messages whose text is in a batch.
#[derive(Debug)]
pub(crate) struct Texts {
    first: Position,
    last: Position,
    /// Targets of the edits in it, ascending.
    edited: Vec<Position>,
}

impl Texts {
    /// Of events that follow each other, oldest first.
    pub fn of(events: &[Arc<Event>]) -> Self {
        let target = |event: &Arc<Event>| match event.body {
            Body::Edit { target, .. } => Some(target),
            _ => None,
        };
        let mut edited: Vec<Position> = events.iter().filter_map(target).collect();
        edited.sort_unstable();
        let position = |event: Option<&Arc<Event>>| event.map_or(0, |event| event.position);
        Self { first: position(events.first()), last: position(events.last()), edited }
    }

    /// Returns true if the text of this message, or of an edit of it, may be in the batch.
    pub fn may_have(&self, message: Position) -> bool {
        (self.first..=self.last).contains(&message) || self.edited.binary_search(&message).is_ok()
    }
}
