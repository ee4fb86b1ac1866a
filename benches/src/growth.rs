//! Growth: what a cost becomes while a size grows, as curves, each with its slope and with what one more costs.
//!
//! The slope is an exponent, by the straight line through the points in logarithms that has the least squares: a cost
//! that grows as its size has 1, one that does not grow has 0. What one more costs is what the two largest sizes
//! differ by: an exponent over all sizes hides a cost that begins to rise late.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::results::{Figures, Row, Unit};

/// The CPU time of the server for each delivery.
pub const CPU: &str = "CPU per delivery";
/// The memory of the server's process for each reader.
pub const MEMORY: &str = "memory of a reader";
/// The memory of the kernel for the server's end of a connection.
pub const KERNEL_MEMORY: &str = "kernel's memory of a reader";
/// The CPU time of the server for each reader that comes.
pub const CPU_OF_JOIN: &str = "CPU of a join";
/// The bytes of each delivery, before those of TCP and below.
pub const FRAME: &str = "bytes of a frame";
/// The CPU time of the server for each message without readers.
pub const CPU_OF_MESSAGE: &str = "CPU per message";
/// Acknowledged messages a second.
pub const ACKNOWLEDGED: &str = "acknowledged";

/// The figures of the bench `growth`, and the curves that they make.
#[derive(Debug, Serialize, Deserialize)]
pub struct Growth {
    /// The figures.
    pub found: Figures,
    /// The curves, in the order of the page.
    pub curves: Vec<Curve>,
}

/// The costs against one size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Curve {
    /// The thing whose number grows, as a plural, such as `readers`.
    pub of: String,
    /// The setup, in a few sentences.
    pub about: String,
    /// The sizes, ascending.
    pub sizes: Vec<u64>,
    /// The costs.
    pub costs: Vec<Cost>,
}

/// One cost of a curve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// The metric of its figures.
    pub metric: String,
    /// The figure is the part of each: all together cost as many times as much.
    pub is_part_of_each: bool,
}

impl fmt::Display for Growth {
    /// Writes a line for each cost: its slope, and what one more costs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for curve in &self.curves {
            for cost in &curve.costs {
                let points = curve.points(&self.found, cost);
                if let Some(exponent) = exponent(&points) {
                    writeln!(f, "  {} grows as {} ^ {}", cost.metric, curve.of, shown(exponent))?;
                }
            }
        }
        Ok(())
    }
}

impl Curve {
    /// Returns the case of the figures of one size.
    pub fn case(&self, size: u64) -> String {
        let things = if size == 1 { self.of.trim_end_matches('s') } else { &*self.of };
        format!("{} {things}", Unit::Count.show(size as f64))
    }

    /// Returns the figure of a cost at one size.
    pub fn row<'a>(&self, found: &'a Figures, cost: &Cost, size: u64) -> Option<&'a Row> {
        found.row(&self.case(size), &cost.metric, &found.ours)
    }

    /// Returns the sizes at which a cost was measured, each with the median.
    pub fn points(&self, found: &Figures, cost: &Cost) -> Vec<(f64, f64)> {
        let point = |&size: &u64| Some((size as f64, self.row(found, cost, size)?.median()));
        self.sizes.iter().filter_map(point).collect()
    }
}

impl Cost {
    /// Returns what one more costs between the two largest sizes; `None` for a single one.
    pub fn of_one_more(&self, points: &[(f64, f64)]) -> Option<f64> {
        let [.., before, last] = points else { return None };
        let whole = |(size, cost): (f64, f64)| if self.is_part_of_each { size * cost } else { cost };
        Some((whole(*last) - whole(*before)) / (last.0 - before.0))
    }
}

/// Formats a slope.
pub fn shown(exponent: f64) -> String {
    // Below half a hundredth it is none, whatever its sign.
    format!("{exponent:.2}").replace("-0.00", "0.00").replace('-', "−")
}

/// Returns the power of the size as which a cost grows; `None` unless there are two sizes and all is positive.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.iter().any(|(size, cost)| *size <= 0.0 || *cost <= 0.0) {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / logs.len() as f64;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let width: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    let height: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    (width > 0.0).then(|| height / width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(found: Option<f64>, wanted: f64) -> bool {
        found.is_some_and(|found| (found - wanted).abs() < 1e-9)
    }

    #[test]
    fn the_slope_is_the_exponent_of_the_size() {
        let grown_as = |power: f64| [1.0, 30.0, 1e3, 1e6].map(|size: f64| (size, 7.0 * size.powf(power)));
        for power in [-0.5, 0.0, 1.0, 2.0] {
            assert!(is_near(exponent(&grown_as(power)), power), "{power}");
        }
        // Above the line as often as below it.
        assert!(is_near(exponent(&[(1.0, 2.0), (10.0, 10.0), (100.0, 200.0)]), 1.0));
        assert_eq!(exponent(&[(5.0, 1.0), (5.0, 2.0)]), None, "one size has no slope");
        assert_eq!(exponent(&[(5.0, 1.0), (6.0, 0.0)]), None, "nothing has no logarithm");
        assert_eq!(exponent(&[]), None);
        assert_eq!([-0.004, -0.126, 1.0].map(shown), ["0.00", "−0.13", "1.00"]);
    }

    #[test]
    fn one_more_costs_what_the_two_largest_sizes_differ_by() {
        let cost = |is_part_of_each| Cost { metric: "m".into(), is_part_of_each };
        let points = [(1.0, 90.0), (10.0, 5.0), (30.0, 9.0)];
        assert!(is_near(cost(false).of_one_more(&points), 0.2));
        assert!(is_near(cost(true).of_one_more(&points), 11.0), "30 of 9 against 10 of 5");
        assert_eq!(cost(false).of_one_more(&points[..1]), None);
    }
}
