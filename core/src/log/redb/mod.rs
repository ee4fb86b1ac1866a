//! The embedded log: one redb file. The only module of the crate that names redb.
//!
//! | table | row | written |
//! |---|---|---|
//! | `log` | position → record | by every commit, in ascending order |
//! | `edits` | (target, position of the edit) | with the edit |
//! | `heads` | room → (head, count, time) | at checkpoints (see [`super::derived`]) |
//! | `index` | (room, position), one per 128 events of a room | at checkpoints |
//! | `keys` | position → (idempotency key, time), for 24 hours | at checkpoints |
//! | `reactions` | (target, kind, author's id) → (position, author's kind and name) | with its event |
//! | `deletes` | target → position of the delete | with the delete |
//! | `counts` | target → number of its edits and of its reactions by kind | with each of them |
//! | `closed` | room → the record that closed it | with it, until the room is opened |
//! | `bans` | author's id → the record that bans them | with it, until the ban ends |
//! | `values` | key → the record that set the value | with it, until it is removed or expires |
//! | `emptying` | (room, position of a purge) → the next position to erase | with it, until all is erased |
//! | `deleting` | position of a delete → (target, next edit to erase, edits left) | with it, until all is
//! erased |
//! | `packed` | (room, newest event that a pack covers) → the event before the oldest | with the pack |
//! | `packs` | the same → the terms of these events | by a later commit, until a text changes |
//! | `place` | one row: the place in the journal of a cluster | with each entry of it |
//! | `marks` | number of an entry of the journal → its id, of the newest 65,536 | with the entry |
//! | `cluster` | one row: the cluster of this log, and the newest run of its node | by `begin` and by each start |
//! | `state` | what cannot be made again from the records | once, at checkpoints, and by trims |
//!
//! An event's position in its room is found by `prev` alone: a read walks back from the next index row, so it
//! costs what it returns and at most 128 steps, each of which reads a position and no content. One commit is
//! one transaction and one fsync. A trim takes records, with their rows of `edits`, `index`, `deletes`,
//! `reactions` and `counts`; the rows of `closed`, `bans`, `values` and `emptying` stay.

mod append;
mod check;
mod checkpoint;
mod copy;
mod counts;
mod deferred;
mod deletes;
mod deletions;
mod detour;
mod disk;
mod handle;
mod identity;
mod keys;
mod list;
mod lookups;
mod moderation;
mod open;
mod overlay;
mod packs;
mod piece;
mod place;
mod reactions;
mod read;
mod redact;
mod restore;
mod staged_file;
mod state;
mod stopped;
mod tables;
#[cfg(test)]
mod tests;
mod trim;
mod values;
mod walk;
mod write;

#[cfg(feature = "testing")]
pub use ::redb::StorageBackend;
pub use check::check;
pub use copy::{COPY_CHUNK_BYTES_MAX, CopyReceiver};
pub(crate) use handle::RedbLog;
pub use restore::NewLog;
pub use stopped::open_stopped;
#[cfg(feature = "testing")]
pub(crate) use {handle::Steps, tables::change_record};
