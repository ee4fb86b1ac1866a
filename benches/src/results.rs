//! The figures of one bench: collected while it runs, printed as ratios at its end, and kept as JSON for the
//! report.
//!
//! A row is one competitor in one case by one metric, with all of its samples. The bench's own competitor is
//! compared with each of the others of the same case and metric, by the ratio of the medians.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::paths;

/// The number of the last samples that count; the ones before were the warm-up.
pub const SAMPLES: usize = 10;

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Time, in nanoseconds: less is better.
    Nanoseconds,
    /// Memory, in bytes: less is better.
    Bytes,
    /// A number a second: more is better.
    PerSecond,
    /// A number; neither direction is better.
    Count,
    /// Thousandths: less is better.
    PerMille,
}

impl Unit {
    /// Formats a figure with its unit, short enough for a table.
    pub fn show(self, value: f64) -> String {
        let scaled = |value: f64, steps: &[(f64, &str)]| {
            let (by, name) = steps.iter().find(|(by, _)| value >= *by).unwrap_or(&steps[steps.len() - 1]);
            format!("{} {name}", digits(value / by))
        };
        match self {
            Self::Nanoseconds => scaled(value, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")]),
            Self::Bytes => {
                scaled(value, &[(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "B")])
            }
            Self::PerSecond => format!("{}/s", grouped(value)),
            Self::Count => grouped(value),
            Self::PerMille if value == 0.0 => "none".to_owned(),
            Self::PerMille => format!("{} ‰", digits(value)),
        }
    }
}

impl Unit {
    /// Formats a round figure as short as possible: for a scale.
    pub fn show_round(self, value: f64) -> String {
        let short = |mut value: f64, step: f64, names: &[&str]| {
            let mut names = names.iter().peekable();
            loop {
                let name = names.next().copied().unwrap_or_default();
                // The tolerance covers the error of floating point.
                if value < step * 0.999 || names.peek().is_none() {
                    return format!("{}{name}", digits_round(value));
                }
                value /= step;
            }
        };
        match self {
            Self::Nanoseconds => short(value, 1e3, &[" ns", " µs", " ms", " s"]),
            Self::Bytes => format!("{value:.0} B"),
            Self::PerSecond => short(value, 1e3, &["/s", "k/s", "M/s"]),
            Self::Count => short(value, 1e3, &["", "k", "M"]),
            Self::PerMille => format!("{} ‰", digits_round(value)),
        }
    }
}

/// Removes the error of floating point from a round number.
fn digits_round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Formats three significant digits.
fn digits(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// Formats a whole number with commas; three significant digits when it is small.
fn grouped(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 {
        return digits(value);
    }
    let whole = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// One competitor in one case by one metric.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The case, such as `64 senders`.
    pub case: String,
    /// The metric, such as `CPU per delivery`.
    pub metric: String,
    /// Its unit.
    pub unit: Unit,
    /// The competitor of this figure.
    pub competitor: String,
    /// The samples, in the order they were taken.
    pub samples: Vec<f64>,
}

impl Row {
    /// Returns the median of the samples.
    pub fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        match (sorted.len() / 2, sorted.len() % 2) {
            (0, 0) => f64::NAN,
            (half, 0) => f64::midpoint(sorted[half - 1], sorted[half]),
            (half, _) => sorted[half],
        }
    }

    /// Returns the least and the greatest sample.
    pub fn range(&self) -> (f64, f64) {
        let least = self.samples.iter().copied().fold(f64::INFINITY, f64::min);
        (least, self.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }
}

/// A goal of the product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Goal {
    /// The subject.
    pub what: String,
    /// The goal, in words.
    pub wanted: String,
    /// The measured value, in words.
    pub measured: String,
    /// Set when the goal was reached.
    pub met: bool,
}

/// The figures of a bench.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// The bench.
    pub bench: String,
    /// The subject, in a line.
    pub title: String,
    /// The setup and the comparison, in a few sentences.
    pub about: String,
    /// The competitor that it is about.
    pub ours: String,
    /// The time that the bench took, in seconds.
    pub took_s: f64,
    /// The figures.
    pub rows: Vec<Row>,
    /// The goals.
    pub goals: Vec<Goal>,
}

