//! The `millchat` process: started on a free port with a log of its own, killed when dropped.

use std::fs::{File, OpenOptions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use millchat_testkit::server::{self, StartError};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::Command;

use super::journaled::Others;
use super::{Api, LOOK_EVERY, PATIENCE, turn, within};

/// The binary that cargo built for this test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_millchat");

/// A running server, or one that was stopped and can be started again on the same port and log.
pub struct Server {
    process: Option<server::Server>,
    program: String,
    address: SocketAddr,
    extra: Vec<String>,
    environment: Vec<(String, String)>,
    descriptors: Option<u32>,
    /// The other nodes, if the suite runs on nodes and this server is to have some.
    others: Option<Others>,
    was_started: bool,
    directory: TempDir,
}

/// By which way streams leave the servers of this run: `hyper`, `write` or `uring`; the server chooses if
/// none is named.
pub const WAY: &str = "MILLCHAT_TEST_WAY";

/// A command that is not influenced by the environment of whoever runs the tests, but for [`WAY`].
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("RUST_BACKTRACE", "1").stdin(Stdio::null()).kill_on_drop(true);
    match std::env::var(WAY).as_deref() {
        Ok(writer @ ("hyper" | "write" | "uring")) => command.env("MILLCHAT_STREAM_WRITER", writer),
        Ok(other) => panic!("{WAY} is hyper, write or uring, not {other}"),
        Err(_) => &mut command,
    };
    command
}

impl Server {
    /// Starts one with default settings.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with more arguments than address and log.
    pub async fn start_with(extra: &[&str]) -> Self {
        Self::launch(extra, &[], None).await
    }

