//! The page: the machine, the goals, a section for each bench, and the experiments.

use std::fmt::Write as _;

use millchat_benches::Unit;
use millchat_benches::results::{Figures, Goal};

const HEAD: &str = "Written by `make bench` and `make compare`; do not edit. An absolute figure says little \
    on somebody else's machine, so each stands beside its limit or its alternative, measured in the same \
    run, and **the ratio is what counts**: Millchat's figure divided by the other's. Where time, CPU or \
    memory is measured a ratio below 1 means that Millchat needs less than the other; where it is a number a \
    second, a ratio above 1 means that it does more. The clients that load the server run on the same cores. \
    What others reach under the same load stands in the section `compare`.";
const COMMAND: &str = "```\nmake bench          # cargo bench, then this page from its figures\n\
    make compare        # Millchat and others under the same load, then this page\n```";

/// The reason for which writing to a string cannot fail.
pub const TAKES_ALL: &str = "a string takes whatever is written to it";

/// Renders the page.
pub fn page(machine: &[(&str, String)], all: &[Figures], sections: &[String], tried: &str) -> String {
    let mut out = format!("# Benchmarks\n\n{}\n\n{COMMAND}\n\n| | |\n|---|---|\n", wrapped(HEAD));
    for (what, which) in machine {
        writeln!(out, "| {what} | {which} |").expect(TAKES_ALL);
    }
    let took: f64 = all.iter().map(|found| found.took_s).sum();
    writeln!(out, "| all benches | {took:.0} s |").expect(TAKES_ALL);
    out.push_str("\n## What was to be reached\n\n| what | wanted | measured | |\n|---|---|---|---|\n");
    for Goal { what, wanted, measured, met } in all.iter().flat_map(|found| &found.goals) {
        let verdict = if *met { "reached" } else { "**not reached**" };
        writeln!(out, "| {what} | {wanted} | {measured} | {verdict} |").expect(TAKES_ALL);
    }
    for section in sections {
        out.push('\n');
        out.push_str(section);
    }
    if !tried.is_empty() {
        writeln!(out, "\n## What was tried\n\n{}", tried.trim()).expect(TAKES_ALL);
    }
    out
}

/// Renders the section of one bench.
pub fn section(found: &Figures, image: Option<&str>) -> String {
    let Figures { bench, title, about, .. } = found;
    let mut out = format!("## `{bench}`: {title}\n\n{}\n", wrapped(about));
    if let Some(image) = image {
        writeln!(out, "\n![{title}](img/{image})").expect(TAKES_ALL);
    }
    out.push('\n');
    out.push_str(&table(found));
    let samples = found.rows.iter().map(|row| row.samples.len()).max().unwrap_or_default();
    if samples > 1 {
        writeln!(out, "\nMedians of {samples} samples; `cargo bench --bench {bench}`.").expect(TAKES_ALL);
    } else {
        writeln!(out, "\n`cargo bench --bench {bench}`.").expect(TAKES_ALL);
    }
    out
}

/// Renders the table: a line for each case and metric, a pair of columns for each of the others.
fn table(found: &Figures) -> String {
    let others: Vec<&str> =
        found.each(|row| &row.competitor).into_iter().filter(|name| *name != found.ours).collect();
    let mut out = format!("| | | {} |", found.ours);
    for other in &others {
        write!(out, " {other} | ratio |").expect(TAKES_ALL);
    }
    out.push_str("\n|---|---|--:|");
    out.push_str(&"--:|--:|".repeat(others.len()));
    out.push('\n');
    for metric in found.each(|row| &row.metric) {
        for case in found.each(|row| &row.case) {
            let Some(own) = found.row(case, metric, &found.ours) else { continue };
            write!(out, "| {case} | {metric} | {} |", own.unit.show(own.median())).expect(TAKES_ALL);
            for other in &others {
                match (found.row(case, metric, other), found.ratio(case, metric, other)) {
                    (Some(row), Some(ratio)) => {
                        let shown = Unit::show(row.unit, row.median());
                        write!(out, " {shown} | **{ratio:.2}** |").expect(TAKES_ALL);
                    }
                    _ => out.push_str(" | |"),
                }
            }
            out.push('\n');
        }
    }
    out
}

/// Wraps text to the line length of the other pages.
pub fn wrapped(text: &str) -> String {
    const WIDTH: usize = 110;
    let mut out = String::new();
    let mut line = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if line > 0 && line + 1 + len > WIDTH {
            out.push('\n');
            line = 0;
        } else if line > 0 {
            out.push(' ');
            line += 1;
        }
        out.push_str(word);
        line += len;
    }
    out
}
