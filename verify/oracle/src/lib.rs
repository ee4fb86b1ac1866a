//! The checker of what Millchat promises: one place for every test that moves messages.
//!
//! **What is promised.** Per room, over any mix of load, crash, restart, slow readers and reconnects:
//!
//! 1. every acknowledged event is in the recovered log exactly once, at its acknowledged position;
//! 2. `prev` links are whole: following them from the head reaches the floor;
//! 3. an unknown outcome appears zero or one times, a rejected send never;
//! 4. the events of a sender that waits for each acknowledgement keep their order;
//! 5. each reader's stream is a contiguous piece of the chain, or says `gap` or `reset` where it is not;
//! 6. live stream, resumed stream and history agree event for event, and a history page is the fold of
//!    the stream, but for content that a delete or an Empty withholds.
//!
//! **How to use it.** While the test runs, from any thread: a [`Sender`] receives the outcome of every send,
//! a [`Reader`] everything that its stream delivers, [`Oracle::page`] what history answers. At the end the
//! test reads each room from the floor to the head, by a fresh stream, and [`Oracle::check`] holds what was
//! observed against that [`RecoveredLog`]. An empty list means that the promises held.
//!
//! **Why it is cheap.** A reader does not keep its events. It checks each one against the one before (its
//! `prev` must be the last position) and adds it to the sums of its current [`Piece`]: how many events, and
//! a digest of each, added up. A recovered log has running sums of the same digests, so that a piece of
//! a thousand events is compared in one step, and a test may deliver many millions. Two different pieces
//! with equal sums are as unlikely as a collision of 64-bit digests.
//!
//! **What it cannot see.** What retention has taken from the log by the end is only held to the running
//! check. An event whose text was taken away is compared by author, kind and place; by its text too
//! where the sender's acknowledgement was observed. Times are not looked at.

#![forbid(unsafe_code)]

mod check;
mod observations;
mod observed;
mod oracle;
mod reader;
mod sender;
#[cfg(test)]
mod tests;
mod violation;

pub use observed::{
    EventDigest, EventKind, HistoryEntry, Observed, Page, ReactionDigest, RecoveredLog, digest,
};
pub use oracle::Oracle;
pub use reader::Reader;
pub use sender::Sender;
pub use violation::{Rule, Violation};
