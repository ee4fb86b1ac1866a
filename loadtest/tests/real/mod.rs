//! The real server, as a process on a throwaway log.
//!
//! It belongs to another package, and cargo gives a test only the programs of its own (artifact dependencies
//! need nightly). `cargo test --workspace` has just built it beside this test, and the test uses it. In a test of
//! this package alone, cargo builds it when it is missing or older than its sources.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use millchat_testkit::{BlockingServer, server};

/// The sources of the server, in the workspace.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "core/Cargo.toml",
    "core/src",
    "server/Cargo.toml",
    "server/build",
    "server/src",
    "server/web/datastar",
    "server/web/icon.svg",
    "server/web/locales",
    "server/web/script",
    "server/web/style",
];

/// The server's program, in the profile of these tests, up to date.
pub fn program() -> PathBuf {
    let tester = Path::new(env!("CARGO_BIN_EXE_millchat-loadtest"));
    let (profile, target) = (tester.parent().unwrap(), tester.ancestors().nth(2).unwrap());
    let program = profile.join("millchat");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let newest = SOURCES.iter().filter_map(|source| newest(&workspace.join(source))).max();
    let built = fs::metadata(&program).and_then(|metadata| metadata.modified()).ok();
    if built >= newest {
        return program;
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "-p", "millchat-server", "--bin", "millchat", "--target-dir"])
        .arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "the server could not be built");
    program
}

/// Returns the time at which the newest file at or below this path was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if path.is_dir() {
        return fs::read_dir(path).ok()?.filter_map(|entry| newest(&entry.ok()?.path())).max();
    }
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
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
