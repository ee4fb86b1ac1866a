//! A child process of the tester that obeys lines: the attackers, and the sink.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Time that a child may take for an answer: some prepare ten thousands of messages.
const ANSWER_MAX: Duration = Duration::from_mins(10);

/// A running child; killed when it is dropped.
pub struct Child {
    _process: Process,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts this program again with other arguments.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process =
            command.spawn().map_err(|error| format!("a child could not be started: {error}"))?;
        let stdin = process.stdin.take().expect("its stdin is piped");
        let stdout = process.stdout.take().expect("its stdout is piped");
        Ok(Self { _process: process, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// Returns its next line.
    pub async fn line(&mut self) -> Result<String, String> {
        match timeout(ANSWER_MAX, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err("a child has ended; its stderr says why".to_owned()),
            Ok(Err(error)) => Err(format!("a child cannot be read: {error}")),
            Err(_elapsed) => Err(format!("a child said nothing for {ANSWER_MAX:?}")),
        }
    }

    /// Gives it a line, and returns its answer.
    pub async fn ask(&mut self, line: &str) -> Result<String, String> {
        let written = self.stdin.write_all(format!("{line}\n").as_bytes()).await;
        written.map_err(|error| format!("a child does not listen: {error}"))?;
        self.line().await
    }
}

/// Waits, in a child, until the parent is gone.
pub async fn end_of_stdin() {
    let (mut stdin, mut buffer) = (tokio::io::stdin(), [0; 64]);
    while matches!(stdin.read(&mut buffer).await, Ok(1..)) {}
}
