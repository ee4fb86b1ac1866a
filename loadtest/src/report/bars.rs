//! A histogram in a terminal: a bar for each bucket, with the percentiles marked.

use std::fmt::{self, Write};

use crate::report::distribution::Bucket;
use crate::report::paint::Paint;
use crate::report::schema::LatencySummary;
use crate::report::units::{grouped, time};

/// Widest bar, in characters.
const WIDTH: u64 = 44;
/// A character filled from the left by one to eight eighths.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Writes the bars. `row` holds the percentiles of the same latencies.
pub fn write(buckets: &[Bucket], row: &LatencySummary, paint: Paint, out: &mut String) -> fmt::Result {
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    let marks = [("p50", row.p50), ("p90", row.p90), ("p99", row.p99), ("p99.9", row.p999), ("max", row.max)];
    for bucket in buckets {
        let bar = bar(bucket.count, most);
        let pad = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(bar.chars().count());
        let share = bucket.count as f64 * 100.0 / row.count.max(1) as f64;
        let here = |us: &u64| (*us > bucket.above_us || bucket.above_us == 0) && *us <= bucket.up_to_us;
        let marks: Vec<&str> = marks.iter().filter(|(_, us)| here(us)).map(|&(name, _)| name).collect();
        let line = format!(
            "  {:>8} … {:>8}  {}{}  {:>11} {share:>6.2} %  {}",
            time(bucket.above_us),
            time(bucket.up_to_us),
            paint.accent(&bar),
            " ".repeat(pad),
            grouped(bucket.count),
            paint.dim(&marks.join(" ")),
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Returns a bar as long as the count, in eighths of a character; never empty for a count above 0.
fn bar(count: u64, most: u64) -> String {
    if count == 0 {
        return String::new();
    }
    let eighths = (u128::from(count) * u128::from(WIDTH) * 8 / u128::from(most)).max(1) as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8 - 1]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share_and_one_delivery_is_seen() {
        assert_eq!(bar(100, 100).chars().count() as u64, WIDTH);
        assert_eq!(bar(50, 100).chars().count() as u64, WIDTH / 2);
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 10), "");
    }

    #[test]
    fn each_percentile_stands_at_the_bucket_that_holds_it() {
        let bucket = |above_us, up_to_us, count| Bucket { above_us, up_to_us, count };
        let row = LatencySummary { count: 10, p50: 150, p90: 200, p99: 250, p999: 250, max: 260 };
        let mut out = String::new();
        write(&[bucket(100, 200, 9), bucket(200, 350, 1)], &row, Paint::new(false), &mut out).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].ends_with("90.00 %  p50 p90"), "{out}");
        assert!(lines[1].ends_with("10.00 %  p99 p99.9 max"), "{out}");
    }
}
