//! The limits that the system sets for a process and its children.

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Raises the limit of descriptors to the hard limit: thousands of readers need as many.
pub fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, all).expect("up to its hard limit a process may raise it");
}

/// Starts a process that is to think that this machine has one core, and lets it run on all of them after that; `start`
/// returns it once it has counted the cores, and `process` its id.
pub fn start_as_on_one_core<T>(start: impl FnOnce() -> T, process: impl FnOnce(&T) -> u32) -> T {
    let all = sched_getaffinity(None).expect("a thread knows its cores");
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&core| all.is_set(core)).expect("it runs on one"));
    sched_setaffinity(None, &one).expect("it may have fewer cores");
    let started = start();
    sched_setaffinity(None, &all).expect("it had these before");
    let threads = fs::read_dir(format!("/proc/{}/task", process(&started))).expect("the process runs");
    for thread in threads.flatten() {
        let id = thread.file_name().to_str().and_then(|id| Pid::from_raw(id.parse().ok()?));
        // A thread may have ended meanwhile.
        let _ = sched_setaffinity(id, &all);
    }
    started
}
