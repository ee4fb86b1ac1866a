//! This program as a child process: for measurements that need a process of their own, and for processes to
//! kill.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The variable that names the role of the child.
const ROLE: &str = "MILLCHAT_BENCH_ROLE";

/// A child process; killed when it is dropped.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl ChildProcess {
    /// Starts this program again in a role, with arguments. Its `main` must call [`role`] before anything
    /// else.
    pub fn start(role: &str, args: &[&str]) -> Self {
        let program = env::current_exe().expect("a program knows itself");
        let mut command = Command::new(program);
        command.env(ROLE, role).args(args).stdout(Stdio::piped());
        let mut child = command.spawn().expect("what runs can be run again");
        let stdout = child.stdout.take().expect("it is piped");
        Self { child, lines: BufReader::new(stdout) }
    }

    /// Reads the next line of its output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("its output can be read");
        line.trim().to_owned()
    }

    /// Returns the id of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the role and the arguments of this process, if it was started with a role.
pub fn role() -> Option<(String, Vec<String>)> {
    Some((env::var(ROLE).ok()?, env::args().skip(1).collect()))
}
