//! The load: it runs the load tester of this workspace as a process, and reads its report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millchat_benches::comparison::{CPU, DELIVERIES, LOST, MEMORY, P50, P99};
use millchat_benches::{Results, Unit};
use serde_json::Value;

/// Readers, in one room.
const READERS: u32 = 1_000;
/// A steady pace, and its duration.
const STEADY: [&str; 4] = ["--rate", "50", "--duration", "5s"];
/// Senders that wait only for their acknowledgements, and the duration.
const FULL: [&str; 6] = ["--rate", "max", "--senders", "16", "--duration", "3s"];
/// No messages.
const IDLE: [&str; 4] = ["--rate", "0", "--duration", "2s"];
/// The exit code of the tester when the run could not begin.
const COULD_NOT_BEGIN: i32 = 2;

/// The cases, with their names in the table.
const AT_PACE: &str = "1,000 readers, 50 messages/s";
const AT_FULL_SPEED: &str = "1,000 readers, 16 senders";
const AT_REST: &str = "1,000 readers";

/// The tester's program, and the file of its reports.
pub struct Tester {
    /// The program.
    pub program: PathBuf,
    /// A file for the report of a run.
    pub report: PathBuf,
}

/// A server under load.
pub struct Loaded<'a> {
    /// Its name in the table.
    pub name: &'a str,
    /// The flags of the tester for its address and its protocol.
    pub flags: Vec<String>,
}

impl Tester {
    /// Runs all loads, one after the other, and adds a sample of each figure. Returns the number of runs in
    /// which the tester was the bottleneck, and of all runs.
    pub fn turn(&self, results: &Results, server: &Loaded<'_>) -> Result<(usize, usize), String> {
        let idle = self.run(server, &IDLE)?;
        let memory = number(&idle, "/server/resident_per_reader")?;
        results.sample(AT_REST, MEMORY, Unit::Bytes, server.name, memory);
        let steady = self.steady(results, server)?;
        let full = self.run(server, &FULL)?;
        let per_second = number(&full, "/moved/deliveries_per_s")?;
        results.sample(AT_FULL_SPEED, DELIVERIES, Unit::PerSecond, server.name, per_second);
        let due = number(&full, "/moved/acknowledged")? * f64::from(READERS);
        let lost = if server.flags.iter().any(|flag| flag == "millchat") {
            // Positions are checked: every fault is a violation.
            number(&full, "/verdict/violations")?
        } else {
            number(&full, "/verdict/lost")?
        };
        results.sample(AT_FULL_SPEED, LOST, Unit::PerMille, server.name, lost * 1e3 / due.max(1.0));
        let late =
            |report: &&Value| report["tester"]["bottleneck"].as_array().is_some_and(|why| !why.is_empty());
        Ok(([&steady, &full].into_iter().filter(late).count(), 2))
    }

    /// Runs the load at a steady pace alone.
    pub fn steady(&self, results: &Results, server: &Loaded<'_>) -> Result<Value, String> {
        let report = self.run(server, &STEADY)?;
        let cpu = number(&report, "/server/cpu_us_per_delivery")? * 1e3;
        results.sample(AT_PACE, CPU, Unit::Nanoseconds, server.name, cpu);
        for (metric, path) in [(P50, "/latency_us/delivery/p50"), (P99, "/latency_us/delivery/p99")] {
            results.sample(AT_PACE, metric, Unit::Nanoseconds, server.name, number(&report, path)? * 1e3);
        }
        Ok(report)
    }

    /// Runs one load and returns its report.
    fn run(&self, server: &Loaded<'_>, load: &[&str]) -> Result<Value, String> {
        eprintln!("  {}: {}", server.name, load.join(" "));
        // The report of the run before must not be read as this one.
        let _ = fs::remove_file(&self.report);
        let status = Command::new(&self.program)
            .args(&server.flags)
            .args(["--readers", &READERS.to_string()])
            .args(load)
            .arg("--report-json")
            .arg(&self.report)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("the tester cannot be started: {error}"))?;
        if status.code().is_none_or(|code| code >= COULD_NOT_BEGIN) {
            return Err(format!("{} could not be loaded: the tester ended with {status}", server.name));
        }
        read(&self.report)
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn number(report: &Value, path: &str) -> Result<f64, String> {
    report.pointer(path).and_then(Value::as_f64).ok_or_else(|| {
        let violations = &report["verdict"]["first_violations"];
        format!("the tester's report has no {path}: {violations}")
    })
}
