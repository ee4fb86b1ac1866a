//! The report as text for a terminal.

use std::fmt::{self, Write};

use crate::report::{Report, Row};
use crate::tally::Latencies;

/// Widest bar of the histogram, in characters.
const BAR_CHARS_MAX: u64 = 50;
/// Upper bounds of the histogram's buckets within a decade, in tenths of its begin.
const STEPS: [u64; 6] = [10, 15, 20, 30, 50, 70];

/// Writes the report.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a String does not fail.
    let _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let Report { asked, verdict, moved, server, tester, .. } = report;
    let rate = asked.rate.map_or("as fast as acknowledged".to_owned(), |rate| format!("{rate} messages/s"));
    writeln!(
        out,
        "{}: {} readers in {} room(s), {} senders, {rate}, {} bytes each\n",
        asked.url,
        grouped(asked.readers as u64),
        grouped(asked.rooms),
        asked.senders,
        asked.size,
    )?;
    writeln!(
        out,
        "{:<18}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}",
        "", "count", "p50", "p90", "p99", "p99.9", "max"
    )?;
    let table = &report.latency_us;
    let rows = [
        ("delivery", &table.delivery),
        ("acknowledgement", &table.acknowledgement),
        ("join", &table.join),
        ("resume", &table.resume),
        ("tester's lateness", &table.lag),
    ];
    for (name, row) in rows.into_iter().filter(|(_, row)| row.count > 0) {
        let Row { count, p50, p90, p99, p999, max } = *row;
        write!(out, "{name:<18}{:>12}", grouped(count))?;
        for micros in [p50, p90, p99, p999, max] {
            write!(out, "{:>11}", time(micros))?;
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    histogram(&report.delivery, out)?;

    writeln!(out, "joined            {} readers in {:.1} s", grouped(verdict.joined), report.joining_s)?;
    if moved.deliveries + moved.acknowledged + moved.rejected + moved.unknown > 0 {
        writeln!(
            out,
            "deliveries        {} ({}/s) over {:.1} s",
            grouped(moved.deliveries),
            grouped(moved.deliveries_per_s.round()),
            report.sending_s,
        )?;
        writeln!(
            out,
            "sends             {} acknowledged ({}/s), {} rejected, {} unknown",
            grouped(moved.acknowledged),
            grouped(moved.acknowledged_per_s.round()),
            moved.rejected,
            moved.unknown,
        )?;
    }
    writeln!(out, "received          {} and {} signals", bytes(moved.bytes as f64), grouped(moved.signals))?;
    for (name, cpu, per_delivery) in [
        ("server CPU", server.cpu_s, server.cpu_us_per_delivery),
        ("tester CPU", tester.cpu_s, tester.cpu_us_per_delivery),
    ] {
        if let Some(cpu) = cpu {
            let each = per_delivery.map_or(String::new(), |micros| format!(", {micros:.2} µs a delivery"));
            writeln!(out, "{name:<18}{cpu:.2} s{each}")?;
        }
    }
    if let (Some(before), Some(after)) = (server.resident_before, server.resident_after) {
        let each =
            server.resident_per_reader.map_or(String::new(), |each| format!("; {} a reader", bytes(each)));
        writeln!(
            out,
            "server memory     {} before, {} after{each}",
            bytes(before as f64),
            bytes(after as f64)
        )?;
    }
    for (kind, count) in &report.errors {
        writeln!(out, "error             {count} x {kind}")?;
    }
    if tester.was_late {
        writeln!(
            out,
            "\nThe tester itself was late with its messages: the latencies are not the server's alone."
        )?;
    }
    writeln!(out)?;
    for violation in &verdict.first_violations {
        writeln!(out, "VIOLATION         {violation}")?;
    }
    if verdict.passed && asked.rate == Some(0.0) {
        writeln!(out, "PASSED            {} readers got their start", grouped(verdict.joined))
    } else if verdict.passed {
        writeln!(
            out,
            "PASSED            {} deliveries and {} acknowledgements verified: nothing lost, doubled or out of order",
            grouped(verdict.deliveries),
            grouped(verdict.acknowledgements),
        )
    } else {
        writeln!(out, "FAILED            {} violations", verdict.violations)
    }
}

/// Bars over buckets that widen with the latency.
fn histogram(latencies: &Latencies, out: &mut String) -> fmt::Result {
    let histogram = &latencies.0;
    if histogram.is_empty() {
        return Ok(());
    }
    let mut bounds = Vec::new();
    let mut decade = 1;
    while bounds.last().is_none_or(|&last| last < histogram.max()) {
        bounds.extend(STEPS.iter().map(|step| step * decade));
        decade *= 10;
    }
    let mut low = 0;
    let mut buckets = Vec::new();
    for bound in bounds {
        buckets.push((bound, histogram.count_between(low, bound)));
        low = bound + 1;
    }
    let filled = |&(_, count): &(u64, u64)| count > 0;
    let first = buckets.iter().position(filled).unwrap_or(0);
    let last = buckets.iter().rposition(filled).unwrap_or(0);
    let most = buckets.iter().map(|&(_, count)| count).max().unwrap_or(1).max(1);
    writeln!(out, "delivery latency")?;
    for &(bound, count) in &buckets[first..=last] {
        let bar = "■".repeat((count * BAR_CHARS_MAX).div_ceil(most) as usize);
        let share = count as f64 / histogram.len() as f64 * 100.0;
        writeln!(out, "  up to {:>9} {share:>6.2} % {bar}", time(bound))?;
    }
    writeln!(out)
}

/// A latency in the unit that suits it.
fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// A whole number with its thousands set apart.
fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn bytes(count: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let mut value = count;
    for unit in units {
        if value < 1024.0 || unit == "GiB" {
            return if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    unreachable!("the last unit returns")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(time(999), "999 µs");
        assert_eq!(time(1_500), "1.50 ms");
        assert_eq!(bytes(1_677.0), "1.6 KiB");
    }

    #[test]
    fn the_histogram_shows_each_latency_once() {
        let mut latencies = Latencies::default();
        for micros in [90, 900, 900, 9_000] {
            latencies.record(Duration::from_micros(micros));
        }
        let mut out = String::new();
        histogram(&latencies, &mut out).unwrap();
        let shares: f64 = out
            .lines()
            .filter_map(|line| line.split(" %").next()?.split_ascii_whitespace().last()?.parse::<f64>().ok())
            .sum();
        assert!((shares - 100.0).abs() < 0.1, "{out}");
    }
}
