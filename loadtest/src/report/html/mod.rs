//! The report as one page of HTML in one file: inline styles, plots as SVG, no script.

mod chart;
mod plot;
mod scale;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::html::plot::{Curve, Plot};
use crate::report::html::scale::Scale;
use crate::report::schema::{LatencySummary, Report};
use crate::report::summary::{rows, title};
use crate::report::units::{bytes, counted, grouped, time};

/// The styles, for light and dark.
const STYLE: &str = include_str!("style.css");

/// Renders the page.
pub fn page(report: &Report) -> String {
    let verdict = &report.verdict;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Load test of " (report.asked.target) " at " (report.asked.url) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { "Load test of " (report.asked.target) }
                        @if verdict.passed {
                            span.badge.good { "passed" }
                        } @else {
                            span.badge.bad { "failed" }
                        }
                        p { (title(&report.asked)) ", at " code { (report.asked.url) } }
                    }
                    (cautions(report))
                    (tiles(report))
                    section.plots {
                        (chart::histogram(&report.distribution.delivery.buckets, &report.latency_us.delivery))
                        (percentiles(report))
                        (over_time(report))
                    }
                    (tables(report))
                    footer { "Latencies count from when a message was due, in the tester's own clock." }
                }
            }
        }
    }
    .into_string()
}

