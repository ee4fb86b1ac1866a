//! The proposals of this node that are not settled.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::cluster::entry::Term;
use crate::cluster::everywhere::AppliedBy;
use crate::cluster::message::Proposal;

/// The most proposals of a node that are not settled.
pub const PROPOSALS_MAX: usize = 65_536;
/// The bytes of the proposals in one message, unless a single one has more.
pub const FORWARD_BYTES_MAX: usize = 256 * 1024;
/// A proposal that nobody has confirmed is handed over again after this time.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// A proposal is settled within this time, or its outcome is not known.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// See the module. Each proposal is in one of three states: handed to nobody, handed to a leader, settled; and
/// settled ones are not here.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    last: u64,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    body: Bytes,
    by: AppliedBy,
    since: Duration,
    /// `None`: it is certainly not stored, and no leader can store it.
    handed: Option<Handed>,
}

/// A proposal that the leader of a term may have.
#[derive(Debug)]
struct Handed {
    term: Term,
    at: Duration,
    is_confirmed: bool,
    /// Entries were not read since: it may be in one of them.
    has_gap: bool,
}

/// The certainty about a proposal that no entry has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    NotStored,
    Unknown,
}

impl Proposals {
    /// Adds a proposal. Returns its number; `None` if there are [`PROPOSALS_MAX`], with `others` that are elsewhere.
    pub fn add(&mut self, now: Duration, (body, by): (Bytes, AppliedBy), others: usize) -> Option<u64> {
        if self.open.len() + others >= PROPOSALS_MAX {
            return None;
        }
        self.last += 1;
        self.open.insert(self.last, Open { body, by, since: now, handed: None });
        Some(self.last)
    }

    /// The smallest number that is not settled.
    pub fn lowest(&self) -> u64 {
        self.open.first_key_value().map_or(self.last + 1, |(number, _)| *number)
    }

    /// Takes a proposal that is answered. Returns by whom it is to be applied; `None` if it was settled before.
    pub fn settle(&mut self, number: u64) -> Option<AppliedBy> {
        self.open.remove(&number).map(|open| open.by)
    }

    pub fn confirm(&mut self, term: Term, numbers: &[u64]) {
        for number in numbers {
            if let Some(Open { handed: Some(handed), .. }) = self.open.get_mut(number)
                && handed.term == term
            {
                handed.is_confirmed = true;
            }
        }
    }

    /// Entries were not read: what was handed to a leader may be in them.
    pub fn note_gap(&mut self) {
        for handed in self.open.values_mut().filter_map(|open| open.handed.as_mut()) {
            handed.has_gap = true;
        }
    }

    /// Another term has begun, and the leader of the one before can store nothing more. Returns the proposals
    /// of which nobody knows if they are stored. The others are not: they can be handed over again.
    pub fn begin_term(&mut self, term: Term) -> Vec<u64> {
        let mut unknown = Vec::new();
        for (number, open) in &mut self.open {
            match &open.handed {
                Some(handed) if handed.term < term && handed.has_gap => unknown.push(*number),
                Some(handed) if handed.term < term => open.handed = None,
                _ => {}
            }
        }
        for number in &unknown {
            self.open.remove(number);
        }
        unknown
    }

    /// Takes the proposals that are to be handed to the leader of a term now, in pieces.
    pub fn take_due(&mut self, now: Duration, term: Term) -> Vec<Vec<Proposal>> {
        let (mut pieces, mut bytes) = (Vec::<Vec<_>>::new(), usize::MAX);
        for (number, open) in &mut self.open {
            let is_due = open.handed.as_ref().is_none_or(|handed| {
                handed.term == term && !handed.is_confirmed && now >= handed.at + REPEAT_AFTER
            });
            if !is_due {
                continue;
            }
            let has_gap = open.handed.as_ref().is_some_and(|handed| handed.has_gap);
            open.handed = Some(Handed { term, at: now, is_confirmed: false, has_gap });
            bytes = bytes.saturating_add(open.body.len());
            if bytes > FORWARD_BYTES_MAX {
                pieces.push(Vec::new());
                bytes = open.body.len();
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(Proposal { number: *number, body: open.body.clone() });
            }
        }
        pieces
    }

    /// Takes the proposals that have waited for [`SETTLED_WITHIN`].
    pub fn expire(&mut self, now: Duration) -> Vec<(u64, Unanswered)> {
        let mut expired = Vec::new();
        // Numbers and times ascend together.
        while let Some(first) = self.open.first_entry()
            && now >= first.get().since + SETTLED_WITHIN
        {
            let (number, open) = first.remove_entry();
            let outcome = if open.handed.is_some() { Unanswered::Unknown } else { Unanswered::NotStored };
            expired.push((number, outcome));
        }
        expired
    }
}
