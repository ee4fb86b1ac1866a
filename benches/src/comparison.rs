//! Millchat and others under the same load: what `make compare` found, as the report reads it.

use serde::{Deserialize, Serialize};

use crate::results::{Found, Row, Unit};

/// Messages that are acknowledged before the kill.
pub const TRIED: usize = 100;

/// The time a server spends on a CPU for each delivery, at a steady pace.
pub const CPU: &str = "CPU per delivery";
/// From when a message was due to when a reader has it, at a steady pace.
pub const P50: &str = "p50 delivery";
/// The same.
pub const P99: &str = "p99 delivery";
/// The memory that a reader adds to the server.
pub const MEMORY: &str = "memory per idle reader";
/// At full speed.
pub const DELIVERIES: &str = "deliveries at full speed";
/// Of what was acknowledged at full speed, deliveries that never came, in thousandths.
pub const LOST: &str = "lost at full speed";

/// All of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// The figures; each metric has one case.
    pub found: Found,
    /// The competitors in the table's order, with those that did not run.
    pub competitors: Vec<CompetitorResult>,
}

/// Somebody in the table.
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

/// The figure of somebody. Each metric has one case.
pub fn row<'a>(found: &'a Found, metric: &str, name: &str) -> Option<&'a Row> {
    found.rows.iter().find(|row| row.metric == metric && row.competitor == name)
}

/// Returns the ratio of theirs to ours, as the median of the rounds; `None` where ours is zero.
pub fn ratio(found: &Found, theirs: &Row) -> Option<f64> {
    let ours = row(found, &theirs.metric, &found.ours)?;
    let samples = theirs.samples.iter().zip(&ours.samples).map(|(theirs, ours)| theirs / ours).collect();
    Some(Row { samples, ..theirs.clone() }.median()).filter(|ratio| ratio.is_finite())
}

/// In what somebody is ahead of ours, and how many times ours their figure is.
pub fn ahead<'a>(found: &Found, name: &str, metrics: &[&'a str]) -> Vec<(&'a str, f64)> {
    let better = |metric: &&'a str| {
        let row = row(found, metric, name)?;
        let ratio = ratio(found, row)?;
        let wins = if row.unit == Unit::PerSecond { ratio > 1.0 } else { ratio < 1.0 };
        wins.then_some((*metric, ratio))
    };
    if name == found.ours { Vec::new() } else { metrics.iter().filter_map(better).collect() }
}
