//! The `millchat` process: started by a command, stopped as its operator or a crash would stop it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The one line on stdout, before the address: with TLS and without.
const LISTENING: [&str; 2] = ["Millchat is listening on http://", "Millchat is listening on https://"];
/// A server that has not said within this time that it listens has not started. Generous, for a busy machine.
const START_MAX: Duration = Duration::from_secs(90);

/// A server that did not start.
#[derive(Debug)]
pub enum StartError {
    /// The program cannot be run.
    Spawn(io::Error),
    /// The process ended before it listened; its stderr says why.
    Ended,
    /// The process said nothing for [`START_MAX`].
    Silent,
    /// The first line on stdout is another one.
    Unexpected(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Spawn(error) => write!(f, "could not be started: {error}"),
            Self::Ended => write!(f, "ended before it listened; its stderr says why"),
            Self::Silent => write!(f, "did not listen within {START_MAX:?}"),
            Self::Unexpected(line) => write!(f, "does not say where it listens: {line:?}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Spawn(error) => Some(error),
            _ => None,
        }
    }
}

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Must stay open as long as the server runs.
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// Returns the command that starts the server `program` on a free port, with this log in the words of
/// `--log`.
pub fn command(program: &Path, log: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--address", "127.0.0.1:0", "--log", log]);
    command
}

impl Server {
    /// Starts a server and waits until it says that it listens.
    pub async fn start(mut command: Command) -> Result<Self, StartError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(StartError::Spawn)?;
        let mut stdout = BufReader::new(child.stdout.take().expect("its stdout is piped"));
        let mut line = String::new();
        let read = timeout(START_MAX, stdout.read_line(&mut line)).await;
        read.map_err(|_elapsed| StartError::Silent)?.map_err(StartError::Spawn)?;
        if line.is_empty() {
            let _ = child.wait().await;
            return Err(StartError::Ended);
        }
        let rest = LISTENING.iter().find_map(|&listening| line.strip_prefix(listening));
        let address = rest.and_then(|rest| rest.strip_suffix("/\n")?.parse().ok());
        match address {
            Some(address) => Ok(Self { child, stdout, address }),
            None => Err(StartError::Unexpected(line)),
        }
    }

    /// Returns the address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its process id.
    ///
    /// # Panics
    ///
    /// When the process has ended and [`Server::ended`] has seen it.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Returns its exit status if it has ended.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Sends SIGTERM and waits for the end. Returns the exit status and the rest of stdout; `None` when the
    /// server did not end within `patience` and was killed.
    pub async fn terminate(mut self, patience: Duration) -> io::Result<Option<(ExitStatus, String)>> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may be gone already; then there is nothing to stop.
            let _ = kill_process(pid, Signal::TERM);
        }
        let Ok(status) = timeout(patience, self.child.wait()).await else {
            self.child.kill().await?;
            return Ok(None);
        };
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).await?;
        Ok(Some((status?, rest)))
    }
}
