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
/// What a reader adds to the server's memory.
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
    /// Who took part and who did not, in the table's order.
    pub competitors: Vec<CompetitorResult>,
}

/// Somebody in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompetitorResult {
    /// The name, as in the figures.
    pub name: String,
    /// What ran, or why nothing did.
    pub outcome: Result<Outcome, String>,
}

/// What is to be known beside the figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Which version.
    pub version: String,
    /// How it was set up.
    pub settings: String,
    /// What an acknowledgement means there.
    pub acknowledged: String,
    /// How many of [`TRIED`] acknowledged messages its history had before a kill -9, and after it and a restart;
    /// nothing where there is no history.
    pub survived: Option<(usize, usize)>,
    /// Runs in which the tester found that it was the bottleneck itself, and all runs.
    pub tester_was_late: (usize, usize),
}

/// The figure of somebody. Each metric has one case.
pub fn row<'a>(found: &'a Found, metric: &str, name: &str) -> Option<&'a Row> {
    found.rows.iter().find(|row| row.metric == metric && row.competitor == name)
}

/// How many times ours theirs is, round by round, and the median of that; nothing where ours is nothing.
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
