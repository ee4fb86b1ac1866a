//! The samples of a run over time: a bounded series, each sample for the same length of time.

use serde::Serialize;

/// Most samples that are kept. When the series is full, two samples become one and the length doubles.
const SAMPLES_MAX: usize = 600;

/// The measurements of one length of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sample {
    /// The end, in seconds from the first message.
    pub at_s: f64,
    /// Deliveries a second.
    pub deliveries_per_s: f64,
    /// Bytes received a second.
    pub bytes_per_s: f64,
    /// Median delivery latency, in microseconds; 0 without deliveries.
    pub p50_us: u64,
    /// The latency that 99 of 100 were not above.
    pub p99_us: u64,
    /// The largest.
    pub max_us: u64,
    /// Connections open at the end.
    pub connected: u64,
    /// Cores that the server used.
    pub server_cores: Option<f64>,
    /// The server's resident bytes at the end.
    pub server_resident: Option<u64>,
    /// Cores that the tester used.
    pub tester_cores: Option<f64>,
}

impl Sample {
    /// Joins this sample and the next one.
    fn with(self, next: Self) -> Self {
        let mean = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| f64::midpoint(a, b));
        Self {
            deliveries_per_s: f64::midpoint(self.deliveries_per_s, next.deliveries_per_s),
            bytes_per_s: f64::midpoint(self.bytes_per_s, next.bytes_per_s),
            p50_us: u64::midpoint(self.p50_us, next.p50_us),
            p99_us: self.p99_us.max(next.p99_us),
            max_us: self.max_us.max(next.max_us),
            server_cores: mean(self.server_cores, next.server_cores),
            tester_cores: mean(self.tester_cores, next.tester_cores),
            ..next
        }
    }
}

/// The samples of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Series {
    /// In order.
    pub samples: Vec<Sample>,
    /// Seconds that each sample covers.
    pub seconds_each: u64,
    /// A sample that waits for the next one to be joined with.
    #[serde(skip)]
    pending: Option<(Sample, u64)>,
}

impl Series {
    /// Adds the sample of one second.
    pub fn add(&mut self, second: Sample) {
        self.seconds_each = self.seconds_each.max(1);
        let (sample, seconds) = match self.pending.take() {
            Some((pending, seconds)) => (pending.with(second), seconds + 1),
            None => (second, 1),
        };
        if seconds < self.seconds_each {
            self.pending = Some((sample, seconds));
            return;
        }
        self.samples.push(sample);
        if self.samples.len() >= SAMPLES_MAX {
            self.samples = self.samples.chunks(2).map(|two| two[0].with(two[two.len() - 1])).collect();
            self.seconds_each *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_any_length_has_a_bounded_series_that_covers_all_of_it() {
        let mut series = Series::default();
        for second in 1..=30_000_u32 {
            let p99_us = if second == 20_000 { 9 } else { 1 };
            series.add(Sample {
                at_s: f64::from(second),
                p99_us,
                deliveries_per_s: 5.0,
                ..Sample::default()
            });
        }
        assert!((SAMPLES_MAX / 2 - 1..SAMPLES_MAX).contains(&series.samples.len()));
        assert!(series.samples.iter().all(|sample| (sample.deliveries_per_s - 5.0).abs() < 1e-9));
        assert!(series.samples.is_sorted_by(|a, b| a.at_s < b.at_s));
        assert_eq!(series.samples.iter().map(|sample| sample.p99_us).max(), Some(9));
    }
}
