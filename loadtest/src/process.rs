//! What the kernel says about a process on this machine, with all that it started: CPU time and resident memory.
//! And this process's own limit of descriptors.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the tester needs beside its readers.
const DESCRIPTORS_RESERVED: u64 = 512;

/// Processes of one server that are looked at.
const FAMILY_MAX: usize = 256;

/// A process and all that it started: a server may be a master and its workers.
fn family(pid: u32) -> Vec<u32> {
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

/// The sum of what each of the family has; `None` when the first of them is gone.
fn sum<T: std::iter::Sum<T>>(pid: u32, of: impl Fn(u32) -> Option<T>) -> Option<T> {
    let first = of(pid)?;
    Some(std::iter::once(first).chain(family(pid).into_iter().skip(1).filter_map(of)).sum())
}

/// CPU time that a process and all that it started have used, in user and kernel mode together; `None` when it
/// is gone.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    sum(pid, cpu_time_alone)
}

/// The same of the process alone: the tester may have started the server.
pub fn cpu_time_alone(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold spaces and brackets; what follows its last bracket does not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_micros(ticks * 1_000_000 / per_second))
}

/// Resident memory of a process and all that it started in bytes, what they share counted once; `None` when it
/// is gone.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    sum(pid, resident_bytes_of)
}

fn resident_bytes_of(pid: u32) -> Option<u64> {
    // smaps_rollup counts page by page; status is the answer where only that may be read.
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    let status = || fs::read_to_string(format!("/proc/{pid}/status"));
    let (text, name) = match rollup {
        Ok(text) if text.contains("\nPss:") => (text, "Pss:"),
        _ => (status().ok()?, "VmRSS:"),
    };
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// The same from what the kernel counts anyway: cheap for the process that is looked at, and a little off; what
/// processes share counts for each.
pub fn resident_bytes_roughly(pid: u32) -> Option<u64> {
    sum(pid, resident_bytes_roughly_of)
}

fn resident_bytes_roughly_of(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages = statm.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// What this machine's cores have spent since it was started, in ticks.
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

/// What this machine's cores have spent until now.
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

/// Raises the soft limit of descriptors to the hard one, and says whether `connections` fit.
pub fn raise_descriptor_limit(connections: u64) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .map_err(|error| format!("the limit of descriptors could not be raised: {error}"))?;
    let needed = connections + DESCRIPTORS_RESERVED;
    match limit.maximum {
        Some(maximum) if maximum < needed => Err(format!(
            "{connections} connections need {needed} descriptors; the hard limit is {maximum} (ulimit -Hn)"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_its_cpu_time_does_not_run_backwards() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 100 * 1024);
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
            assert!(resident_bytes(own) > resident_bytes_of(own));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!family(own).contains(&child.id()));
    }
}
