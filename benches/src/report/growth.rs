//! The section about growth: a table and a picture for each curve, what a large machine would need by them, and what is
//! written by hand (`benches/growth.md`).

use std::fmt::Write as _;

use millchat_benches::Unit;
use millchat_benches::growth::{
    CPU, CPU_OF_JOIN, Cost, Curve, FRAME, Growth, KERNEL_MEMORY, MEMORY, exponent, shown,
};
use millchat_benches::results::Figures;

use crate::page::{TAKES_ALL, wrapped};

/// The machine that is asked about.
const READERS: f64 = 1e6;
const CORES: f64 = 16.0;
/// Bytes of a message there.
const MESSAGE_BYTES: u64 = 200;
/// Bytes of TCP (with timestamps), IPv4 and Ethernet that a frame has around it.
const HEADER_BYTES: f64 = 66.0;
/// Seconds after which a silent reader gets a sign of life (`HEARTBEAT` of the server).
const HEARTBEAT_SECONDS: f64 = 15.0;
/// Ports of one address from which connections begin (`net.ipv4.ip_local_port_range`).
const PORTS: f64 = 28_232.0;

/// Renders the section. `images` are the files of the pictures, one for each curve that has one.
pub fn section(growth: &Growth, images: &[Option<String>], by_hand: &str) -> String {
    let Figures { bench, title, about, rows, .. } = &growth.found;
    let mut out = format!("## `{bench}`: {title}\n\n{}\n", wrapped(about));
    for (curve, image) in growth.curves.iter().zip(images) {
        let head = format!("By {}", curve.of);
        write!(out, "\n### {head}\n\n{}\n", wrapped(&curve.about)).expect(TAKES_ALL);
        if let Some(image) = image {
            writeln!(out, "\n![{head}](img/{image})").expect(TAKES_ALL);
        }
        table(curve, &growth.found, &mut out);
    }
    let samples = rows.iter().map(|row| row.samples.len()).max().unwrap_or_default();
    writeln!(out, "\nMedians of {samples} samples; `cargo bench --bench {bench}`.").expect(TAKES_ALL);
    needs(growth, &mut out);
    if !by_hand.is_empty() {
        writeln!(out, "\n{}", by_hand.trim()).expect(TAKES_ALL);
    }
    out
}

/// Returns the figures of one curve, for its picture.
pub fn picture(curve: &Curve, found: &Figures) -> Figures {
    let rows = curve
        .sizes
        .iter()
        .flat_map(|size| curve.costs.iter().filter_map(|cost| curve.row(found, cost, *size)));
    Figures { rows: rows.cloned().collect(), ..found.clone() }
}

/// Writes the table: a line for each size, then the slopes, and what one more costs.
fn table(curve: &Curve, found: &Figures, out: &mut String) {
    let costs = curve.costs.iter().map(|cost| cost.metric.as_str()).collect::<Vec<_>>().join(" | ");
    write!(out, "\n| {} | {costs} |\n|--:|{}\n", curve.of, "--:|".repeat(curve.costs.len()))
        .expect(TAKES_ALL);
    let mut line = |head: &str, figure: &dyn Fn(&Cost) -> Option<String>| {
        let figures = curve.costs.iter().map(|cost| figure(cost).unwrap_or_default()).collect::<Vec<_>>();
        writeln!(out, "| {head} | {} |", figures.join(" | ")).expect(TAKES_ALL);
    };
    for &size in &curve.sizes {
        line(&Unit::Count.show(size as f64), &|cost| {
            let row = curve.row(found, cost, size)?;
            Some(row.unit.show(row.median()))
        });
    }
    line("*grows as*", &|cost| {
        Some(format!("**{} ^ {}**", curve.of, shown(exponent(&curve.points(found, cost))?)))
    });
    line("*one more*", &|cost| {
        let unit = curve.row(found, cost, *curve.sizes.last()?)?.unit;
        Some(small(unit, cost.of_one_more(&curve.points(found, cost))?))
    });
}

/// Formats a figure that may be below zero, or far below one.
fn small(unit: Unit, value: f64) -> String {
    let (sign, size) = (if value < 0.0 { "−" } else { "" }, value.abs());
    if size > 0.0 && size < 0.1 {
        let name = unit.show(0.0);
        let name = name.trim_start_matches(|letter: char| !letter.is_alphabetic() && letter != '/');
        return format!("{sign}{size:.5} {name}").trim_end().to_owned();
    }
    format!("{sign}{}", unit.show(size))
}

/// Writes what [`CORES`] and [`READERS`] need by these figures, if there are all.
fn needs(growth: &Growth, out: &mut String) {
    if let Some(lines) = lines_of_needs(growth) {
        write!(
            out,
            "\n### {} cores and {} readers\n\n| what | by the figures above | needed |\n|---|---|--:|\n",
            Unit::Count.show(CORES),
            Unit::Count.show(READERS)
        )
        .expect(TAKES_ALL);
        for [what, by, needed] in lines {
            writeln!(out, "| {what} | {by} | {needed} |").expect(TAKES_ALL);
        }
    }
}

