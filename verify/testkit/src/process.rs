//! The kernel's account of a process on this machine, alone or with all that it started: CPU time and memory.

use std::fs;
use std::time::Duration;

/// Processes of one server that are looked at.
const FAMILY_MAX: usize = 256;

/// Returns a process and all that it started: a server may be a master and its workers.
pub fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while next < family.len() && family.len() < FAMILY_MAX {
        let tasks = fs::read_dir(format!("/proc/{}/task", family[next])).into_iter().flatten();
        let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
        let children: Vec<u32> = lists
            .flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        family.extend(children);
        next += 1;
    }
    family
}

/// Returns true if a process is there and not only waits to be taken off the list.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The sum of what each of the family has; `None` when the first of them is gone.
fn sum<T: std::iter::Sum<T>>(pid: u32, of: impl Fn(u32) -> Option<T>) -> Option<T> {
    let first = of(pid)?;
    Some(std::iter::once(first).chain(family(pid).into_iter().skip(1).filter_map(of)).sum())
}

/// CPU time that a process and all that it started have used, in user and kernel mode together; `None` when
/// it is gone.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    sum(pid, cpu_time_alone)
}

/// CPU time that the process alone has used: a load tester may have started the server that it loads.
pub fn cpu_time_alone(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold spaces and brackets; what follows its last bracket does not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_micros(ticks * 1_000_000 / per_second))
}

/// Resident memory of a process and all that it started in bytes, what they share counted once; `None` when
/// it is gone.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    sum(pid, resident_bytes_of)
}

fn resident_bytes_of(pid: u32) -> Option<u64> {
    // smaps_rollup counts page by page; status is the answer where only that may be read.
    match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) if rollup.contains("\nPss:") => line_bytes(&rollup, "Pss:"),
        _ => resident_bytes_alone(pid),
    }
}

/// Resident memory from what the kernel counts anyway: cheap for the process that is looked at, and a little
/// off; what processes share counts for each.
pub fn resident_bytes_roughly(pid: u32) -> Option<u64> {
    sum(pid, resident_bytes_roughly_of)
}

fn resident_bytes_roughly_of(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages = statm.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Time that this machine's cores have spent since it was started, in ticks.
#[derive(Debug, Clone, Copy)]
pub struct MachineTime {
    idle: u64,
    all: u64,
}

impl MachineTime {
    /// The share of the time since then in which the cores had nothing to do.
    pub fn idle_since(self, then: Self) -> Option<f64> {
        let all = self.all.checked_sub(then.all).filter(|&all| all > 0)?;
        Some(self.idle.saturating_sub(then.idle) as f64 / all as f64)
    }
}

/// Returns the time that this machine's cores have spent until now.
pub fn machine_time() -> Option<MachineTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let spent: Vec<u64> = stat
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|n| n.parse().ok())
        .collect();
    // The fourth is idle, the fifth is idle with a disk under way.
    Some(MachineTime { idle: spent.get(3)? + spent.get(4)?, all: spent.iter().sum() })
}

/// CPU time of the threads that a process has now, to the nanosecond; `None` when it is gone.
pub fn cpu_time_of_threads(pid: u32) -> Option<Duration> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let of = |stat: String| stat.split_ascii_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
    let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
    Some(Duration::from_nanos(stats.filter_map(of).sum()))
}

/// Resident memory of the process alone in bytes, as its status says; `None` when it is gone.
pub fn resident_bytes_alone(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most resident memory that the process alone ever had, in bytes; `None` when it is gone.
pub fn resident_bytes_max(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Resident memory of the process alone that is no page of a file, in bytes; `None` when it is gone.
pub fn anonymous_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "RssAnon:")
}

fn status_bytes(pid: u32, name: &str) -> Option<u64> {
    line_bytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name)
}

/// Reads the line of this name, which counts in kB.
fn line_bytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_its_cpu_time_does_not_run_backwards() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 100 * 1024);
        assert!(resident_bytes_max(pid).unwrap() >= anonymous_bytes(pid).unwrap());
        assert!(cpu_time_of_threads(pid).unwrap() > Duration::ZERO);
        let before = cpu_time_alone(pid).unwrap();
        assert!(cpu_time_alone(pid).unwrap() >= before);
        assert_eq!(cpu_time(u32::MAX), None);
        assert!(resident_bytes_roughly(pid).unwrap() > 100 * 1024);
        let (then, now) = (MachineTime { idle: 5, all: 10 }, MachineTime { idle: 10, all: 30 });
        assert_eq!(now.idle_since(then), Some(0.25));
        assert!(machine_time().is_some());
    }

    #[test]
    fn what_a_process_started_counts_with_it() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = std::process::id();
        // Where the kernel was built without lists of children a server is its first process.
        if fs::exists(format!("/proc/{own}/task/{own}/children")).unwrap() {
            assert!(family(own).contains(&child.id()));
            // Memory itself may shrink between two looks, while other tests run.
            assert_eq!(sum(own, |_| Some(1)), Some(family(own).len()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!family(own).contains(&child.id()));
    }
}
