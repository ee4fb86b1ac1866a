//! The values that a reader borrows while it handles what it received.

use crate::check::block_cache::BlockCache;
use crate::run::Run;
use crate::run::stats::Stats;

/// The values that are lent for one block.
pub struct BlockContext<'a> {
    /// The newest events of its room.
    pub cache: &'a mut BlockCache,
    /// The run and the statistics.
    pub context: Context<'a>,
}

/// The run, and the statistics of the goose user that carries the reader.
pub struct Context<'a> {
    /// The run it belongs to.
    pub run: &'a Run,
    /// The statistics that the reader adds to.
    pub stats: &'a mut Stats,
}