fn lines_of_needs(growth: &Growth) -> Option<Vec<[String; 3]>> {
    let of = |metric: &str| {
        growth
            .curves
            .iter()
            .find_map(|curve| Some((curve, curve.costs.iter().find(|cost| cost.metric == metric)?)))
    };
    // The dearer of two: the last figure of the curve, and what one more cost at its end.
    let each = |metric: &str| {
        let (curve, cost) = of(metric)?;
        let points = curve.points(&growth.found, cost);
        Some(points.last()?.1.max(cost.of_one_more(&points)?))
    };
    let (curve, cost) = of(FRAME)?;
    let frame = curve.row(&growth.found, cost, MESSAGE_BYTES)?.median();
    let (cpu, memory, kernel, join) = (each(CPU)?, each(MEMORY)?, each(KERNEL_MEMORY)?, each(CPU_OF_JOIN)?);
    let (time, bytes, count) =
        (|v| Unit::Nanoseconds.show(v), |v| Unit::Bytes.show(v), |v| Unit::Count.show(v));
    let per_second = |v: f64| Unit::PerSecond.show(v);
    let deliveries = CORES * 1e9 / cpu;
    let gigabits = READERS * (frame + HEADER_BYTES) * 8.0 / 1e9;
    let line = |what: &str, by: String, needed: String| [what.to_owned(), by, needed];
    Some(vec![
        line("memory of the process", format!("{} a reader", bytes(memory)), bytes(memory * READERS)),
        line(
            "memory of the kernel, sockets at rest",
            format!("{} a reader", bytes(kernel)),
            bytes(kernel * READERS),
        ),
        line("deliveries that all cores make", format!("{} each", time(cpu)), per_second(deliveries)),
        line(
            "of those, messages to all readers",
            format!("{} deliveries each", count(READERS)),
            per_second(deliveries / READERS),
        ),
        line(
            "until a message has gone to all",
            format!("{} a delivery", time(cpu)),
            time(cpu * READERS / CORES),
        ),
        line(
            "network, one message a second to all",
            format!("{frame:.0} bytes a frame, {HEADER_BYTES:.0} around it"),
            format!("{gigabits:.1} Gbit/s"),
        ),
        line(
            "cores, when nothing is said",
            format!("a sign of life every {HEARTBEAT_SECONDS:.0} s, as a delivery"),
            format!("{:.2}", READERS / HEARTBEAT_SECONDS * cpu / 1e9),
        ),
        line(
            "until all have come back",
            format!("{} of CPU a join", time(join)),
            time(join * READERS / CORES),
        ),
        line("descriptors", "one a reader".into(), count(READERS)),
        line("addresses of clients", format!("{} ports each", count(PORTS)), count((READERS / PORTS).ceil())),
    ])
}

#[cfg(test)]
mod tests {
    use millchat_benches::results::Row;

    use super::*;

    #[test]
    fn a_section_says_each_slope_and_what_a_large_machine_needs() {
        let row = |case: &str, metric: &str, unit, value: f64| Row {
            case: case.into(),
            metric: metric.into(),
            unit,
            competitor: "millchat".into(),
            samples: vec![value],
        };
        let cost = |metric: &str| Cost { metric: metric.into(), is_part_of_each: metric != FRAME };
        let curve = |of: &str, sizes: &[u64], metrics: &[&str]| Curve {
            of: of.into(),
            about: "a".into(),
            sizes: sizes.to_vec(),
            costs: metrics.iter().map(|metric| cost(metric)).collect(),
        };
        let both = |metric, unit, value| {
            [row("10 readers", metric, unit, 2.0 * value), row("1,000 readers", metric, unit, value)]
        };
        let mut rows: Vec<Row> = both(CPU, Unit::Nanoseconds, 8_000.0).into();
        for (metric, unit, value) in [
            (MEMORY, Unit::Bytes, 4_096.0),
            (KERNEL_MEMORY, Unit::Bytes, 2_048.0),
            (CPU_OF_JOIN, Unit::Nanoseconds, 160_000.0),
        ] {
            rows.extend(both(metric, unit, value));
        }
        rows.push(row("200 bytes", FRAME, Unit::Bytes, 434.0));
        let found = Figures {
            bench: "growth".into(),
            title: "t".into(),
            about: "a".into(),
            ours: "millchat".into(),
            took_s: 0.0,
            rows,
            goals: Vec::new(),
        };
        let curves = vec![
            curve("readers", &[10, 1_000], &[CPU, MEMORY, KERNEL_MEMORY, CPU_OF_JOIN]),
            curve("bytes", &[200], &[FRAME]),
        ];
        let page = section(&Growth { found, curves }, &[Some("r.svg".into()), None], "by hand\n");
        for wanted in [
            "| 1,000 | 8.00 µs | 4.00 KiB |",
            "| *grows as* | **readers ^ −0.15** |",
            "| *one more* | 7.92 µs |",
            "![By readers](img/r.svg)",
            "### 16 cores and 1,000,000 readers",
            "| deliveries that all cores make | 8.00 µs each | 2,000,000/s |",
            "| until a message has gone to all | 8.00 µs a delivery | 500 ms |",
            "| network, one message a second to all | 434 bytes a frame, 66 around it | 4.0 Gbit/s |",
            "| until all have come back | 160 µs of CPU a join | 10.0 s |",
            "| addresses of clients | 28,232 ports each | 36 |",
            "\nby hand\n",
        ] {
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
    }

    #[test]
    fn a_figure_far_below_one_is_not_shown_as_none() {
        assert_eq!(small(Unit::Nanoseconds, 0.004), "0.00400 ns");
        assert_eq!(small(Unit::Nanoseconds, -1_500.0), "−1.50 µs");
        assert_eq!(small(Unit::PerSecond, -12_000.0), "−12,000/s");
        assert_eq!(small(Unit::Bytes, 0.0), "0.00 B");
    }
}
