//! The suite on nodes: by [`JOURNAL`], each server of a test is one of three nodes, and not the one that leads.
//!
//! The journals of all tests are at one engine, which lives as long as the tests. A server whose test is about one
//! process and its file is left alone: see [`ALONE`].

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use millchat_testkit::{own_address, server};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::journal::JournalEngine;
use super::nats::Nats;
use super::postgres::PostgresServer;
use super::server::{BINARY, command, run};
use super::{LOOK_EVERY, within};

/// The engine that keeps the journals: `nats` or `postgres`; without it there are none, and servers are alone.
pub const JOURNAL: &str = "MILLCHAT_TEST_JOURNAL";

/// The number of nodes that each server of a test becomes.
const NODES: usize = 3;

/// Tests whose servers are alone in any case, by beginnings of their names.
const ALONE: [(&str, &str); 26] = [
    ("clock::", "a node whose clock is wrong serves nobody"),
    ("credentials::api_tokens::a_renewed_token", "it sets the clock of one process ahead"),
    ("credentials::api_tokens::a_token_expires", "it sets the clock of one process ahead"),
    ("credentials::sites::a_site_rotates", "it sets the clock of one process ahead"),
    ("credentials::sites::the_operator_ends", "it sets the clock of one process ahead"),
    ("credentials::keys::after_a_rotation", "it sets the clock of one process ahead"),
    (
        "webhooks::failing::a_message_that_could_not_be_sent_for_a_day",
        "it sets the clock of one process ahead",
    ),
    ("bot::built_in::a_flood", "it reads the counters of a process that leads again"),
    ("bot::once::", "it kills the process that answers, and at once starts it again"),
    (
        "commands::check_says_the_figures",
        "the last second before a node is killed is in the journal, and need not be in its file",
    ),
    ("cookies::a_cookie_that_is_used", "it sets the clock of one process ahead"),
    ("damage::", "a log that is damaged is no beginning of a cluster"),
    ("kept_values::", "it opens the log by the library, as a single node's"),
    ("moderation::page::a_page_that_comes_back", "another process serves the log meanwhile"),
    ("leaving::a_stream_takes_one_descriptor", "it counts all descriptors of the process"),
    ("flood::more_senders", "it counts the bytes of one process that no journal waits for"),
    ("service::the_service_manager", "one process has the socket of the service manager"),
    ("stderr::", "they run the program on the log themselves"),
    ("tls::acme::", "one process has the port of the authority"),
    ("tls::redirect::", "two processes cannot listen on its second port"),
    ("watch::", "it names the metrics of a single node"),
    (
        "tls::http1::a_reader_by_tls_that_takes_little",
        "it takes little with each send, and sends are slower here",
    ),
    (
        "webhooks::failing::a_slow_receiver",
        "its receiver hangs while 300 are sent, and sends are slower here",
    ),
    (
        "webhooks::failing::a_receiver_that_retention_overtakes",
        "it reads the counters of a process that leads again",
    ),
    ("packages::", "they install the program"),
    ("disk::", "the disk of one process is full"),
];

/// Tests whose servers lead at the beginning: what they look at is the work of the leader alone.
const LEADING: [&str; 2] = ["bot::", "webhooks::"];

/// Settings of one process, which the two others have not: two cannot listen at one address.
const OF_ONE: [&str; 1] = ["--admin-address"];

enum Engine {
    Nats(Nats),
    Postgres(PostgresServer),
}

impl Engine {
    async fn start(name: &str) -> Self {
        match name {
            "nats" => Self::Nats(Nats::cluster().await),
            "postgres" => Self::Postgres(PostgresServer::start(&["max_connections=2000"]).await),
            other => panic!("{JOURNAL} is nats or postgres, not {other}"),
        }
    }

    fn arguments(&self, nth: usize) -> Vec<String> {
        match self {
            Self::Nats(nats) => nats.arguments(nth % nats.len()),
            Self::Postgres(postgres) => postgres.arguments(0),
        }
    }
}

/// Addresses for the nodes of one server.
fn addresses() -> Vec<String> {
    let address = own_address();
    (0..NODES as u16).map(|nth| format!("{address}:{}", 8081 + nth)).collect()
}

/// The two other nodes of a server.
pub struct Others {
    /// The arguments with which they were started, and the server was, and the text of its settings file.
    given: (Vec<String>, String),
    processes: Vec<server::Server>,
    /// True if they are to follow.
    follow: bool,
    /// The arguments that make each a node; those of the server are the last.
    nodes: Vec<Vec<String>>,
    folder: TempDir,
}

