//! Shared pieces of the benches: the table of ratios that each prints at its end.
//!
//! A figure alone says nothing on a shared machine. So each bench measures its limit or its alternative in
//! the same run, and what counts is how the two compare.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What was measured, by case and by contender.
#[derive(Debug, Default)]
pub struct Ratios {
    /// Case → contender → nanoseconds an iteration, one for each sample.
    samples: RefCell<BTreeMap<Case, BTreeMap<String, Vec<f64>>>>,
}

/// A case: its place in the table, and its name.
type Case = (usize, String);

impl Ratios {
    /// A table without figures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample: `iterations` took `elapsed`. Cases are listed in the order of `place`.
    pub fn sample(&self, place: usize, case: &str, contender: &str, iterations: u64, elapsed: Duration) {
        let each = elapsed.as_nanos() as f64 / iterations.max(1) as f64;
        let mut samples = self.samples.borrow_mut();
        let case = samples.entry((place, case.to_owned())).or_default();
        case.entry(contender.to_owned()).or_default().push(each);
    }

    /// The median of a contender's samples in nanoseconds.
    fn median(samples: &[f64]) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The table: each case's contenders, and how many times as long as each of the others `ours` takes.
    pub fn against<'a>(&'a self, ours: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            for ((_, case), contenders) in self.samples.borrow().iter() {
                let Some(own) = contenders.get(ours).map(|samples| Self::median(samples)) else { continue };
                write!(f, "{case:<24} {ours} {:>10.1} µs", own / 1e3)?;
                for (contender, samples) in contenders.iter().filter(|(name, _)| *name != ours) {
                    let other = Self::median(samples);
                    write!(f, "   {contender} {:>10.1} µs (ratio {:.2})", other / 1e3, own / other)?;
                }
                writeln!(f)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        let ratios = Ratios::new();
        for micros in [10, 1000, 30] {
            ratios.sample(0, "case", "ours", 10, Duration::from_micros(micros));
            ratios.sample(0, "case", "limit", 10, Duration::from_micros(micros / 2));
        }
        let table = ratios.against("ours").to_string();
        assert!(table.contains("ours        3.0 µs") && table.contains("(ratio 2.00)"), "{table}");
    }
}
