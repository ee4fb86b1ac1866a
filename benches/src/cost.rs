//! The cost of a process, from /proc: its CPU time and its memory.

use std::fs;
use std::time::Duration;

/// Returns the CPU time of the threads that a process has now, to the nanosecond.
pub fn cpu(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let of = |stat: String| stat.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
    let nanos: u64 = tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(of)
        .sum();
    Duration::from_nanos(nanos)
}

/// Returns the private memory of a process, in bytes: what is in RAM and is no page of a file.
pub fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("the kernel reports RssAnon in kB") * 1024
}
