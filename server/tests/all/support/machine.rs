//! What the kernel says of a process, and what it grants to this one.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::server::command;

/// CPU time that the process has used, in clock ticks of 10 ms.
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The memory that the process has, in bytes.
pub fn memory_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// The most that it ever had.
pub fn memory_bytes_max(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Lets the thread of this name run only where no other wants to.
pub async fn put_last(pid: u32, name: &str) {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|entry| entry.unwrap().path());
    let named = |thread: &PathBuf| fs::read_to_string(thread.join("comm")).unwrap().trim() == name;
    let thread = threads.into_iter().find(named).unwrap_or_else(|| panic!("no thread is called {name}"));
    let thread = thread.file_name().unwrap().to_str().unwrap().to_owned();
    let status = command("chrt").args(["--idle", "--pid", "0", &thread]).status().await.unwrap();
    assert!(status.success(), "chrt, of util-linux: {status}");
}

/// Makes sure that this process may open so many sockets.
pub fn need_descriptors(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    assert!(
        limit.maximum.is_none_or(|hard| hard >= wanted),
        "this test opens {wanted} descriptors, more than the hard limit: raise it with ulimit -Hn"
    );
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}