fn cautions(report: &Report) -> Markup {
    html! {
        @if !report.tester.bottleneck.is_empty() {
            section.note {
                strong { "The tester was the bottleneck: these figures are not the server's." }
                ul { @for reason in &report.tester.bottleneck { li { (reason) } } }
            }
        }
        @if report.tester.machine_was_full {
            section.note {
                strong { "Server and tester shared a machine that had no core to spare." }
                " Each waited for the other: latencies are those of this machine."
            }
        }
        @if !report.verdict.passed {
            section.note.bad {
                strong { (counted(report.verdict.violations as u64, "violation")) }
                ul { @for violation in &report.verdict.first_violations { li { (violation) } } }
            }
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let (moved, server, latency) = (&report.moved, &report.server, &report.latency_us);
    let tile = |name: &str, value: &str, more: &str| {
        html! { div.tile { span { (name) } strong { (value) } small { (more) } } }
    };
    let of = |row: &LatencySummary| if row.count == 0 { "–".to_owned() } else { time(row.p99) };
    html! {
        section.tiles {
            (tile("deliveries verified", &grouped(report.verdict.deliveries),
                &format!("{}/s", grouped(moved.deliveries_per_s.round()))))
            (tile("delivery p99", &of(&latency.delivery), &format!("p50 {}", time(latency.delivery.p50))))
            (tile("acknowledgement p99", &of(&latency.acknowledgement),
                &format!("{} messages", grouped(moved.acknowledged))))
            (tile("join p99", &of(&latency.join), &counted(report.verdict.joined, "reader")))
            @if latency.resume.count > 0 {
                (tile("resume p99", &of(&latency.resume),
                    &format!("{} returns", grouped(latency.resume.count))))
            }
            @if let Some(micros) = server.cpu_us_per_delivery {
                (tile("server CPU a delivery", &format!("{micros:.1} µs"),
                    &format!("{:.2} cores", server.cores.unwrap_or_default())))
            }
            @if let Some(each) = server.resident_per_reader {
                (tile("server memory a reader", &bytes(each),
                    &format!("{} in all", bytes(server.resident_after.unwrap_or_default() as f64))))
            }
            @if let Some(micros) = report.tester.cpu_us_per_delivery {
                (tile("tester CPU a delivery", &format!("{micros:.1} µs"),
                    &format!("{:.2} cores", report.tester.cores.unwrap_or_default())))
            }
        }
    }
}

fn percentiles(report: &Report) -> Markup {
    let distribution = &report.distribution;
    let lines: Vec<Curve> = [
        ("delivery", &distribution.delivery),
        ("acknowledgement", &distribution.acknowledgement),
        ("join", &distribution.join),
        ("resume", &distribution.resume),
    ]
    .into_iter()
    .filter(|(_, distribution)| !distribution.percentiles.is_empty())
    .map(|(name, distribution)| {
        let points = distribution.percentiles.iter();
        Curve::new(name, points.map(|point| (1.0 / (1.0 - point.quantile), point.us.max(1) as f64)).collect())
    })
    .collect();
    Plot {
        name: "Latency by percentile",
        x: Scale::quantiles(lines.iter().flat_map(|line| &line.points).map(|point| point.0)),
        y: Scale::times(lines.iter().flat_map(|line| &line.points).map(|point| point.1)),
        lines,
        filled: false,
    }
    .render()
}

fn over_time(report: &Report) -> Markup {
    let samples = &report.series.samples;
    if samples.len() < 2 {
        return html! {};
    }
    let line = |name, of: &dyn Fn(&crate::run::series::Sample) -> f64| {
        Curve::new(name, samples.iter().map(|sample| (sample.at_s, of(sample))).collect())
    };
    let plot = |name, lines: Vec<Curve>, y: fn(f64) -> Scale, filled| {
        let most = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
        Plot { name, x: Scale::seconds(samples), y: y(most), lines, filled }.render()
    };
    let latency = [("p50", 0), ("p99", 1), ("max", 2)].map(|(name, which): (_, usize)| {
        line(name, &|sample| [sample.p50_us, sample.p99_us, sample.max_us][which].max(1) as f64)
    });
    let all: Vec<f64> = latency.iter().flat_map(|line| &line.points).map(|point| point.1).collect();
    html! {
        (plot("Deliveries a second",
            vec![line("deliveries/s", &|sample| sample.deliveries_per_s)], Scale::counts, true))
        (Plot {
            name: "Delivery latency over time",
            x: Scale::seconds(samples),
            y: Scale::times(all.into_iter()),
            lines: latency.into(),
            filled: false,
        }.render())
        @if samples.iter().any(|sample| sample.server_cores.is_some()) {
            (plot("Cores used", vec![
                line("server", &|sample| sample.server_cores.unwrap_or_default()),
                line("tester", &|sample| sample.tester_cores.unwrap_or_default()),
            ], Scale::plain, false))
            (plot("Server memory", vec![
                line("resident", &|sample| sample.server_resident.unwrap_or_default() as f64),
            ], Scale::bytes, true))
        }
    }
}

fn tables(report: &Report) -> Markup {
    let moved = &report.moved;
    html! {
        section {
            h2 { "Latencies" }
            table {
                thead {
                    tr {
                        th {}
                        @for head in ["count", "p50", "p90", "p99", "p99.9", "max"] { th { (head) } }
                    }
                }
                tbody {
                    @for (name, row) in rows(report) {
                        tr {
                            th { (name) }
                            td { (grouped(row.count)) }
                            @for micros in [row.p50, row.p90, row.p99, row.p999, row.max] {
                                td { (time(micros)) }
                            }
                        }
                    }
                }
            }
        }
        section.pair {
            div {
                h2 { "Moved" }
                table {
                    tbody {
                        @for (name, value) in [
                            ("deliveries", grouped(moved.deliveries)),
                            ("messages acknowledged", grouped(moved.acknowledged)),
                            ("messages rejected", grouped(moved.rejected)),
                            ("messages of unknown outcome", grouped(moved.unknown)),
                            ("connections", grouped(moved.connections)),
                            ("storms", grouped(moved.storms)),
                            ("received", bytes(moved.bytes as f64)),
                        ] {
                            tr { th { (name) } td { (value) } }
                        }
                    }
                }
            }
            div {
                h2 { "Errors" }
                table {
                    tbody {
                        @for (kind, count) in &report.errors { tr { th { (kind) } td { (grouped(count)) } } }
                        @if report.errors.is_empty() { tr { th { "none" } td {} } }
                    }
                }
            }
        }
    }
}
