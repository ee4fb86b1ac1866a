//! A room in memory: what its readers share, and how they are woken.

pub(crate) mod answers;
pub(crate) mod batch;
pub(crate) mod elsewhere;
pub(crate) mod encoder;
pub(crate) mod fanout;
pub(crate) mod held;
pub(crate) mod housekeeping;
pub(crate) mod live;
#[cfg(test)]
mod proptests;
pub(crate) mod redactions;
mod ring;
pub(crate) mod shared_reads;
pub(crate) mod signals;
pub(crate) mod table;
