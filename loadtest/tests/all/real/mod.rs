//! The real server, as a process on a throwaway log; and nodes of a cluster.
//!
//! It belongs to another package, and cargo hands a test only the programs of its own (artifact dependencies
//! would do it, on nightly).

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use millchat_testkit::members::{self, Members};
use millchat_testkit::nats::NatsServers;
use millchat_testkit::{BlockingServer, http, server};

/// A hang is a failure after this time. Generous, for a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

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

/// Three nodes on three servers of NATS.
pub struct Nodes {
    servers: Vec<BlockingServer>,
    _members: Members,
    _journal: NatsServers,
    _folder: tempfile::TempDir,
}

impl Nodes {
    pub fn start() -> Self {
        let journal = NatsServers::start(3).expect("nats-server is there; `verify/install nats` brings it");
        wait_until("the servers of the journal listen", || journal.is_ready());
        let (folder, members) = (tempfile::tempdir().unwrap(), Members::of(3).unwrap());
        let start = |nth: usize| {
            let log = folder.path().join(format!("node-{nth}"));
            if nth == 0 {
                members::begin(&program(), &log).unwrap();
            }
            let mut command = server::command(&program(), log.to_str().unwrap());
            command.args(journal.arguments(nth)).args(members.arguments(nth)).env("RUST_LOG", "warn");
            BlockingServer::start(command).unwrap()
        };
        let servers: Vec<_> = (0..3).map(start).collect();
        wait_until("all nodes are ready", || servers.iter().all(|node| is_ready(node.address())));
        Self { servers, _members: members, _journal: journal, _folder: folder }
    }

    /// The addresses of all, as the tester takes them.
    pub fn urls(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(|node| format!("http://{}", node.address())).collect();
        urls.join(",")
    }
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let mut status = *b"HTTP/1.1 ...";
    let asked = TcpStream::connect(address).and_then(|mut socket| {
        socket.write_all(&http::get(address, "/readyz", None))?;
        socket.read_exact(&mut status)
    });
    asked.is_ok() && status.ends_with(b" 200")
}
