//! Answers that are told when no node gives readers what they took away.
//!
//! A delete, a ban or a value is answered when every other node has said that it has applied the entry. A node that
//! says nothing is waited for until [`SILENT_MAX`] after this node has applied the entry. By then it has applied it
//! too, or it is not current and gives no texts. For a node is current for one of two reasons:
//!
//! - The newest entry that it has applied is young. If it lacks the entry that is waited for, its newest is older
//!   than that one, and so is too old by then, also when it takes its age by a clock that is
//!   [`CLOCKS_APART_MAX`] behind.
//! - *Every* other node has just said that it is at the same place. This node is one of them, and is beyond that place:
//!   it says so no more. Its words of before do not count after a silence, however late they come: see
//!   [`witness`](super::witness).
//!
//! A node that starts again may have lost the entry that it had applied when it said so, if its disk had not. It is
//! not current before it has applied what the journal had at its start.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::cluster::entry::Seq;
#[cfg(doc)]
use crate::cluster::journal::CLOCKS_APART_MAX;

/// A node that does not say that it has applied an entry is waited for up to this time.
pub(super) const SILENT_MAX: Duration = Duration::from_secs(18);

/// The nodes that are to have applied a proposal before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliedBy {
    /// The one that made it.
    This,
    /// All that give texts to readers.
    All,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Everywhere {
    /// By the order of their entries. Together with the proposals that are not settled they are at most
    /// [`PROPOSALS_MAX`](super::proposals::PROPOSALS_MAX).
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    outcome: Bytes,
    /// The entry that answered it.
    seq: Seq,
    /// When this node had applied that.
    applied_at: Option<Duration>,
}

impl Everywhere {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Keeps an answer that an entry has given.
    pub fn add(&mut self, seq: Seq, number: u64, outcome: Bytes) {
        self.waiting.push_back(Waiting { number, outcome, seq, applied_at: None });
    }

    /// This node has applied the entries up to this one.
    pub fn applied(&mut self, now: Duration, seq: Seq) {
        for waiting in self.waiting.iter_mut().take_while(|waiting| waiting.seq <= seq) {
            waiting.applied_at.get_or_insert(now);
        }
    }

    /// Takes the answers that can be told. All other nodes have applied the entries up to `by_others`.
    pub fn take(&mut self, now: Duration, by_others: Seq) -> Vec<(u64, Bytes)> {
        let mut told = Vec::new();
        while let Some(Waiting { seq, applied_at: Some(at), .. }) = self.waiting.front()
            && (*seq <= by_others || now >= *at + SILENT_MAX)
            && let Some(Waiting { number, outcome, .. }) = self.waiting.pop_front()
        {
            told.push((number, outcome));
        }
        told
    }
}
