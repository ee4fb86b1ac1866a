//! The server under attack: its process, its log, its limits, and the counts that it keeps.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use millchat_testkit::{Server as Process, process};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::exchange::exchange;
use crate::greedy::requests;
use crate::greedy::wire::connect;

/// Time that the server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Largest answer of the metrics.
const METRICS_BYTES_MAX: usize = 1024 * 1024;
/// The address from which the metrics are asked for.
const OPERATOR: Ipv4Addr = Ipv4Addr::new(127, 3, 0, 1);
/// The metrics that name limits.
const METRICS: [&str; 3] =
    ["millchat_rate_limited_total", "millchat_errors_total", "millchat_readers_dropped_total"];

/// The server under attack.
pub struct Site {
    program: PathBuf,
    log: PathBuf,
    /// Holds the log; removed when this is dropped.
    directory: TempDir,
    /// The address on which it listens, also after a restart.
    pub address: SocketAddr,
    process: Process,
}

impl Site {
    /// Starts the server without limits, on an empty log or on one of this number of records.
    pub async fn start(program: &Path, records: Option<u64>) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| format!("no place for a log: {error}"))?;
        let log = directory.path().join("greedy.redb");
        if let Some(records) = records {
            import(program, &log, records).await?;
        }
        let process = start(program, &log, SocketAddr::from(([127, 0, 0, 1], 0)), "off").await?;
        let address = process.address();
        Ok(Self { program: program.to_owned(), log, directory, address, process })
    }

    /// Stops it, and starts it again on the same log and address with these limits.
    pub async fn restart(self, limits: &str) -> Result<Self, String> {
        let Self { program, log, directory, address, process } = self;
        match process.terminate(STOP_MAX).await {
            Ok(Some(_)) => {}
            Ok(None) => eprintln!("the server did not stop within {STOP_MAX:?} and was killed"),
            Err(error) => return Err(format!("the server could not be stopped: {error}")),
        }
        let process = start(&program, &log, address, limits).await?;
        Ok(Self { program, log, directory, address, process })
    }

    /// Forgets the most memory that the server ever had.
    pub fn reset_memory_peak(&self) -> Result<(), String> {
        // proc(5): 5 resets the peak to the present value.
        let path = format!("/proc/{}/clear_refs", self.process.pid());
        fs::write(&path, "5").map_err(|error| format!("{path}: {error}"))
    }

    /// Returns the most memory since it was reset, in bytes; `None` when the server is gone.
    pub fn memory_peak(&self) -> Option<u64> {
        process::resident_bytes_max(self.process.pid())
    }

    /// Returns the counts of refusals and errors that the server keeps.
    pub async fn refusals(&self) -> Result<BTreeMap<String, u64>, String> {
        let failed = |error: std::io::Error| format!("the metrics cannot be read: {error}");
        let mut socket = connect(OPERATOR, self.address, None).await.map_err(failed)?;
        let answer = exchange(&mut socket, &requests::get("/metrics"), METRICS_BYTES_MAX).await;
        let text = String::from_utf8_lossy(&answer.map_err(failed)?.body).into_owned();
        Ok(parse_metrics(&text))
    }
}

async fn start(program: &Path, log: &Path, address: SocketAddr, limits: &str) -> Result<Process, String> {
    let mut command = Command::new(program);
    command.arg("--address").arg(address.to_string()).arg("--log").arg(log).args(["--rate-limit", limits]);
    command.env("RUST_LOG", "error");
    Process::start(command).await.map_err(|error| format!("{} {error}", program.display()))
}

/// Returns the counts above 0 of the metrics that name limits, as `name` or `name label`.
fn parse_metrics(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        let metric = METRICS.iter().find(|metric| name.starts_with(**metric))?;
        let label = name.split('"').nth(1).map(|label| format!(" {label}")).unwrap_or_default();
        let name = metric.trim_start_matches("millchat_").trim_end_matches("_total");
        let value = value.parse().ok().filter(|value| *value > 0)?;
        Some((format!("{name}{label}"), value))
    };
    text.lines().filter_map(line).collect()
}

/// Makes a log of this number of records without keys, all of them young.
async fn import(program: &Path, log: &Path, records: u64) -> Result<(), String> {
    let mut command = std::process::Command::new(program);
    command.arg("import").arg(log).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let write = move || {
        let mut child = command.spawn()?;
        let mut out = std::io::BufWriter::new(child.stdin.take().expect("its stdin is piped"));
        let created_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let author = json!({ "id": "g_records", "name": "Records", "kind": "guest" });
        let header =
            json!({ "millchat": "log", "format": 1, "epoch": "5f3c9a2e", "floor": 1, "head": records });
        writeln!(out, "{header}")?;
        for position in 1..=records {
            let record = json!({
                "position": position, "prev": position - 1, "room": "greedy-records", "kind": "message",
                "author": author, "created_at": created_at, "content": "a record without a key",
            });
            writeln!(out, "{record}")?;
        }
        writeln!(out, "{}", json!({ "end": records, "head": records }))?;
        out.flush()?;
        drop(out);
        child.wait()
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("the import of {records} records ended with {status}")),
        Ok(Err(error)) => Err(format!("the import of {records} records: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_that_name_limits_are_read() {
        let text = "# TYPE millchat_errors counter\nmillchat_errors_total{kind=\"busy\"} 12\n\
                    millchat_rate_limited_total{limit=\"guests\"} 0\nmillchat_readers_dropped_total 3\n\
                    millchat_rooms 4\n";
        let expected = [("errors busy".to_owned(), 12), ("readers_dropped".to_owned(), 3)];
        assert_eq!(parse_metrics(text), BTreeMap::from(expected));
    }
}
