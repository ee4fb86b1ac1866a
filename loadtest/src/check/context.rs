//! The surroundings of a reader while it handles what it received.

use crate::check::block_cache::Frames;
use crate::run::Run;
use crate::run::stats::Tally;

/// What a stream needs of its surroundings for one step.
pub struct Step<'a> {
    /// The newest events of its room.
    pub frames: &'a mut Frames,
    /// Where it counts, and for whom.
    pub scene: Scene<'a>,
}

/// The run, and where a reader counts.
pub struct Scene<'a> {
    /// The run it belongs to.
    pub run: &'a Run,
    /// Where it counts.
    pub tally: &'a mut Tally,
}