    /// Starts one with a settings file of this text, and more arguments. The file is [`Server::settings`].
    pub async fn start_with_settings(settings: &str, extra: &[&str]) -> Self {
        let mut server = Self::prepared(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), extra, &[], None);
        std::fs::write(server.settings(), settings).unwrap();
        server.extra.extend(["--config".to_owned(), server.settings().to_str().unwrap().to_owned()]);
        server.restart().await;
        server
    }

    /// Starts one at this address, on a free port.
    pub async fn start_at(address: IpAddr, extra: &[&str]) -> Self {
        Self::launch_at(SocketAddr::from((address, 0)), extra, &[], None).await
    }

    /// Starts one at this very address.
    pub async fn start_on(address: SocketAddr, extra: &[&str]) -> Self {
        Self::launch_at(address, extra, &[], None).await
    }

    /// The same, with these variables in its environment.
    pub async fn start_on_in(address: SocketAddr, environment: &[(&str, &str)], extra: &[&str]) -> Self {
        Self::launch_at(address, extra, environment, None).await
    }

    /// Starts one with these variables in its environment.
    pub async fn start_in(environment: &[(&str, &str)], extra: &[&str]) -> Self {
        Self::launch(extra, environment, None).await
    }

    /// Starts one that may not open more than this many descriptors.
    pub async fn start_with_descriptors(descriptors: u32) -> Self {
        Self::launch(&[], &[], Some(descriptors)).await
    }

    async fn launch(extra: &[&str], environment: &[(&str, &str)], descriptors: Option<u32>) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::launch_at(loopback, extra, environment, descriptors).await
    }

    async fn launch_at(
        address: SocketAddr,
        extra: &[&str],
        environment: &[(&str, &str)],
        descriptors: Option<u32>,
    ) -> Self {
        let mut server = Self::prepared(address, extra, environment, descriptors);
        server.restart().await;
        server
    }

    fn prepared(
        address: SocketAddr,
        extra: &[&str],
        environment: &[(&str, &str)],
        descriptors: Option<u32>,
    ) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            process: None,
            program: BINARY.to_owned(),
            address,
            extra: extra.iter().map(|&argument| argument.to_owned()).collect(),
            environment: environment.iter().map(owned).collect(),
            descriptors,
            others: None,
            was_started: false,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// One that is not started yet, of another program, which may run it at another place.
    pub fn prepared_as(program: &Path, address: SocketAddr, extra: &[String]) -> Self {
        let mut server = Self::prepared(address, &[], &[], None);
        program.to_str().unwrap().clone_into(&mut server.program);
        server.extra = extra.to_vec();
        server
    }

    /// Starts it again with other arguments, on the same port and log.
    pub async fn restart_with(&mut self, extra: &[String]) {
        self.extra = extra.to_vec();
        self.restart().await;
    }

    /// Starts it again with these variables in its environment.
    pub async fn restart_in(&mut self, environment: &[(&str, &str)]) {
        self.environment =
            environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.restart().await;
    }

    /// Starts it again by this program, on the same port and log.
    pub async fn restart_as(&mut self, program: &str) {
        program.clone_into(&mut self.program);
        self.restart().await;
    }

    /// Starts it again, on the same port and log.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        let _turn = turn::start().await;
        if !self.was_started && self.may_be_a_node() {
            self.others = Box::pin(Others::prepare(&self.log())).await;
        }
        self.was_started = true;
        if let Some(others) = self.others.as_mut().filter(|others| !others.follow()) {
            Box::pin(others.start(&self.extra, &self.environment)).await;
        }
        let start = async {
            while !self.try_start().await {
                // The port of the one before can be somebody's outgoing port for a moment.
                assert!(self.stderr().contains("address"), "the server did not start");
            }
        };
        within("the server says that it listens", start).await;
        if let Some(others) = &mut self.others {
            Box::pin(others.follow_on(&self.extra, &self.environment)).await;
        }
    }

    /// Returns false for one that is a node already, whose log is elsewhere, or that may not open files.
    fn may_be_a_node(&self) -> bool {
        let is_own = |argument: &String| argument == "--log" || argument == "--journal";
        self.program == BINARY && self.descriptors.is_none() && !self.extra.iter().any(is_own)
    }

    async fn try_start(&mut self) -> bool {
        let mut command = match self.descriptors {
            None => command(&self.program),
            Some(limit) => {
                let mut command = command("/bin/sh");
                command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), &self.program]);
                command
            }
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--address", &self.address.to_string()]).args(&self.extra);
        if !self.extra.iter().any(|argument| argument == "--log") {
            command.arg("--log").arg(self.log());
        }
        if let Some(others) = &self.others {
            command.args(others.arguments());
        }
        command.stderr(self.stderr_file());
        match server::Server::start(command).await {
            Ok(process) => {
                self.address = process.address();
                self.process = Some(process);
                true
            }
            Err(StartError::Ended) => false,
            Err(error) => panic!("the server {error}"),
        }
    }

    fn stderr_file(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.directory.path().join("stderr")).unwrap()
    }

    /// Returns what the server said on stderr so far, over all its lives.
    pub fn stderr(&self) -> String {
        let bytes = std::fs::read(self.directory.path().join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until stderr has these words so often.
    pub async fn said(&self, words: &str, times: usize) {
        let said = async {
            while self.stderr().matches(words).count() < times {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within(words, said).await;
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its log file.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("test.redb")
    }

    /// The settings file of a server that was started with one.
    pub fn settings(&self) -> PathBuf {
        self.directory.path().join("millchat.toml")
    }

    /// A directory that lives as long as the server.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A client of its API.
    pub fn api(&self) -> Api {
        Api::new(self.address)
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").pid()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // All nodes are to have the same settings.
        if let Some(others) = self.others.as_ref().filter(|_| signal == Signal::HUP) {
            for pid in others.pids() {
                kill_process(Pid::from_raw(pid.cast_signed()).expect("a process"), signal).unwrap();
            }
        }
        kill_process(Pid::from_raw(self.pid().cast_signed()).expect("a process"), signal).unwrap();
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.process.take().expect("the server runs").kill().await.unwrap();
    }

    /// SIGTERM. Gives the exit status and what stdout held after the first line.
    pub async fn terminate(&mut self) -> (ExitStatus, String) {
        let process = self.process.take().expect("the server runs");
        process.terminate(PATIENCE).await.unwrap().expect("the server ends after SIGTERM")
    }

    /// Waits until it has ended by itself, and gives its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("the server runs");
        let ended = async {
            loop {
                if let Some(status) = process.ended().unwrap() {
                    return status.code();
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("the server ends", ended).await
    }

    /// Fails unless the process is still alive.
    pub fn assert_alive(&mut self) {
        let ended = self.process.as_mut().expect("the server runs").ended().unwrap();
        assert!(ended.is_none(), "the server died: {ended:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server's stderr ---\n{}", self.stderr());
            if let Some(others) = &self.others {
                eprintln!("--- the other nodes' stderr ---\n{}", others.stderr());
            }
        }
    }
}

/// Runs `millchat` with these arguments to its end: exit code, stdout, stderr.
pub async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = tokio::time::timeout(PATIENCE, command(BINARY).args(arguments).output()).await;
    let output = output.expect("millchat ends by itself with these arguments").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
