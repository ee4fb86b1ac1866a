//! The things that a [`Node`](super::Node) is told, and its orders to its owner.

use bytes::Bytes;

use crate::cluster::chain::{Broken, Mark, Passed};
use crate::cluster::entry::{Answer, Entry, EntryId, NodeId, ProposalId, Seq, Writer};
use crate::cluster::message::Message;
use crate::event::Position;

/// A node's place among the others.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The cluster.
    pub cluster: [u8; 16],
    /// This node, in this run. A run is greater than all before it.
    pub me: Writer,
    /// All nodes, with this one.
    pub members: Vec<NodeId>,
    /// The bytes of one entry: see [`Journal::entry_bytes_max`](super::Journal::entry_bytes_max).
    pub entry_bytes_max: usize,
}

/// Proposals as the leader's writer has judged them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The state on which they were judged: that of [`Output::Judge`].
    pub on: EntryId,
    /// The records that they make, as they are stored.
    pub records: Vec<Bytes>,
    /// The answers to them, in their order. Those that have none are judged again.
    pub answers: Vec<Answer>,
    /// The floor of the log with this entry.
    pub floor: Position,
}

/// The outcome of a proposal of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The answer, which every node has read from the journal.
    Answered(Bytes),
    /// It is certainly not stored, and will not be.
    NotStored,
    /// It may be stored, or not, or later.
    Unknown,
}

/// The reason for which a node stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The journal broke its promise.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// The other nodes have read other entries.
    #[error("other nodes have read other entries of the journal, and no majority has read those of this one")]
    Refuted,
    /// The journal lost its end.
    #[error("the journal lost its end: its newest entry is {newest}, and {read} was read of it")]
    WentBack {
        /// The newest entry.
        newest: Seq,
        /// The newest entry that this node has read.
        read: Seq,
    },
    /// Another node's log is not a continuation of this one's.
    #[error("the log of this node and that of the cluster have no common past")]
    NoCommonPast,
}

/// An order to the owner of a [`Node`](super::Node). They are carried out one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a message. It may be lost.
    Send {
        /// The node that is to get it.
        to: NodeId,
        /// The message.
        message: Message,
    },
    /// Put an entry into the journal, and call [`Node::appended`](super::Node::appended).
    Append {
        /// The entry behind which it is to be.
        after: Seq,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Apply an entry to the log, store the mark with it, show it to the readers, and call
    /// [`Node::applied`](super::Node::applied).
    Apply {
        /// The place behind it.
        mark: Mark,
        /// The things that are remembered of it.
        passed: Passed,
        /// The entry.
        entry: Entry,
    },
    /// Store the mark, and call [`Node::applied`](super::Node::applied): an entry was void.
    Pass {
        /// The place behind it.
        mark: Mark,
        /// The things that are remembered of it.
        passed: Passed,
    },
    /// Judge proposals on the state that is applied, and call [`Node::judged`](super::Node::judged).
    Judge {
        /// The last entry that was applied.
        on: EntryId,
        /// The position of the first record.
        first: Position,
        /// The proposals, in their order.
        proposals: Vec<(ProposalId, Bytes)>,
    },
    /// Tell the outcome of a proposal, behind what was to be applied before.
    Settle {
        /// Its number.
        number: u64,
        /// Its outcome.
        outcome: Settled,
    },
    /// Get the records behind this node's head from another node, call [`Node::caught_up`](super::Node::caught_up), apply
    /// them, and call [`Node::applied`](super::Node::applied).
    CatchUp,
    /// Nothing more is read, written or served.
    Stop(Stopped),
}
