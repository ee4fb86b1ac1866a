//! The proposals that the leader of a term has accepted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::cluster::entry::{NodeId, ProposalId, Writer};
use crate::cluster::message::Proposal;
use crate::cluster::proposals::PROPOSALS_MAX;

/// The bytes of the proposals that a leader has accepted and not yet judged.
pub const INBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most bytes of an entry that a proposal takes beside its own: the rest of its record, and of its answer.
const OVERHEAD_BYTES: usize = 320;

/// The proposals accepted in one term: each number once. At its end all that are left are dropped: their nodes
/// hand them to the next leader.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queue: VecDeque<(ProposalId, Bytes)>,
    bytes: usize,
    /// The newest run of each node, and its numbers that were accepted.
    accepted: BTreeMap<NodeId, Numbers>,
}

#[derive(Debug)]
struct Numbers {
    run: u64,
    /// Smaller ones are settled.
    lowest: u64,
    /// Of the others, those that were accepted: at most [`PROPOSALS_MAX`].
    accepted: BTreeSet<u64>,
}

impl Inbox {
    /// Takes the proposals that are new and fit. Returns the numbers of those that it has or had.
    pub fn offer(&mut self, by: Writer, lowest: u64, proposals: Vec<Proposal>) -> Vec<u64> {
        let fresh = || Numbers { run: by.run, lowest: 0, accepted: BTreeSet::new() };
        let numbers = self.accepted.entry(by.node).or_insert_with(fresh);
        if by.run > numbers.run {
            *numbers = fresh();
        } else if by.run < numbers.run {
            // The node has started again since: nobody waits for these.
            return Vec::new();
        }
        if lowest > numbers.lowest {
            numbers.lowest = lowest;
            numbers.accepted = numbers.accepted.split_off(&lowest);
        }
        let mut has = Vec::new();
        for Proposal { number, body } in proposals {
            if number < numbers.lowest {
                continue;
            }
            if !numbers.accepted.contains(&number) {
                let is_near = number - numbers.lowest < PROPOSALS_MAX as u64;
                if !is_near || self.bytes + body.len() > INBOX_BYTES_MAX {
                    // Handed over again in a while.
                    continue;
                }
                numbers.accepted.insert(number);
                self.bytes += body.len();
                self.queue.push_back((ProposalId { by, number }, body));
            }
            has.push(number);
        }
        has
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns true if there is enough for an entry.
    pub fn fills(&self, count_max: usize, bytes_max: usize) -> bool {
        self.queue.len() >= count_max || self.bytes + self.queue.len() * OVERHEAD_BYTES >= bytes_max
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes the oldest proposals, one at least, up to so many, and up to so many bytes of an entry.
    pub fn take(&mut self, count_max: usize, bytes_max: usize) -> Vec<(ProposalId, Bytes)> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some((_, body)) = self.queue.front() {
            bytes += body.len() + OVERHEAD_BYTES;
            if taken.len() == count_max || (!taken.is_empty() && bytes > bytes_max) {
                break;
            }
            self.bytes -= body.len();
            taken.extend(self.queue.pop_front());
        }
        taken
    }

    /// Puts proposals back that were taken and not judged, before all others.
    pub fn give_back(&mut self, proposals: Vec<(ProposalId, Bytes)>) {
        for (id, body) in proposals.into_iter().rev() {
            self.bytes += body.len();
            self.queue.push_front((id, body));
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
