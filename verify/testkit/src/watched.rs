//! Processes of servers that end with the process that started them, however that ends.
//!
//! A test that is killed drops nothing. What it has started would run on, and a process that it has stopped would
//! stay so for ever.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{family, is_alive};

/// Waits for the end of its input, which comes when the process with the other side is gone; then kills a process
/// and its children.
const WATCH: &str = "read -r _; kill -KILL $1 $(cat /proc/$1/task/*/children)";

/// Interval between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A process, and the shell that watches over it; killed with its children when it is dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    child: Child,
    watcher: Child,
}

impl Watched {
    /// Starts a process.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCH, "sh", &child.id().to_string()]).stdin(Stdio::piped());
        // Ctrl-C is for others, and nobody waits for its output.
        watcher.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        match watcher.spawn() {
            Ok(watcher) => Ok(Self { child, watcher }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to it and its children.
    pub(crate) fn signal(&self, signal: Signal) {
        send(signal, &family(self.pid()));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let family = family(self.pid());
        send(Signal::KILL, &family);
        // Before the process id may be another's. A shell that was killed does not see the end of its input.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = self.child.wait();
        // One that lives on would have the memory that the next server wants.
        while family.iter().any(|&pid| is_alive(pid)) {
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// Sends a signal to processes, as far as they are there.
fn send(signal: Signal, processes: &[u32]) {
    for process in processes.iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
        let _ = kill_process(process, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Generous, for a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            thread::sleep(LOOK_EVERY);
        }
    }

    #[test]
    fn stopped_processes_end_with_the_one_that_started_them() {
        let mut watched =
            Watched::spawn(Command::new("sh").args(["-c", "sleep 600 & wait"])).expect("a shell is there");
        wait_until("it has a child", || family(watched.pid()).len() == 2);
        let family = family(watched.pid());
        watched.signal(Signal::STOP);
        // As the kernel does when this process is killed.
        drop(watched.watcher.stdin.take());
        wait_until("all are gone", || !family.iter().any(|&pid| is_alive(pid)));
    }
}
