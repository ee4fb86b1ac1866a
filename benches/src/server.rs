//! The server as its users run it: the release binary, in a process of its own, on a free port of this
//! machine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use millchat_testkit::{BlockingServer, server};
use serde_json::Value;

use crate::http;
use crate::paths;

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    process: BlockingServer,
    /// The address at which it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the server of this workspace with a log, as its flag `--log` names it.
    pub fn start(log: &str) -> Self {
        Self::start_with(log, &[])
    }

    /// Starts it with a log and with these flags.
    pub fn start_with(log: &str, flags: &[&str]) -> Self {
        let mut command = server::command(Path::new(&binary()), log);
        command.args(flags).env("RUST_LOG", "warn");
        let process = BlockingServer::start(command).expect("what cargo has built can be run");
        Self { address: process.address(), process }
    }

    /// Returns its process id.
    pub fn process(&self) -> u32 {
        self.process.pid()
    }

    /// Returns the token of a new guest.
    pub fn guest(&self, name: &str) -> String {
        let body = format!("{{\"name\":\"{name}\"}}");
        let answer = http::ask(self.address, "POST", "/api/v1/guests", None, &body);
        let answer: Value = serde_json::from_str(&answer).expect("the server answers JSON");
        answer["token"].as_str().expect("a guest gets a token").to_owned()
    }
}

/// Returns the path of the server's binary.
pub fn binary() -> String {
    build(&[("millchat-server", "millchat")]).remove(0)
}

/// Builds programs of other packages, which cargo does not do for a bench. Takes pairs of package and
/// program; returns their paths in this order.
pub fn build(programs: &[(&str, &str)]) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--message-format", "json"]);
    for (package, program) in programs {
        cargo.args(["--package", package, "--bin", program]);
    }
    let build = cargo
        .current_dir(paths::workspace())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo has started this bench and starts again");
    assert!(build.status.success(), "the workspace does not build");
    let messages: Vec<Value> = build
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let path = |name: &str| {
        let of = messages.iter().filter(|message| message["target"]["name"] == name);
        of.filter_map(|message| message["executable"].as_str()).next_back().map(str::to_owned)
    };
    programs.iter().map(|(_, program)| path(program).expect("cargo says what it has built")).collect()
}
