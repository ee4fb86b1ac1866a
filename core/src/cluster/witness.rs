//! Compares the reports of the other nodes with the journal that this one has read.
//!
//! A report says nothing of the time at which it was made: after a cut or a pause there may be old ones among those
//! that come, and each of them looks new. So that nobody has a newer entry is believed only of nodes that have not
//! been silent for longer than [`FRESH`] since this one last knew by its entries that it is current.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::chain::Chain;
use crate::cluster::entry::{NodeId, Seq};
use crate::cluster::message::Status;

/// A status counts for this time.
const FRESH: Duration = Duration::from_secs(2);
/// Nodes that disagree have this time to find a majority.
const DOUBT_MAX: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Witness {
    heard: BTreeMap<NodeId, Heard>,
    doubt_since: Option<Duration>,
}

/// The newest status of a node that came.
#[derive(Debug)]
struct Heard {
    at: Duration,
    status: Status,
    /// The newest entry that any of its reports named.
    highest: Seq,
    /// It has not been silent since this node was last current by its entries.
    is_steady: bool,
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
        let before = self.heard.get(&from);
        let is_steady = before.is_some_and(|before| before.is_steady && now <= before.at + FRESH);
        let highest = before.map_or(0, |before| before.highest).max(status.seq);
        self.heard.insert(from, Heard { at: now, status, highest, is_steady });
    }

    /// This node knows by its entries that it is current: from now on those that speak are believed until they are
    /// silent.
    pub fn believe(&mut self, now: Duration) {
        for heard in self.heard.values_mut().filter(|heard| now <= heard.at + FRESH) {
            heard.is_steady = true;
        }
    }

    /// Returns the newest entry that every other node has once said that it has applied.
    pub fn applied_by(&self, others: &[NodeId]) -> Seq {
        let applied = others.iter().map(|node| self.heard.get(node).map_or(0, |heard| heard.highest));
        applied.min().unwrap_or(Seq::MAX)
    }

    /// Returns the time until which every other node has just said that it is where this one is, at the end of the
    /// chain; `None` if one has not.
    pub fn unanimous_until(&self, now: Duration, chain: &Chain, others: &[NodeId]) -> Option<Duration> {
        let seq = chain.mark().seq;
        let here = chain.trail(seq)?;
        let mut until = now + FRESH;
        for node in others {
            let Heard { at, status, highest, is_steady } = self.heard.get(node)?;
            if !is_steady || *highest > seq || status.seq != seq || status.trail != here {
                return None;
            }
            until = until.min(*at + FRESH);
        }
        Some(until)
    }

    /// Returns the newest status of a node, and how long ago it came.
    pub fn heard(&self, now: Duration, node: NodeId) -> Option<(Duration, Status)> {
        self.heard.get(&node).map(|heard| (now.saturating_sub(heard.at), heard.status))
    }

    /// Compares all that was heard. `members` counts this node too.
    pub fn opinion(&mut self, now: Duration, chain: &Chain, members: usize) -> Opinion {
        let (mut agree, mut disagree) = (1, 0);
        for Heard { at, status, .. } in self.heard.values() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::chain::{Mark, Passed};
    use crate::cluster::entry::EntryId;

    const TRAIL: EntryId = EntryId([7; 16]);

    fn chain() -> Chain {
        let passed = Passed { id: TRAIL, counts: true, trail: TRAIL };
        Chain::at(Mark { seq: 5, ..Mark::default() }, [passed])
    }

    fn says(seq: Seq) -> Status {
        Status { term: 1, seq, trail: TRAIL, is_leader: false }
    }

    #[test]
    fn what_comes_after_a_silence_may_be_old_and_makes_nobody_unanimous() {
        let (mut witness, at) = (Witness::default(), Duration::from_secs);
        let is_unanimous = |witness: &Witness, now| witness.unanimous_until(now, &chain(), &[2, 3]).is_some();
        let both_say = |witness: &mut Witness, now| {
            witness.hear(now, 2, says(5));
            witness.hear(now, 3, says(5));
        };
        both_say(&mut witness, at(1));
        assert!(!is_unanimous(&witness, at(1)), "nothing is known of the time before");
        witness.believe(at(1));
        assert!(is_unanimous(&witness, at(1)));
        both_say(&mut witness, at(3));
        assert!(is_unanimous(&witness, at(3)), "it was not silent");
        both_say(&mut witness, at(60));
        assert!(!is_unanimous(&witness, at(60)), "words of before the silence look like new ones");
    }

    #[test]
    fn nodes_are_not_unanimous_once_one_of_them_was_ahead() {
        let (mut witness, now) = (Witness::default(), Duration::from_secs(1));
        for (node, seq) in [(2, 6), (3, 5), (2, 5)] {
            witness.hear(now, node, says(seq));
        }
        witness.believe(now);
        assert_eq!(witness.unanimous_until(now, &chain(), &[2, 3]), None);
        assert_eq!(witness.unanimous_until(now, &chain(), &[3]), Some(now + FRESH));
        assert_eq!((witness.applied_by(&[2, 3]), witness.applied_by(&[2])), (5, 6));
        assert_eq!(witness.applied_by(&[2, 4]), 0, "of one it was never heard");
    }
}
