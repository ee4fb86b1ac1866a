//! Runs Millchat and its alternatives under the same load, in turn, and keeps the figures for the report.
//!
//! `make compare` runs it, and then the report. It installs, starts and stops the competitors. With names on
//! the command line it runs these alone, and keeps nothing: `make compare ONLY=nchan`.

mod competitor;
mod competitors;

mod load;
mod trial;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use millchat_benches::comparison::{
    self, CPU, Comparison, DELIVERIES, MEMORY, Outcome, P50, P99, ratio, row,
};
use millchat_benches::paths::{self, Scratch};
use millchat_benches::write_loop::{self, WriteLoop};
use millchat_benches::{Results, limits, server};

use self::competitor::{Competitor, Entry, flags};
use self::load::{Loaded, Tester};

const ABOUT: &str = "Each server runs alone with the load tester of this repository, in turn and round by \
    round, so that what else the machine does meets all alike; the tester takes its share of the same cores. \
    1,000 readers follow one room: for 2 s nobody says anything; for 5 s 50 messages of 200 bytes are sent \
    each second; for 3 s 16 senders send as fast as they are acknowledged. Beside the servers, at the steady \
    pace: a bare loop that writes the same bytes to as many sockets by one write(2) each and keeps nothing, \
    which is the limit.";
const OURS: &str = "Millchat";
const LIMIT: &str = "write(2)";
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    write_loop::run_if_asked();
    limits::raise_descriptors();
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A line of the table in preparation.
struct TableLine {
    competitor: Competitor,
    late: (usize, usize),
}

fn compare() -> Result<(), String> {
    let installed = paths::target().join("compare");
    install(&installed)?;
    let programs =
        server::build(&[("millchat-server", "millchat"), ("millchat-loadtest", "millchat-loadtest")]);
    let scratch = Scratch::new("compare");
    let tester = Tester { program: programs[1].clone().into(), report: scratch.file("report.json") };
    let only: Vec<String> = env::args().skip(1).collect();
    let asked =
        |(name, _): &Entry| only.is_empty() || only.iter().any(|only| only.eq_ignore_ascii_case(name));
    let entries: Vec<Entry> =
        competitors::all(Path::new(&programs[0]), &installed)?.into_iter().filter(asked).collect();

    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    for (index, (name, entry)) in entries.into_iter().enumerate() {
        match entry {
            Ok(competitor) => lines.push(TableLine { competitor, late: (0, 0) }),
            Err(why) => {
                missing
                    .push((index, comparison::CompetitorResult { name: name.to_owned(), outcome: Err(why) }));
            }
        }
    }
    let results = Results::new("compare", "Millchat and others under the same load", ABOUT, OURS);
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        limit(&tester, &results)?;
        for line in &mut lines {
            let home = scratch.file(&format!("{}-{round}", line.competitor.name));
            let running = line.competitor.start(&home)?;
            // A program that listens may not be fully started; after a message it is.
            (line.competitor.send)(running.address, "first")?;
            let mut flags = line.competitor.flags.clone();
            flags.extend(address_flags(&running.address.to_string(), running.process()));
            let server = Loaded { name: line.competitor.name, flags };
            let (late, runs) = tester.turn(&results, &server)?;
            line.late = (line.late.0 + late, line.late.1 + runs);
        }
    }
    let mut competitors = Vec::new();
    for TableLine { competitor, late } in lines {
        let survived = trial::survived(&competitor, &scratch.file(&format!("{}-trial", competitor.name)))?;
        let Competitor { name, version, settings, acknowledged, .. } = competitor;
        let acknowledged = acknowledged.to_owned();
        let outcome = Outcome { version, settings, acknowledged, survived, tester_was_late: late };
        competitors.push(comparison::CompetitorResult { name: name.to_owned(), outcome: Ok(outcome) });
    }
    for (index, competitor) in missing {
        competitors.insert(index, competitor);
    }
    goals(&results);
    let found = results.end();
    if only.is_empty() {
        let json =
            serde_json::to_vec_pretty(&Comparison { found, competitors }).map_err(|e| e.to_string())?;
        fs::write(paths::figures().join("compare.json"), json).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Installs the competitors.
fn install(into: &Path) -> Result<(), String> {
    let script = paths::workspace().join("verify/install");
    let status = Command::new(&script).arg("compare").arg(into).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", script.display())),
        Err(error) => Err(format!("{}: {error}", script.display())),
    }
}

/// Returns the flags by which the tester finds a server.
fn address_flags(address: &str, process: u32) -> Vec<String> {
    flags(&["--url", &format!("http://{address}"), "--pid", &process.to_string()])
}

/// Measures the bare loop at the steady pace. It knows one room.
fn limit(tester: &Tester, results: &Results) -> Result<(), String> {
    let write_loop = WriteLoop::start();
    let mut flags = flags(&["--target", "generic-sse", "--sse-path", "/", "--send-path", "/"]);
    flags.extend(competitor::flags(&["--send-body", r#"{"content":"{content}"}"#]));
    flags.extend(address_flags(&write_loop.address.to_string(), write_loop.process()));
    tester.steady(results, &Loaded { name: LIMIT, flags }).map(drop)
}

/// Sets the goals of the product against others.
fn goals(results: &Results) {
    let both = "delivery p50 and p99, 1,000 readers, 50 messages a second, of nchan's in the same run";
    results.goal(both, "below 1", |found| {
        // The inverse of their ratio to ours.
        let share = |metric| Some(1.0 / ratio(found, row(found, metric, "nchan")?)?);
        let (p50, p99) = (share(P50)?, share(P99)?);
        Some((format!("{p50:.2} and {p99:.2}"), p50 < 1.0 && p99 < 1.0))
    });
    let all =
        "each of the others that ran, in CPU per delivery, p50, p99, deliveries/s and memory per reader";
    results.goal(all, "behind in all", |found| {
        let others =
            found.each(|row| &row.competitor).into_iter().filter(|name| ![OURS, LIMIT].contains(name));
        let words = |name: &str| {
            let wins = comparison::ahead(found, name, &[CPU, P50, P99, DELIVERIES, MEMORY]);
            let wins: Vec<&str> = wins.into_iter().map(|(metric, _)| metric).collect();
            (!wins.is_empty()).then(|| format!("{name} is ahead in {}", wins.join(", ")))
        };
        let ahead: Vec<String> = others.filter_map(words).collect();
        Some((if ahead.is_empty() { "behind in all".to_owned() } else { ahead.join("; ") }, ahead.is_empty()))
    });
}
