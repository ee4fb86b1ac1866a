//! The engines of the journal against the real servers, and nodes of one chat.

mod jetstream;
mod nodes;
mod processes;
