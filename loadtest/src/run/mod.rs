//! One run: its plan, its progress and its findings, shared by all its users.
//!
//! The users belong to goose and look at the [`progress::Phase`] between and within their turns;
//! [`crate::load::phases`] moves it on.

pub mod counters;
pub mod findings;
pub mod measurements;
pub mod plan;
pub mod progress;
pub mod series;
pub mod stats;

use crate::run::findings::Findings;
use crate::run::plan::Plan;
use crate::run::progress::Progress;
use crate::run::stats::Stats;

/// The state that all users of a run share.
pub struct Run {
    /// Fixed before the run begins.
    pub plan: Plan,
    /// Changes while the run goes on.
    pub progress: Progress,
    /// Grows while the run goes on, and is evaluated at the end.
    pub findings: Findings,
}

impl Run {
    /// Creates a run that has not begun.
    pub fn new(plan: Plan) -> Self {
        let (progress, findings) = (Progress::new(plan.senders()), Findings::new(plan.rooms.len()));
        Self { plan, progress, findings }
    }

    /// Adds the numbers of a user that is finished.
    pub fn merge(&self, stats: &mut Stats) {
        self.progress.recent.merge(stats, &self.progress.counters);
        self.findings.merge(stats);
    }
}
