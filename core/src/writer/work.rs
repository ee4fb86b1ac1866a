//! The hand-over between the protocol of many nodes and the thread that writes.

use bytes::Bytes;

use crate::cluster::{AppliedBy, EntryId, Judged, Message, NodeId, ProposalId, Seq};
use crate::error::SendError;
use crate::event::{Position, Receipt};
use crate::log::FinishedEntry;
use crate::writer::queue::{Reply, Reserved};

/// Most pieces of work that wait for the thread that writes.
pub(super) const WORK_MAX: usize = 256;
/// Most inputs that wait for the protocol.
pub(super) const INPUTS_MAX: usize = 1_024;

/// Work for the thread that writes. It does it in order.
pub(super) enum Work {
    /// Apply an entry, and show it to the readers.
    Apply(FinishedEntry),
    /// Judge proposals on what is applied.
    Judge { on: EntryId, proposals: Vec<(ProposalId, Bytes)> },
    /// Answer a sender of this node.
    Answer(Reply, Result<Receipt, SendError>),
    /// The same, as the leader has answered.
    PassOn(Reply, Bytes),
}

/// A piece of work that the thread that writes has done.
pub(super) enum Done {
    /// Judged proposals.
    Judged(Judged),
    /// Applied the entries up to this one, and shown them to the readers.
    Applied(Seq),
    /// Taken the texts out of these records.
    Redacted(Vec<Position>),
}

/// Input for the protocol.
pub(super) enum Input {
    /// Sends of this node.
    Sends(Vec<NewProposal>),
    /// A message of another node.
    Message(NodeId, Message),
}

/// A send of this node, as bytes.
pub(super) struct NewProposal {
    pub body: Bytes,
    pub by: AppliedBy,
    pub reply: Reply,
    pub reserved: Reserved,
}
