//! The innocents: readers of two dialects, senders at a steady pace, people who join and who open pages.
//!
//! Each has a source address of their own: innocents are many people.

pub mod crowd;
pub mod people;
mod readers;
mod senders;
mod visitors;
