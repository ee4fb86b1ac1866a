//! A node's view of its cluster, for those who watch over it.

use std::time::Duration;

use crate::cluster::chain::Mark;
use crate::cluster::entry::{NodeId, Writer};
use crate::cluster::identity::ClusterId;
use crate::cluster::message::Status;

/// A node's view of its cluster, some milliseconds old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// The cluster.
    pub cluster: ClusterId,
    /// This node, in this run.
    pub me: Writer,
    /// The place in the journal that it has read, with the term and its leader.
    pub mark: Mark,
    /// The newest entry of the journal, as the engine last said.
    pub newest: u64,
    /// True if it is the leader and can be.
    pub is_leader: bool,
    /// True if it serves all that was acknowledged anywhere until a short while ago.
    pub is_current: bool,
    /// True if the journal has forgotten entries that it has not read: only a copy of another node's log helps.
    pub is_left_behind: bool,
    /// By how many milliseconds this machine's clock is ahead of the engine's, if that is too much: then it neither
    /// leads nor is current.
    pub clock_ahead_ms: Option<i64>,
    /// Entries of the journal that hold deleted texts, or are void, and that this node has not erased yet. Those of
    /// the present term are the leader's to erase.
    pub erasing: usize,
    /// The reason why it stopped, as a sentence.
    pub stopped: Option<String>,
    /// The other nodes.
    pub others: Vec<OtherNode>,
}

impl NodeState {
    /// Returns the newest entry that all other nodes have read, if all of them have told.
    pub fn slowest(&self) -> Option<u64> {
        let read = self.others.iter().map(|other| other.heard.map(|(_, status)| status.seq));
        read.min_by_key(|seq| seq.unwrap_or(0)).unwrap_or(Some(u64::MAX))
    }
}

/// Another node, as a node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherNode {
    /// The node.
    pub node: NodeId,
    /// The place that it told last, and how long ago it did; `None` if it was never heard.
    pub heard: Option<(Duration, Status)>,
}
