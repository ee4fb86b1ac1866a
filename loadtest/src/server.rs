//! The server under load as a process: started here on a throwaway log, or one that runs already.
//!
//! A server that was started here is stopped here, also when the run fails.

use std::path::{Path, PathBuf};
use std::time::Duration;

use millchat_testkit::{Server as Process, server};

use crate::server_api::protocol::Protocol;
use crate::server_api::target::Target;
use crate::settings::Settings;

/// A server that has not stopped within this time after it was asked to is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A running server.
pub struct Server {
    /// The address on which it listens.
    pub target: Target,
    /// Its process, or those of all nodes, as far as they are known.
    pub pids: Vec<u32>,
    /// The process, when it was started here.
    started: Option<Process>,
}

impl Server {
    /// The server that the settings name, started if need be.
    pub async fn open(settings: &Settings) -> Result<Self, String> {
        let protocol = settings.target.protocol(settings.load.rooms)?;
        let urls = &settings.place.url;
        if !urls.is_empty() {
            let pids = settings.place.pid.clone();
            return Ok(Self { target: Target::parse(urls, protocol)?, pids, started: None });
        }
        match protocol {
            protocol if matches!(protocol, Protocol::Millchat | Protocol::Page) => {
                Self::start(&program(settings.place.server.as_deref())?, protocol).await
            }
            _ => Err("only our own server is started here; give the --url of one that runs".to_owned()),
        }
    }

    async fn start(program: &Path, protocol: Protocol) -> Result<Self, String> {
        let mut command = server::command(program, "temp:");
        // Its log would tear the live view; what went wrong is still shown.
        command.env("RUST_LOG", "warn");
        let started =
            Process::start(command).await.map_err(|error| format!("{} {error}", program.display()))?;
        let target = Target::parse(&[format!("http://{}/", started.address())], protocol)?;
        Ok(Self { target, pids: vec![started.pid()], started: Some(started) })
    }

    /// Stops the server if it was started here.
    pub async fn close(self) {
        let Some(started) = self.started else { return };
        if !matches!(started.terminate(STOP_TIMEOUT).await, Ok(Some(_))) {
            eprintln!("the server did not stop within {STOP_TIMEOUT:?} and is killed");
        }
    }
}

/// The server's program: the one that was named, else the one that was built beside this one.
pub fn program(named: Option<&Path>) -> Result<PathBuf, String> {
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
