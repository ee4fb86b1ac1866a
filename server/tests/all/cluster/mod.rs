//! The engines of the journal, against the real servers.

mod jetstream;
mod nodes;
