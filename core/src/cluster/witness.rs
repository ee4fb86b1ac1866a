//! Compares the reports of the other nodes with the journal that this one has read.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::chain::Chain;
use crate::cluster::entry::NodeId;
use crate::cluster::message::Status;

/// A status counts for this time.
const FRESH: Duration = Duration::from_secs(2);
/// Nodes that disagree have this time to find a majority.
const DOUBT_MAX: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// The newest status of each other node, and when it came.
    heard: BTreeMap<NodeId, (Duration, Status)>,
    doubt_since: Option<Duration>,
}

/// The verdict of the other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Nobody disagrees, or a majority agrees.
    Fine,
    /// Another node has read another entry, and there may yet be a majority for this one's.
    Doubt,
    /// There is none.
    Refuted,
}

impl Witness {
    pub fn hear(&mut self, now: Duration, from: NodeId, status: Status) {
        self.heard.insert(from, (now, status));
    }

    /// Returns the time until which every other node has just said that it is where this one is; `None` if one has
    /// not.
    pub fn unanimous_until(&self, now: Duration, chain: &Chain, others: &[NodeId]) -> Option<Duration> {
        let here = chain.trail(chain.mark().seq)?;
        let mut until = now + FRESH;
        for node in others {
            let (at, status) = self.heard.get(node)?;
            if status.seq != chain.mark().seq || status.trail != here {
                return None;
            }
            until = until.min(*at + FRESH);
        }
        Some(until)
    }

    /// Compares all that was heard. `members` counts this node too.
    pub fn opinion(&mut self, now: Duration, chain: &Chain, members: usize) -> Opinion {
        let (mut agree, mut disagree) = (1, 0);
        for (at, status) in self.heard.values() {
            if now > *at + FRESH {
                continue;
            }
            match chain.trail(status.seq) {
                Some(trail) if trail == status.trail => agree += 1,
                Some(_) => disagree += 1,
                // It is ahead of this node, or far behind.
                None => {}
            }
        }
        if disagree == 0 || agree * 2 > members {
            self.doubt_since = None;
            return Opinion::Fine;
        }
        let since = *self.doubt_since.get_or_insert(now);
        if now >= since + DOUBT_MAX { Opinion::Refuted } else { Opinion::Doubt }
    }
}
