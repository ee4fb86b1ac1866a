//! The place of a node, for operators.

use millchat::Chat;
use millchat::cluster::Mark;
use serde::{Deserialize, Serialize};

/// The answer to `GET /status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The release of the node.
    pub version: String,
    /// The cluster.
    pub cluster: String,
    /// The number of the present leadership.
    pub term: u64,
    /// True if this node leads.
    pub leads: bool,
    /// True if it serves all that was acknowledged anywhere until a short while ago.
    pub current: bool,
    /// The newest entry of the journal that it has read.
    pub entry: u64,
    /// The newest entry of the journal, as far as it knows.
    pub newest_entry: u64,
    /// The newest position of its log.
    pub head: u64,
    /// The oldest position that is kept.
    pub floor: u64,
    /// The reason why it takes no messages, if it takes none.
    pub not_ready: Option<String>,
}

impl NodeStatus {
    /// Asks a chat that is one of many.
    pub fn of(chat: &Chat) -> Option<Self> {
        let state = chat.cluster()?;
        let Mark { term, seq, head, floor, .. } = state.mark;
        let clock = state.clock_ahead_ms.map(|ahead| {
            format!("its clock is {ahead} ms ahead of the journal's; 2,000 are allowed: look at NTP")
        });
        Some(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: state.cluster.to_string(),
            term,
            leads: state.is_leader,
            current: state.is_current && chat.ready().is_ok(),
            entry: seq,
            newest_entry: state.newest.max(seq),
            head,
            floor,
            not_ready: state.stopped.or(clock).or_else(|| chat.ready().err()),
        })
    }
}
