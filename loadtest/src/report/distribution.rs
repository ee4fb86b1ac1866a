//! A latency histogram for display: buckets that widen with the latency, and a curve of percentiles.

use serde::Serialize;

use crate::run::stats::Latencies;

/// Bounds of the buckets within a decade, in hundredths of its start. Each is a quarter above the last, so
/// all are equally wide on a logarithmic axis.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];
/// Points of the curve for each factor of ten in the share that is left above them.
const POINTS_PER_DECADE: i32 = 8;

/// The number of latencies between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Lower bound, exclusive, in microseconds; the first bucket includes it.
    pub above_us: u64,
    /// Upper bound, inclusive.
    pub up_to_us: u64,
    /// The number of latencies.
    pub count: u64,
}

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentile {
    /// The share of all latencies that are not above it.
    pub quantile: f64,
    /// The latency, in microseconds.
    pub us: u64,
}

/// A histogram for display.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// From the smallest latency to the largest, without a gap.
    pub buckets: Vec<Bucket>,
    /// From the smallest to the largest.
    pub percentiles: Vec<Percentile>,
}

impl From<&Latencies> for Distribution {
    fn from(latencies: &Latencies) -> Self {
        let histogram = &latencies.0;
        if histogram.is_empty() {
            return Self::default();
        }
        let mut buckets: Vec<Bucket> = Vec::new();
        let mut bounds = bounds();
        let mut next = Bucket { above_us: 0, up_to_us: 0, count: 0 };
        for recorded in histogram.iter_recorded() {
            // The histogram keeps three digits; this is the lowest value that they mean.
            let micros = histogram.lowest_equivalent(recorded.value_iterated_to());
            while micros > next.up_to_us {
                if next.count > 0 || !buckets.is_empty() {
                    buckets.push(next);
                }
                let up_to_us = bounds.next().unwrap_or(u64::MAX);
                next = Bucket { above_us: next.up_to_us, up_to_us, count: 0 };
            }
            next.count += recorded.count_at_value();
        }
        buckets.push(next);
        let mut percentiles = Vec::new();
        for step in 0.. {
            let left = 10f64.powf(-f64::from(step) / f64::from(POINTS_PER_DECADE));
            percentiles.push(Percentile { quantile: 1.0 - left, us: latencies.quantile_us(1.0 - left) });
            if left * (histogram.len() as f64) < 1.0 {
                break;
            }
        }
        Self { buckets, percentiles }
    }
}

/// Returns the upper bounds of the buckets, without end.
fn bounds() -> impl Iterator<Item = u64> {
    let decades = (0..).map(|exponent| 10_u64.saturating_pow(exponent));
    [5, 10, 16, 25, 40, 63]
        .into_iter()
        .chain(decades.flat_map(|decade| STEPS.map(|step| step.saturating_mul(decade))))
}

impl Distribution {
    /// Returns at most `most` buckets, by joining neighbours.
    pub fn rows(&self, most: usize) -> Vec<Bucket> {
        let together = self.buckets.len().div_ceil(most).max(1);
        let one = |several: &[Bucket]| Bucket {
            above_us: several[0].above_us,
            up_to_us: several[several.len() - 1].up_to_us,
            count: several.iter().map(|bucket| bucket.count).sum(),
        };
        self.buckets.chunks(together).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_latency_is_in_one_bucket_and_the_curve_rises_to_the_largest() {
        let mut latencies = Latencies::default();
        let micros = [3, 90, 900, 900, 905, 9_000, 12_345, 2_000_000];
        for micros in micros {
            latencies.record(Duration::from_micros(micros));
        }
        let distribution = Distribution::from(&latencies);
        let rows = distribution.rows(10);
        assert!(rows.len() <= 10 && rows.iter().map(|bucket| bucket.count).sum::<u64>() == 8, "{rows:?}");
        let Distribution { buckets, percentiles } = distribution;
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), micros.len() as u64);
        assert!(buckets.windows(2).all(|two| two[0].up_to_us == two[1].above_us));
        for micros in micros {
            let of = buckets.iter().find(|bucket| (bucket.above_us + 1..=bucket.up_to_us).contains(&micros));
            assert!(of.is_some_and(|bucket| bucket.count > 0), "{micros}: {buckets:?}");
        }
        assert!(percentiles.is_sorted_by(|a, b| a.quantile < b.quantile && a.us <= b.us));
        assert!(percentiles.last().unwrap().us >= 2_000_000);
        assert_eq!(Distribution::from(&Latencies::default()), Distribution::default());
    }
}
