//! The engines of the journal against the real servers, and nodes of one chat.

mod engines;
mod faults;
mod jetstream;
mod nodes;
mod partitions;
mod people;
mod postgres;
mod processes;
