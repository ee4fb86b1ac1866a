//! Promises that hold for a cluster, whatever happens to it.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::cluster::{AppliedBy, NodeId, Settled};
use crate::event::Position;

/// The outcome of a proposal, as its client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Nothing,
    Stored(Position),
    Refused,
    NotStored,
    Unknown,
}

/// The first log that any node had, and what clients were told.
#[derive(Default)]
pub struct Oracle {
    /// Each position, as the first node applied it.
    log: BTreeMap<Position, Bytes>,
    positions: HashMap<Bytes, Position>,
    told: BTreeMap<u64, Told>,
    /// The newest position of which a client was told that all have applied it.
    applied_by_all: Position,
}

/// Every seventh proposal is refused by the writer.
pub fn is_refused(proposal: u64) -> bool {
    proposal.is_multiple_of(7)
}

pub fn body(proposal: u64) -> Bytes {
    proposal.to_le_bytes().to_vec().into()
}

impl Oracle {
    pub fn proposed(&mut self, proposal: u64) {
        self.told.insert(proposal, Told::Nothing);
    }

    /// A node has applied a record.
    pub fn applied(&mut self, position: Position, record: &Bytes) {
        let first = self.log.entry(position).or_insert_with(|| record.clone());
        assert_eq!(first, record, "two nodes have another record at {position}");
        let known = *self.positions.entry(record.clone()).or_insert(position);
        assert_eq!(known, position, "a proposal is stored twice");
    }

    /// A node tells a client. `log` is the node's own.
    pub fn told(&mut self, proposal: u64, outcome: &Settled, by: AppliedBy, log: &[Bytes]) {
        let told = match outcome {
            Settled::NotStored => Told::NotStored,
            Settled::Unknown => Told::Unknown,
            Settled::Answered(answer) if answer.is_empty() => Told::Refused,
            Settled::Answered(answer) => {
                let position = u64::from_le_bytes(answer[..].try_into().expect("a position"));
                let record = log.get(position as usize - 1);
                assert_eq!(record, Some(&body(proposal)), "told before the node itself has it");
                if by == AppliedBy::All {
                    self.applied_by_all = self.applied_by_all.max(position);
                }
                Told::Stored(position)
            }
        };
        let before = self.told.insert(proposal, told);
        assert_eq!(before, Some(Told::Nothing), "a client was told twice");
    }

    /// A node gives texts to readers.
    pub fn serves(&self, node: NodeId, log: &[Bytes]) {
        let (applied, told) = (log.len() as Position, self.applied_by_all);
        assert!(
            applied >= told,
            "node {node} is current at {applied}, and a client was told that all have {told}"
        );
    }

    /// The node of the client died, or stopped.
    pub fn left(&mut self, proposal: u64) {
        self.told.insert(proposal, Told::Unknown);
    }

    /// Looks at the log of a node that runs, once everything has settled.
    pub fn check(&self, log: &[Bytes]) {
        for (proposal, told) in &self.told {
            let count = log.iter().filter(|record| **record == body(*proposal)).count();
            match told {
                Told::Nothing => panic!("proposal {proposal} was never settled"),
                Told::Stored(_) => assert_eq!(count, 1, "proposal {proposal} was acknowledged"),
                Told::Refused | Told::NotStored => assert_eq!(count, 0, "proposal {proposal} was refused"),
                Told::Unknown => assert!(count <= 1, "proposal {proposal}"),
            }
        }
    }

    pub fn outcomes(&self) -> impl Iterator<Item = Told> + '_ {
        self.told.values().copied()
    }
}
