//! A room in memory: what its readers share, and how they are woken.

pub(crate) mod encoder;
pub(crate) mod fanout;
pub(crate) mod housekeeping;
pub(crate) mod live;
#[cfg(test)]
mod proptests;
mod ring;
pub(crate) mod signals;
pub(crate) mod table;
