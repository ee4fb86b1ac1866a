//! The outcomes of sends, as their senders know them.

use std::sync::Arc;

use millchat::{Position, RoomName};
use parking_lot::Mutex;

use crate::observed::EventDigest;

/// The end of one send, as its sender knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged { position: Position, prev: Position },
    Unknown,
    Rejected,
}

/// One observed outcome of one send. A send that is retried with its key keeps its sequence number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub sequence: u64,
    pub event: EventDigest,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct SenderRecord {
    pub room: RoomName,
    pub name: String,
    pub sent: Vec<Sent>,
}

/// The outcomes of one sender. Clones share them.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Mutex<SenderRecord>>);

impl Sender {
    pub(crate) fn new(record: Arc<Mutex<SenderRecord>>) -> Self {
        Self(record)
    }

    /// The send was acknowledged with this place. `sequence` counts the sender's sends upwards.
    pub fn acknowledged(&self, sequence: u64, event: EventDigest, position: Position, prev: Position) {
        self.record(sequence, event, Outcome::Acknowledged { position, prev });
    }

    /// Nobody knows whether the send was stored: the line or the server died first, or the server said so.
    /// If a retry with the same key settles it, tell that too, under the same `sequence`.
    pub fn unknown(&self, sequence: u64, event: EventDigest) {
        self.record(sequence, event, Outcome::Unknown);
    }

    /// The server said that the send was not stored.
    pub fn rejected(&self, sequence: u64, event: EventDigest) {
        self.record(sequence, event, Outcome::Rejected);
    }

    fn record(&self, sequence: u64, event: EventDigest, outcome: Outcome) {
        self.0.lock().sent.push(Sent { sequence, event, outcome });
    }
}
