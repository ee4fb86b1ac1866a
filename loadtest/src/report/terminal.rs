//! The report as text for a terminal.

use std::fmt::{self, Write};

use crate::report::bars;
use crate::report::paint::Paint;
use crate::report::schema::{LatencySummary, LoadSummary, Report, Verdict};
use crate::report::summary::{rows, title};
use crate::report::units::{bytes, counted, grouped, time};

/// Most bars of the histogram: more do not fit a screen.
const BARS_MAX: usize = 24;

/// Writes the report.
pub fn render(report: &Report, colour: bool) -> String {
    let mut out = String::new();
    // Writing into a String does not fail.
    let _ = write(report, Paint::new(colour), &mut out);
    out
}

fn write(report: &Report, paint: Paint, out: &mut String) -> fmt::Result {
    writeln!(out, "\n{}\n", paint.bold(&title(&report.asked)))?;
    latencies(report, paint, out)?;
    let delivery = &report.distribution.delivery;
    if !delivery.buckets.is_empty() {
        writeln!(out, "\n{}", paint.bold("delivery latency"))?;
        bars::write(&delivery.rows(BARS_MAX), &report.latency_us.delivery, paint, out)?;
    }
    writeln!(out)?;
    figures(report, out)?;
    for (kind, count) in &report.errors {
        writeln!(out, "error             {} x {kind}", grouped(count))?;
    }
    cautions(report, paint, out)?;
    verdict(&report.asked, &report.verdict, paint, out)
}

fn latencies(report: &Report, paint: Paint, out: &mut String) -> fmt::Result {
    let heads = ["count", "p50", "p90", "p99", "p99.9", "max"];
    write!(out, "{:<20}", "")?;
    for (width, head) in [13, 10, 10, 10, 10, 10].into_iter().zip(heads) {
        write!(out, "{}", paint.dim(&format!("{head:>width$}")))?;
    }
    writeln!(out)?;
    for (name, row) in rows(report) {
        let LatencySummary { count, p50, p90, p99, p999, max } = *row;
        write!(out, "{name:<20}{:>13}", grouped(count))?;
        for micros in [p50, p90, p99, p999, max] {
            write!(out, "{:>10}", time(micros))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn figures(report: &Report, out: &mut String) -> fmt::Result {
    let Report { verdict, moved, server, tester, .. } = report;
    writeln!(
        out,
        "joined            {} in {:.1} s; {} in all, {}",
        counted(verdict.joined, "reader"),
        report.joining_s,
        counted(moved.connections, "connection"),
        counted(moved.storms, "storm"),
    )?;
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
            grouped(moved.rejected),
            grouped(moved.unknown),
        )?;
    }
    writeln!(
        out,
        "received          {} and {}",
        bytes(moved.bytes as f64),
        counted(moved.signals, "signal")
    )?;
    for (name, cpu, cores, per_delivery) in [
        ("server CPU", server.cpu_s, server.cores, server.cpu_us_per_delivery),
        ("tester CPU", tester.cpu_s, tester.cores, tester.cpu_us_per_delivery),
    ] {
        if let (Some(cpu), Some(cores)) = (cpu, cores) {
            let each = per_delivery.map_or(String::new(), |micros| format!(", {micros:.2} µs a delivery"));
            writeln!(out, "{name:<18}{cpu:.2} s, {cores:.2} cores{each}")?;
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
    Ok(())
}

fn cautions(report: &Report, paint: Paint, out: &mut String) -> fmt::Result {
    let tester = &report.tester;
    if !tester.bottleneck.is_empty() {
        let words = "THE TESTER WAS THE BOTTLENECK: these figures are not the server's.";
        writeln!(out, "\n{}", paint.warn(words))?;
        for reason in &tester.bottleneck {
            writeln!(out, "  {reason}")?;
        }
    }
    if tester.machine_was_full {
        let words = "Server and tester shared this machine, and it had no core to spare.";
        writeln!(
            out,
            "\n{}\n  Each waited for the other: latencies are those of this machine.",
            paint.warn(words)
        )?;
    }
    Ok(())
}

fn verdict(asked: &LoadSummary, verdict: &Verdict, paint: Paint, out: &mut String) -> fmt::Result {
    writeln!(out)?;
    for violation in &verdict.first_violations {
        writeln!(out, "{}         {violation}", paint.bad("VIOLATION"))?;
    }
    let faults = verdict.lost + verdict.doubled + verdict.disordered;
    if verdict.passed && asked.rate == Some(0.0) {
        writeln!(out, "{}            {} joined", paint.good("PASSED"), counted(verdict.joined, "reader"))
    } else if verdict.passed {
        writeln!(
            out,
            "{}            {} deliveries and {} acknowledgements verified",
            paint.good("PASSED"),
            grouped(verdict.deliveries),
            grouped(verdict.acknowledgements),
        )
    } else {
        let counted_faults = if faults == 0 {
            String::new()
        } else {
            format!(
                ": {} lost, {} doubled, {} out of order",
                grouped(verdict.lost),
                grouped(verdict.doubled),
                grouped(verdict.disordered)
            )
        };
        let count = counted(verdict.violations as u64, "violation");
        writeln!(out, "{}            {count}{counted_faults}", paint.bad("FAILED"))
    }
}
