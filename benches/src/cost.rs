//! The cost of a process that runs: its CPU time and its memory.

use std::fs;
use std::time::Duration;

use millchat_testkit::process::{anonymous_bytes, cpu_time_of_threads};

/// Returns the CPU time of the threads that a process has now, to the nanosecond.
pub fn cpu(process: u32) -> Duration {
    cpu_time_of_threads(process).expect("the process runs")
}

/// Returns the private memory of a process, in bytes: what is in RAM and is no page of a file.
pub fn memory(process: u32) -> u64 {
    anonymous_bytes(process).expect("the process runs")
}

/// Returns the memory that the kernel holds for its own objects, sockets among them, in bytes: of the whole machine.
pub fn kernel_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").expect("the kernel counts its memory");
    let line = text.lines().find_map(|line| line.strip_prefix("Slab:")).expect("and names its objects");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("in kB") * 1024
}