impl Figures {
    /// Returns the row of a competitor in a case by a metric.
    pub fn row(&self, case: &str, metric: &str, competitor: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.case == case && row.metric == metric && row.competitor == competitor)
    }

    /// Returns the ratio of our figure to that of `other`; `None` where theirs is zero.
    pub fn ratio(&self, case: &str, metric: &str, other: &str) -> Option<f64> {
        let ours = self.row(case, metric, &self.ours)?.median();
        Some(ours / self.row(case, metric, other)?.median()).filter(|ratio| ratio.is_finite())
    }

    /// Returns the lower quartile, the median and the upper quartile of the ratios of the rounds: ours to that
    /// of `other` in the same round.
    pub fn quartiles(&self, case: &str, metric: &str, other: &str) -> Option<[f64; 3]> {
        let (ours, theirs) = (self.row(case, metric, &self.ours)?, self.row(case, metric, other)?);
        let mut ratios: Vec<f64> = ours.samples.iter().zip(&theirs.samples).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        let last = ratios.len().checked_sub(1)?;
        Some([1, 2, 3].map(|quarters| {
            let (at, between) = (last * quarters / 4, (last * quarters % 4) as f64 / 4.0);
            let above = ratios[last.min(at + 1)];
            ratios[at] + (above - ratios[at]) * between
        }))
    }

    /// Returns the values of one column, each once, in the order in which they came.
    pub fn each(&self, column: fn(&Row) -> &str) -> Vec<&str> {
        let mut seen: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !seen.contains(&column(row)) {
                seen.push(column(row));
            }
        }
        seen
    }
}

impl fmt::Display for Figures {
    /// Writes a line for each case and metric: ours, each of the others, and the ratio.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}: {} ({:.0} s)", self.bench, self.title, self.took_s)?;
        for case in self.each(|row| &row.case) {
            for metric in self.each(|row| &row.metric) {
                let Some(own) = self.row(case, metric, &self.ours) else { continue };
                write!(f, "  {case:<24} {metric:<20} {} {:>12}", self.ours, own.unit.show(own.median()))?;
                for other in self.each(|row| &row.competitor).into_iter().filter(|name| *name != self.ours) {
                    let (Some(row), Some(ratio)) =
                        (self.row(case, metric, other), self.ratio(case, metric, other))
                    else {
                        continue;
                    };
                    write!(f, "   {other} {:>12} (ratio {ratio:.2})", row.unit.show(row.median()))?;
                }
                writeln!(f)?;
            }
        }
        for Goal { what, wanted, measured, met } in &self.goals {
            let verdict = if *met { "met" } else { "NOT MET" };
            writeln!(f, "  target: {what}: {wanted}: {measured}: {verdict}")?;
        }
        Ok(())
    }
}

/// The figures of a bench that is running.
#[derive(Debug)]
pub struct Results {
    found: RefCell<Figures>,
    begun: Instant,
}

impl Results {
    /// Creates an empty collection. `ours` is the bench's own competitor.
    pub fn new(bench: &str, title: &str, about: &str, ours: &str) -> Self {
        let found = Figures {
            bench: bench.into(),
            title: title.into(),
            about: about.split_whitespace().collect::<Vec<_>>().join(" "),
            ours: ours.into(),
            took_s: 0.0,
            rows: Vec::new(),
            goals: Vec::new(),
        };
        Self { found: RefCell::new(found), begun: Instant::now() }
    }

    /// Adds a sample.
    pub fn sample(&self, case: &str, metric: &str, unit: Unit, competitor: &str, value: f64) {
        let mut found = self.found.borrow_mut();
        let same = |row: &&mut Row| row.case == case && row.metric == metric && row.competitor == competitor;
        if let Some(row) = found.rows.iter_mut().find(same) {
            row.samples.push(value);
            if row.samples.len() > SAMPLES {
                row.samples.remove(0);
            }
            return;
        }
        let (case, metric, competitor) = (case.into(), metric.into(), competitor.into());
        found.rows.push(Row { case, metric, unit, competitor, samples: vec![value] });
    }