impl Others {
    /// Prepares the others of the server with this log, if it is to have some.
    pub async fn prepare(log: &Path) -> Option<Self> {
        static ENGINE: OnceCell<Engine> = OnceCell::const_new();
        let name = std::env::var(JOURNAL).ok()?;
        let test = thread::current().name().unwrap_or_default().to_owned();
        if ALONE.iter().any(|(beginning, _)| test.starts_with(beginning)) {
            return None;
        }
        let engine = ENGINE.get_or_init(|| Engine::start(&name)).await;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "of-the-tests-".repeat(3)).unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let addresses = addresses();
        let node = |nth: usize| {
            let own = [
                ("--peer-address", addresses[nth].clone()),
                ("--peers", addresses.join(",")),
                ("--cluster-secret-file", secret.display().to_string()),
            ];
            let own = own.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
            engine.arguments(nth).into_iter().chain(own).collect()
        };
        let nodes = (0..NODES).map(node).collect();
        let (code, _, said) = run(&["cluster", "begin", log.to_str().unwrap()]).await;
        assert_eq!(code, Some(0), "{said}");
        for nth in 0..NODES - 1 {
            fs::copy(log, folder.path().join(format!("{nth}.redb"))).unwrap();
        }
        let follow = LEADING.iter().any(|beginning| test.starts_with(beginning));
        Some(Self { given: <_>::default(), processes: Vec::new(), follow, nodes, folder })
    }

    /// Returns true if the server is to lead, and so to be started before them.
    pub fn follow(&self) -> bool {
        self.follow && self.processes.is_empty()
    }

    /// Starts them, again if the server has other arguments than before. The first that is started leads.
    pub async fn start(&mut self, given: &[String], environment: &[(String, String)]) {
        let at = given.iter().position(|argument| argument == "--config");
        let settings = at.map(|at| fs::read_to_string(&given[at + 1]).unwrap_or_default());
        let with_settings = (given.to_vec(), settings.unwrap_or_default());
        if !self.processes.is_empty() && self.given == with_settings {
            return;
        }
        for process in self.processes.drain(..) {
            process.kill().await.unwrap();
        }
        self.given = with_settings;
        let mut given = given.to_vec();
        for flag in OF_ONE {
            if let Some(at) = given.iter().position(|argument| argument == flag) {
                given.drain(at..at + 2);
            }
        }
        for nth in 0..NODES - 1 {
            let mut command = command(BINARY);
            command.envs(environment.iter().map(|(name, value)| (name, value)));
            command.args(["--address", "127.0.0.1:0"]).args(&given).args(&self.nodes[nth]);
            command.arg("--log").arg(self.folder.path().join(format!("{nth}.redb")));
            command
                .stderr(fs::File::options().create(true).append(true).open(self.stderr_path(nth)).unwrap());
            self.processes.push(server::Server::start(command).await.expect("another node starts"));
            if nth == 0 {
                self.until_led().await;
            }
        }
    }

    /// The arguments that make the server a node.
    pub fn arguments(&self) -> &[String] {
        &self.nodes[NODES - 1]
    }

    /// Starts those that are to follow the server, and waits until all nodes are current.
    pub async fn follow_on(&mut self, given: &[String], environment: &[(String, String)]) {
        self.until_led().await;
        self.start(given, environment).await;
        self.until_current().await;
    }

    /// Waits until a node leads.
    async fn until_led(&self) {
        self.until("a node leads", |status| status.contains(" leader ")).await;
    }

    /// Waits until all nodes are current.
    async fn until_current(&self) {
        self.until("all nodes are current", |status| status.matches(" yes ").count() == NODES).await;
    }

    async fn until(&self, what: &str, is_it: impl Fn(&str) -> bool) {
        let arguments = self.arguments();
        let nodes =
            arguments.chunks(2).filter(|pair| ["--peers", "--cluster-secret-file"].contains(&&*pair[0]));
        let words: Vec<_> =
            ["cluster", "status"].into_iter().chain(nodes.flatten().map(|word| &**word)).collect();
        let looking = async {
            while !is_it(&run(&words).await.1) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within(what, looking).await;
    }

    /// The process ids.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().map(server::Server::pid)
    }

    fn stderr_path(&self, nth: usize) -> PathBuf {
        self.folder.path().join(format!("{nth}.stderr"))
    }

    /// Returns what they said on stderr.
    pub fn stderr(&self) -> String {
        (0..NODES - 1).map(|nth| fs::read_to_string(self.stderr_path(nth)).unwrap_or_default()).collect()
    }
}
