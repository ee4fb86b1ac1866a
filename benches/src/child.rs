//! This very program as a child: for what needs a process of its own, to be measured or to be killed.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The variable that names the role of the child.
const ROLE: &str = "MILLCHAT_BENCH_ROLE";

/// A child; killed when it is dropped.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl ChildProcess {
    /// Starts this program once more in a role, with arguments. Its `main` must ask for its [`role`] first of all.
    pub fn start(role: &str, args: &[&str]) -> Self {
        let program = env::current_exe().expect("a program knows itself");
        let mut command = Command::new(program);
        command.env(ROLE, role).args(args).stdout(Stdio::piped());
        let mut child = command.spawn().expect("what runs can be run again");
        let stdout = child.stdout.take().expect("it is piped");
        Self { child, lines: BufReader::new(stdout) }
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("its output can be read");
        line.trim().to_owned()
    }

    /// Its process.
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

/// The role of this process and its arguments, if it was started to have one.
pub fn role() -> Option<(String, Vec<String>)> {
    Some((env::var(ROLE).ok()?, env::args().skip(1).collect()))
}
