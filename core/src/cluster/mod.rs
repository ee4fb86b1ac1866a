//! Many nodes: one journal defines the order, a chain decides which entries count, and every node keeps the
//! whole log.
//!
//! A cluster is a few nodes, each with a log of its own, and one [`Journal`] on an engine that others wrote.
//! One node is the leader: it judges every proposal, as the one writer of a single node does, and puts
//! *finished records* into the journal. All nodes read the journal and apply what counts, in one order.
//!
//! # The chain
//!
//! An [`Entry`] names the last entry that counted when it was made. It counts if and only if two things are
//! true: that entry still is the last one that counts, and it was either made by the leader in the present
//! term, or is of the next term, which makes its writer the leader. Every other entry is void, for all nodes.
//! Nodes share no other rule, and the engine is asked for nothing but dense numbers and one order:
//! a lost, doubled, exchanged or returned entry does not fit, and a node to which that happens stops.
//!
//! # Proposals
//!
//! A node numbers its proposals and forwards them to the leader, with the term in which it does. The leader
//! takes them in that term or never, and each number once. Its answer is part of the entry: nobody is told
//! anything that is not read from the journal. So a node that has read a whole term knows at its end which of
//! its proposals are not stored, and hands them to the next leader; one that has not read all of it says that
//! it does not know.
//!
//! One entry is under way at a time. Senders that wait for their answers would fall into two halves, of which one waits
//! while the other's entry is under way. So after an entry with many answers the leader waits for a moment until as
//! many have sent again.
//!
//! # The logs of the nodes
//!
//! [`begin`] gives the log of a single node the id of a cluster; the logs of the other nodes begin as copies of it.
//! From then on a single node does not open it, since it would make it another log than the others have. A log
//! also keeps the number of the newest run of its node, so that no two runs are one [`Writer`]. [`place`] tells
//! what a log says of this, while nobody has it open.
//!
//! A node that has no log gets a copy of one that is running: [`Chat::copy`](crate::Chat::copy) gives it, and
//! [`CopyReceiver`] takes it. It is everything that the log has, and goes on where the log was at that moment.
//!
//! # What is taken away
//!
//! A post is answered when its own node has applied it. What takes a text or a right away ([`AppliedBy::All`]) is
//! answered when all nodes have, or give no texts: so no reader anywhere gets what was deleted before.
//!
//! The entry that held the text is erased from the journal once all nodes have applied it, or after ten minutes. So is
//! one that is void: it may hold a text that is in no log.
//!
//! # The parts
//!
//! [`Node`] is the protocol without input and output: it is told of time, entries and messages, and says what
//! to do. So its tests run thousands of clusters in one process, with a journal that loses, doubles, exchanges
//! and takes back entries, and stores some that it reported as unknown. Its order trusts no clock; only that a node is
//! current rests on clocks that are at most [`CLOCKS_APART_MAX`] apart.

mod chain;
mod clock;
mod entry;
mod erasing;
mod everywhere;
mod gathering;
mod identity;
mod inbox;
mod journal;
mod message;
mod node;
mod orders;
mod proposals;
mod state;
mod takeover;
#[cfg(test)]
mod tests;
mod tidy;
mod witness;

pub use crate::log::{COPY_CHUNK_BYTES_MAX, CopyError, CopyReceiver, LogCopy, begin, place};
pub use chain::{Broken, MARKS_MAX, Mark, Passed};
pub use entry::{Answer, Entry, EntryId, NodeId, ProposalId, Seq, Term, UnreadableEntry, Writer};
pub(crate) use erasing::Erasing;
pub use everywhere::AppliedBy;
pub use identity::{ClusterId, InvalidClusterId, Place};
pub use journal::{
    AppendError, CLOCKS_APART_MAX, FollowError, Journal, JournalEntries, JournalEntry, JournalError,
    JournalFuture,
};
pub use message::{Message, Peers, Proposal, Status};
pub use node::Node;
pub use orders::{Judged, Membership, Output, Settled, Stopped};
pub use state::{NodeState, OtherNode};
pub(crate) use tidy::Tidy;