    /// Adds a sample: `count` of them took `elapsed`.
    pub fn time(&self, case: &str, metric: &str, competitor: &str, count: u64, elapsed: Duration) {
        let each = elapsed.as_nanos() as f64 / count.max(1) as f64;
        self.sample(case, metric, Unit::Nanoseconds, competitor, each);
    }

    /// Adds a sample: the rate of `count` in `elapsed`.
    pub fn rate(&self, case: &str, metric: &str, competitor: &str, count: u64, elapsed: Duration) {
        self.sample(case, metric, Unit::PerSecond, competitor, count as f64 / elapsed.as_secs_f64());
    }

    /// Returns the figures so far.
    pub fn so_far(&self) -> Figures {
        self.found.borrow().clone()
    }

    /// Adds a goal, if it was measured: `measure` returns the value in words, and true if the goal was
    /// reached.
    pub fn goal(&self, what: &str, wanted: &str, measure: impl FnOnce(&Figures) -> Option<(String, bool)>) {
        let measured = measure(&self.found.borrow());
        if let Some((measured, met)) = measured {
            let (what, wanted) = (what.into(), wanted.into());
            self.found.borrow_mut().goals.push(Goal { what, wanted, measured, met });
        }
    }

    /// Prints the ratios and keeps the figures for the report.
    ///
    /// A run of a part only (by a name on the command line) is printed and not kept.
    pub fn finish(self) {
        let found = self.end();
        if found.rows.is_empty() || paths::only_a_part() {
            return;
        }
        let json = serde_json::to_vec_pretty(&found).expect("figures and words are JSON");
        let path = paths::figures().join(format!("{}.json", found.bench));
        fs::write(&path, json).expect("the target directory takes files");
    }

    /// Prints the ratios, and returns the figures.
    pub fn end(self) -> Figures {
        let mut found = self.found.into_inner();
        found.took_s = self.begun.elapsed().as_secs_f64();
        println!("{found}");
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        let results = Results::new("b", "t", "a", "ours");
        for micros in [10, 1000, 30] {
            results.time("case", "time", "ours", 10, Duration::from_micros(micros));
            results.time("case", "time", "limit", 10, Duration::from_micros(micros / 2));
        }
        let table = results.so_far().to_string();
        assert!(table.contains("ours      3.00 µs") && table.contains("(ratio 2.00)"), "{table}");
    }

    #[test]
    fn quartiles_are_those_of_the_rounds_ratios() {
        let results = Results::new("b", "t", "a", "ours");
        for (ours, other) in [(40, 10), (20, 10), (10, 10), (60, 20), (500, 100)] {
            results.time("case", "time", "ours", 1, Duration::from_micros(ours));
            results.time("case", "time", "other", 1, Duration::from_micros(other));
        }
        assert_eq!(results.so_far().quartiles("case", "time", "other"), Some([2.0, 3.0, 4.0]));
        results.time("case", "time", "ours", 1, Duration::from_micros(100));
        results.time("case", "time", "other", 1, Duration::from_micros(100));
        assert_eq!(results.so_far().quartiles("case", "time", "other"), Some([1.25, 2.5, 3.75]));
        assert_eq!(results.so_far().quartiles("case", "time", "nobody"), None);
    }

    #[test]
    fn a_figure_is_shown_in_the_unit_that_suits_it() {
        for (unit, value, shown) in [
            (Unit::Nanoseconds, 950.0, "950 ns"),
            (Unit::Nanoseconds, 1_234.0, "1.23 µs"),
            (Unit::Nanoseconds, 0.5, "0.50 ns"),
            (Unit::Bytes, 1536.0, "1.50 KiB"),
            (Unit::PerSecond, 1_234_567.0, "1,234,567/s"),
            (Unit::Count, 100_000.0, "100,000"),
        ] {
            assert_eq!(unit.show(value), shown);
        }
        for (unit, value, shown) in [
            (Unit::Nanoseconds, 0.1, "0.1 ns"),
            (Unit::Nanoseconds, 1_000.0, "1 µs"),
            (Unit::Nanoseconds, 5e10, "50 s"),
            (Unit::PerSecond, 300_000.0, "300k/s"),
        ] {
            assert_eq!(unit.show_round(value), shown);
        }
    }
}
