//! An axis: the position of a value on it, and the labels beside it.

use crate::report::units::{bytes, grouped, time, whole};
use crate::run::series::Sample;

/// Most labels beside a linear axis.
const TICKS_MAX: f64 = 5.0;

/// An axis.
pub struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
    /// Values with their labels.
    pub ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Returns the position of a value, from 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        let (from, to, value) = if self.logarithmic {
            (self.from.ln(), self.to.ln(), value.max(self.from).ln())
        } else {
            (self.from, self.to, value)
        };
        ((value - from) / (to - from).max(f64::EPSILON)).clamp(0.0, 1.0)
    }

    /// Creates a linear axis from 0 to `most`, with round values labelled by `say`.
    fn linear(most: f64, say: impl Fn(f64) -> String) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = round_step(most / TICKS_MAX);
        let steps = (most / step).ceil().max(1.0);
        let ticks = (0..=whole(steps)).map(|n| n as f64 * step).map(|value| (value, say(value))).collect();
        Self { from: 0.0, to: steps * step, logarithmic: false, ticks }
    }

    /// Creates an axis of whole numbers.
    pub fn counts(most: f64) -> Self {
        Self::linear(most.max(TICKS_MAX), |value| grouped(value.round()))
    }

    /// Creates an axis of small numbers, with enough decimals to tell them apart.
    pub fn plain(most: f64) -> Self {
        let decimals = whole((1.0 - most.max(0.001).log10().floor()).min(4.0));
        Self::linear(most, |value| format!("{value:.decimals$}"))
    }

    /// Creates an axis of bytes, in steps that are round in their unit.
    pub fn bytes(most: f64) -> Self {
        let mut unit = 1.0;
        while most / unit >= 1024.0 {
            unit *= 1024.0;
        }
        let scale = Self::linear(most / unit, |value| bytes(value * unit));
        let ticks = scale.ticks.into_iter().map(|(value, said)| (value * unit, said)).collect();
        Self { to: scale.to * unit, ticks, ..scale }
    }

    /// Creates an axis of the seconds of a run.
    pub fn seconds(samples: &[Sample]) -> Self {
        let last = samples.last().map_or(1.0, |sample| sample.at_s);
        let linear =
            Self::linear(last, |value| if value < 120.0 { format!("{value} s") } else { minutes(value) });
        let ticks = linear.ticks.into_iter().filter(|(value, _)| *value <= last).collect();
        Self { to: last, ticks, ..linear }
    }

    /// Creates a logarithmic axis of latencies in microseconds.
    pub fn times(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((f64::MAX, 1.0), |(low, high), value: f64| (value.min(low), value.max(high)));
        let (low, high) = (low.min(high).max(1.0).log10().floor(), high.log10().ceil());
        let high = high.max(low + 1.0);
        let ticks = (low as i32..=high as i32).map(|exponent| 10f64.powi(exponent));
        let ticks = ticks
            .map(|value| (value, time(whole(value) as u64).replace(".00", "").replace(".0", "")))
            .collect();
        Self { from: 10f64.powf(low), to: 10f64.powf(high), logarithmic: true, ticks }
    }

    /// Creates an axis of percentiles: each nine is as wide as the one before. The values are 1 / (1 -
    /// quantile).
    pub fn quantiles(values: impl Iterator<Item = f64>) -> Self {
        let to = values.fold(10.0, f64::max);
        let named = [
            (1.0, "0"),
            (2.0, "50"),
            (10.0, "90"),
            (1e2, "99"),
            (1e3, "99.9"),
            (1e4, "99.99"),
            (1e5, "99.999"),
            (1e6, "99.9999"),
        ];
        // On a long axis there is no space for labels that are close together at its start.
        let short = to <= 1e5;
        let ticks = named.into_iter().filter(|(value, name)| *value <= to && (short || *name != "50"));
        let ticks = ticks.map(|(value, name)| (value, format!("{name} %"))).collect();
        Self { from: 1.0, to, logarithmic: true, ticks }
    }
}

/// Returns the least round number (1, 2 or 5 with zeros) that is not below `step`.
fn round_step(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * decade)
        .find(|&round| round >= step * 0.999)
        .unwrap_or(step)
}

fn minutes(seconds: f64) -> String {
    let minutes = seconds / 60.0;
    if minutes < 120.0 {
        format!("{} min", (minutes * 10.0).round() / 10.0)
    } else {
        format!("{:.1} h", minutes / 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let scale = Scale::counts(48_700.0);
        assert_eq!(scale.ticks.last().unwrap(), &(50_000.0, "50,000".to_owned()));
        assert!((scale.place(25_000.0) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::counts(17.0).ticks.last().unwrap().1, "20");
        let scale = Scale::times([230.0, 48_000.0].into_iter());
        let said: Vec<&str> = scale.ticks.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(said, ["100 µs", "1 ms", "10 ms", "100 ms"]);
        assert!((scale.place(10_000.0) - 2.0 / 3.0).abs() < 1e-9);
        let scale = Scale::bytes(45.0 * 1024.0 * 1024.0);
        assert_eq!(scale.ticks.last().unwrap().1, "50.0 MiB");
    }

    #[test]
    fn nothing_and_zero_have_a_scale_too() {
        assert!(Scale::plain(0.0).place(0.0).abs() < 1e-9);
        assert!(Scale::times(std::iter::empty()).place(5.0) > 0.0);
        assert!(Scale::quantiles(std::iter::empty()).ticks.len() > 2);
    }
}
