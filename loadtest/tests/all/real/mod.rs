//! The real server, as a process on a throwaway log.
//!
//! It belongs to another package, and cargo hands a test only the programs of its own (artifact dependencies
//! would do it, on nightly).

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use millchat_testkit::{BlockingServer, server};

/// The server's program, in the profile of these tests, up to date.
pub fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build).clone()
}

/// Has cargo build it with all that `cargo test --workspace` builds: that has just been done when these tests
/// run in it, and another choice of packages would mean other features, and everything compiled a second
/// time.
fn build() -> PathBuf {
    let tester = Path::new(env!("CARGO_BIN_EXE_millchat-loadtest"));
    let (profile, target) = (tester.parent().unwrap(), tester.ancestors().nth(2).unwrap());
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--workspace", "--no-run", "--quiet", "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // `make slowest` sets it for the tests; for cargo it would be another compiler.
    cargo.env_remove("RUSTC_BOOTSTRAP");
    assert!(cargo.status().unwrap().success(), "the server could not be built");
    profile.join("millchat")
}

/// A running server; it ends when this is dropped.
pub struct Server {
    _process: BlockingServer,
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        let process = BlockingServer::start(server::command(&program(), "temp:")).unwrap();
        Self { url: format!("http://{}", process.address()), _process: process }
    }
}
