//! The machine of the figures: enough to compare with, nothing that identifies its owner.

use std::fs;
use std::process::Command;
use std::thread;

use millchat_benches::paths;

/// Returns the lines of the table: names and values.
pub fn describe() -> Vec<(&'static str, String)> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into());
    let memory = field("/proc/meminfo", "MemTotal").and_then(|text| {
        let kib: u64 = text.trim_end_matches(" kB").parse().ok()?;
        Some(format!("{} GiB", (kib + 512 * 1024) / (1024 * 1024)))
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = said(Command::new("rustc").arg("--version"));
    let mut commit = said(Command::new("git").args(["rev-parse", "--short", "HEAD"]));
    let changed = ["status", "--porcelain", "--", "core", "server", "benches", "Cargo.lock"];
    if !said(Command::new("git").args(changed)).is_empty() {
        commit.push_str(", with changes that are not committed");
    }
    vec![
        ("cores", format!("{cores} × {cpu}")),
        ("memory", memory.unwrap_or_else(|| "unknown".into())),
        ("kernel", format!("Linux {}", kernel.trim())),
        ("compiler", rustc),
        ("commit", commit),
    ]
}

/// Returns the first value of a name in a file of `name: value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Returns the output of a command; empty when it cannot be run.
fn said(command: &mut Command) -> String {
    let output = command.current_dir(paths::workspace()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
