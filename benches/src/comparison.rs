//! Millchat and others under the same load: the figures of `make compare`, as the report reads them.

use serde::{Deserialize, Serialize};

use crate::results::{Figures, Row, Unit};

/// Messages that are acknowledged before the kill.
pub const TRIED: usize = 100;

/// The CPU time of the server for each delivery, at a steady pace.
pub const CPU: &str = "CPU per delivery";
/// The median time from when a message was due until a reader has it, at a steady pace.
pub const P50: &str = "p50 delivery";
/// The 99th percentile of the same.
pub const P99: &str = "p99 delivery";
/// The memory that a reader adds to the server.
pub const MEMORY: &str = "memory per idle reader";
/// Deliveries a second at full speed.
pub const DELIVERIES: &str = "deliveries at full speed";
/// Missing deliveries of the messages acknowledged at full speed, in thousandths.
pub const LOST: &str = "lost at full speed";

/// The figures and outcomes of a comparison.
#[derive(Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// The figures; each metric has one case.
    pub found: Figures,
    /// The competitors in the table's order, with those that did not run.
    pub competitors: Vec<CompetitorResult>,
}

/// A competitor's line in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompetitorResult {
    /// The name, as in the figures.
    pub name: String,
    /// The outcome, or the reason for which it did not run.
    pub outcome: Result<Outcome, String>,
}

/// The facts about a competitor beside its figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// The version.
    pub version: String,
    /// The setup.
    pub settings: String,
    /// The meaning of an acknowledgement.
    pub acknowledged: String,
    /// The number of the [`TRIED`] acknowledged messages in its history before a kill -9, and after it and a
    /// restart; `None` without a history.
    pub survived: Option<(usize, usize)>,
    /// Runs in which the tester found that it was the bottleneck itself, and all runs.
    pub tester_was_late: (usize, usize),
}

/// Returns the figure of a competitor. Each metric has one case.
pub fn row<'a>(found: &'a Figures, metric: &str, name: &str) -> Option<&'a Row> {
    found.rows.iter().find(|row| row.metric == metric && row.competitor == name)
}

/// Returns the ratio of theirs to ours, as the median of the rounds; `None` where ours is zero.
pub fn ratio(found: &Figures, theirs: &Row) -> Option<f64> {
    let ours = row(found, &theirs.metric, &found.ours)?;
    let samples = theirs.samples.iter().zip(&ours.samples).map(|(theirs, ours)| theirs / ours).collect();
    Some(Row { samples, ..theirs.clone() }.median()).filter(|ratio| ratio.is_finite())
}

/// Returns the metrics in which a competitor is ahead of ours, with the ratio of their figure to ours.
pub fn ahead<'a>(found: &Figures, name: &str, metrics: &[&'a str]) -> Vec<(&'a str, f64)> {
    let better = |metric: &&'a str| {
        let row = row(found, metric, name)?;
        let ratio = ratio(found, row)?;
        let wins = if row.unit == Unit::PerSecond { ratio > 1.0 } else { ratio < 1.0 };
        wins.then_some((*metric, ratio))
    };
    if name == found.ours { Vec::new() } else { metrics.iter().filter_map(better).collect() }
}
