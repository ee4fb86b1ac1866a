//! The server under load as a process: started here on a throwaway log, or one that runs already.
//!
//! A server that was started here is stopped here, also when the run fails.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::server_api::protocol::Protocol;
use crate::server_api::target::Target;
use crate::settings::Settings;

/// How long a server may take to say that it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to stop once it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// What the server's first line says before its address.
const LISTENING: &str = "Millchat is listening on ";

/// A running server.
pub struct Server {
    /// Where it listens.
    pub target: Target,
    /// Its process, when it is known.
    pub pid: Option<u32>,
    /// The process, when it was started here, with its stdout, which must stay open.
    child: Option<(Child, Lines<BufReader<ChildStdout>>)>,
}

impl Server {
    /// The server that the settings name, started if need be.
    pub async fn open(settings: &Settings) -> Result<Self, String> {
        let protocol = settings.target.protocol(settings.load.rooms)?;
        match &settings.place.url {
            Some(url) => {
                Ok(Self { target: Target::parse(url, protocol)?, pid: settings.place.pid, child: None })
            }
            None if matches!(protocol, Protocol::Millchat | Protocol::Page) => {
                Self::start(&program(settings.place.server.as_deref())?, protocol).await
            }
            None => Err("only our own server is started here; give the --url of one that runs".to_owned()),
        }
    }

    async fn start(program: &Path, protocol: Protocol) -> Result<Self, String> {
        let name = program.display();
        let mut child = Command::new(program)
            .args(["--address", "127.0.0.1:0", "--log", "temp:"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Its log would tear the live view; what went wrong is still shown.
            .env("RUST_LOG", "warn")
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{name} could not be started: {error}"))?;
        let stdout = child.stdout.take().ok_or_else(|| format!("{name} has no stdout"))?;
        let mut lines = BufReader::new(stdout).lines();
        let url = loop {
            match timeout(START_TIMEOUT, lines.next_line()).await {
                Ok(Ok(Some(line))) => {
                    if let Some(url) = line.strip_prefix(LISTENING) {
                        break url.trim().to_owned();
                    }
                }
                Ok(_) => return Err(format!("{name} ended before it listened; its stderr above says why")),
                Err(_) => return Err(format!("{name} did not listen within {START_TIMEOUT:?}")),
            }
        };
        Ok(Self { target: Target::parse(&url, protocol)?, pid: child.id(), child: Some((child, lines)) })
    }

    /// Stops the server if it was started here.
    pub async fn close(self) {
        let Some((mut child, _stdout)) = self.child else { return };
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may be gone already; then there is nothing to stop.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            eprintln!("the server did not stop within {STOP_TIMEOUT:?} and is killed");
            let _ = child.kill().await;
        }
    }
}

/// The server's program: the one that was named, else the one that was built beside this one.
fn program(named: Option<&Path>) -> Result<PathBuf, String> {
    let beside = || {
        let own = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        Ok::<_, String>(own.with_file_name("millchat"))
    };
    let program = named.map_or_else(beside, |path| Ok(path.to_path_buf()))?;
    if program.is_file() {
        return Ok(program);
    }
    Err(format!(
        "there is no server at {}. Build it with `cargo build --release -p millchat-server`, \
         or give --server PATH, or --url of one that runs",
        program.display()
    ))
}
