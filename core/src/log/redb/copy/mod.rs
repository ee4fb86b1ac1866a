//! A copy of a whole log, from a node of a cluster to one that has none: every row, with the epoch and the keys.
//!
//! It is read in one transaction, so it is the log of one moment, with the place in the journal of that moment:
//! the node that gets it reads on from there. The node that gives it goes on meanwhile. Its file grows by what
//! changes until the copy has ended, since no page of that moment is used again before.
//!
//! # The bytes
//!
//! ```text
//! copy   "MILLCOPY"  version u8  frame  frame  …
//! frame  length u32  hash, 16 bytes  items
//! item   1  cluster, 16 bytes  epoch u32  seq u64  last, 16 bytes  term u64  node u64  run u64  head u64  floor u64
//!        2  length u8  name of a table
//!        3  length u32  length u32  key  value, as the table has them
//!        4  number of rows u64
//! ```
//!
//! Numbers are little-endian. Item 1 comes first, and item 4 last. The hash is the beginning of that of
//! everything before it and of its frame: a frame is looked at only when all bytes so far have arrived as they were
//! sent. A frame is at most [`COPY_CHUNK_BYTES_MAX`] long with its head, and so is a chunk of the copy.
//!
//! # What is not copied
//!
//! The number of the node's run, which is its own; and the packs of the search index, which are made from the
//! records. A table that is neither copied nor one of these makes the copy fail before it begins.

mod frame;
mod receiver;
mod sender;
mod tables;
#[cfg(test)]
mod tests;

pub use frame::COPY_CHUNK_BYTES_MAX;
pub use receiver::CopyReceiver;
