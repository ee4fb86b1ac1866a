//! The search index: packs, each of which lists the terms of a piece of a room's chain.
//!
//! A pack covers up to 128 events of a room that follow each other, and is one row: so 128 messages cost the
//! log one write of a few kilobytes, where a row for each word of each message would cost it a thousand in
//! as many places. A pack is prepared by a thread of its own, from the texts as they are, and goes along with
//! a later commit ([`queue`], [`build`]). What no pack covers is not lost to a search: it reads the texts
//! there ([`find`]). That are the newest events of a room, and old ones that changed.
//!
//! **A pack that is there is right.** A commit that changes a text (an edit, a delete, a step of a purge, a
//! trim) removes the pack over it in the same transaction, and a pack that was prepared before that commit is
//! dropped. A release before search changes texts and leaves the packs; a start notices that and removes all
//! of them ([`stale`]). So nothing of a text that was taken away is left in the index, and a missing pack is
//! the one thing that can happen to it.

mod build;
mod bytes;
mod find;
mod prepared;
mod queue;
mod stale;
mod step;
mod sweep;
mod table;
#[cfg(test)]
mod tests;

pub(super) use build::terms_of;
pub(super) use find::find;
pub(super) use prepared::Prepared;
pub(super) use queue::{PREPARED_MAX, Packing, Touched};
pub(super) use stale::{is_stale, mark, refuse_stale};
pub(super) use table::{PACKED, PACKS, PacksTable, store};
