//! The messages between nodes.

use bytes::Bytes;

use crate::cluster::entry::{EntryId, NodeId, Seq, Term};

/// A proposal, as a node hands it to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// Its bytes, of no concern to the protocol.
    pub body: Bytes,
}

/// The place that a node has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The present term.
    pub term: Term,
    /// The newest entry that it has applied and shown to its readers.
    pub seq: Seq,
    /// The hash of the ids of all entries up to it.
    pub trail: EntryId,
    /// True if it is the leader and can be: this is the leader's heartbeat.
    pub is_leader: bool,
}

/// A message from one node to another. Each may be lost, doubled, late, and overtaken by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The place of the sender, told twice a second, and soon after it has applied answers.
    Status(Status),
    /// Proposals for the leader of a term.
    Forward {
        /// The run of the sender.
        run: u64,
        /// The term in which, and in no other, the leader may take them.
        term: Term,
        /// All proposals of this run with smaller numbers are settled.
        lowest: u64,
        /// The proposals.
        proposals: Vec<Proposal>,
    },
    /// The leader of a term has these proposals.
    Confirm {
        /// The run of the node that made them.
        run: u64,
        /// The term.
        term: Term,
        /// Their numbers.
        numbers: Vec<u64>,
    },
}

/// The way to the other nodes.
pub trait Peers: Send + Sync + 'static {
    /// Sends a message, and waits for nothing: one that does not get through is lost.
    fn send(&self, to: NodeId, message: Message);

    /// Sends what there is of people and unfinished answers at this node: at most
    /// [`SIGNALS_BYTES_MAX`](crate::SIGNALS_BYTES_MAX) bytes, some times a second. It waits for nothing, and nothing may
    /// wait for it: if too much does, the oldest is to be lost.
    fn signal(&self, to: NodeId, signals: Bytes);
}
