//! Many nodes on one journal: acknowledged messages a second and the time that each waits, by engine and number of
//! nodes, beside the engine's own limit.
//!
//! In the first cases the nodes are chats in this process, without HTTP. In the last one they are three servers, with
//! senders at each over HTTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use millchat::Chat;
use millchat::cluster::Journal;
use millchat_benches::fixtures::{self, draft};
use millchat_benches::paths::{self, Scratch};
use millchat_benches::post::{self, Posters};
use millchat_benches::server::{self, Server};
use millchat_benches::{Results, Unit, http, limits};
use millchat_server::cluster::{JetStream, JetStreamSettings, Postgres, PostgresSettings};
use millchat_testkit::members::{self, Members};
use millchat_testkit::nats::NatsServers;
use millchat_testkit::network::Network;
use millchat_testkit::postgres::PostgresServer;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

const ABOUT: &str = "All nodes, the servers of their journal and the senders share this machine. Each sender sends 200 \
    bytes to one room, waits for the acknowledgement, and sends again; senders are spread over the nodes, so in a \
    cluster of three two thirds of the messages go to the leader first. In the cases without HTTP the nodes are chats \
    in one process; beside them: the engine alone, which takes as many messages in entries of the same number and \
    bytes, each when the one before it is stored. By HTTP each node is a server, and a sender is a connection.";
const OURS: &str = "millchat";
const ENGINE: &str = "the engine alone";
const RATE: &str = "acknowledged";
const BATCH: &str = "messages in an entry";
const P50: &str = "p50";
const P99: &str = "p99";
const NATS: &str = "JetStream, three servers";
const POSTGRES: &str = "Postgres, one server";
const NODES: [usize; 2] = [1, 3];
const SENDERS: [usize; 3] = [1, 64, 256];
/// Time that each case takes, in rounds.
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
/// Interval between two looks at what is to begin.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The case by HTTP that has goals, with them: messages a second, and the median of the waits in milliseconds.
const HTTP_SENDERS: usize = 64;
const P50_MAX_MS: f64 = 8.0;
/// The goal without HTTP, as a share of the engine's own rate.
const SHARE_MIN: f64 = 0.5;

/// A journal, and the servers that keep it.
struct Engine {
    name: &'static str,
    /// The goal by HTTP, in messages a second.
    rate_min: f64,
    kind: Kind,
}

enum Kind {
    Nats(NatsServers),
    Postgres(PostgresServer),
}

impl Engine {
    /// Starts three servers of NATS.
    fn nats() -> Self {
        let servers = NatsServers::start(3).expect("nats-server is there; `verify/install nats` brings it");
        while !servers.is_ready() {
            std::thread::sleep(LOOK_EVERY);
        }
        Self { name: NATS, rate_min: 10_000.0, kind: Kind::Nats(servers) }
    }

    /// Starts a server of Postgres.
    fn postgres() -> Self {
        let server = PostgresServer::start(&[]).expect("Postgres is there; `verify/install tests` brings it");
        while !server.is_ready() {
            std::thread::sleep(LOOK_EVERY);
        }
        Self { name: POSTGRES, rate_min: 20_000.0, kind: Kind::Postgres(server) }
    }

    /// Opens the journal of a cluster, for one of its nodes.
    async fn journal(&self, cluster: [u8; 16], node: usize) -> Arc<dyn Journal> {
        match &self.kind {
            Kind::Nats(servers) => {
                let settings = JetStreamSettings {
                    servers: servers.urls(node % servers.count()),
                    cluster,
                    nkey_file: Some(servers.nkey_file()),
                    ca_file: None,
                };
                Arc::new(JetStream::connect(settings).await.expect("the servers take the journal"))
            }
            Kind::Postgres(server) => {
                let settings = PostgresSettings {
                    url: server.url("sslmode=disable").parse().expect("it is the URL of a database"),
                    cluster,
                    password_file: Some(server.password_file()),
                    ca_file: None,
                };
                Arc::new(Postgres::connect(settings).await.expect("the server takes the journal"))
            }
        }
    }

    /// Returns the arguments by which a server finds the journal.
    fn arguments(&self) -> Vec<String> {
        match &self.kind {
            Kind::Nats(servers) => servers.arguments(0),
            Kind::Postgres(server) => server.arguments(),
        }
    }
}

fn main() {
    limits::raise_descriptors();
    let results = Results::new("cluster", "many nodes on one journal", ABOUT, OURS);
    let scratch = Scratch::new("cluster");
    for start in [Engine::nats, Engine::postgres] {
        let engine = start();
        for count in NODES {
            if SENDERS.into_iter().any(|senders| paths::asked_for(&in_process(&engine, count, senders))) {
                let nodes = Nodes::start(&engine, &scratch, count);
                for senders in SENDERS {
                    nodes.measure(&results, &engine, &in_process(&engine, count, senders), senders);
                }
            }
        }
        let case = by_http(&engine);
        if paths::asked_for(&case) {
            measure_http(&results, &engine, &scratch, &case);
        }
        results.goal(
            &format!("{RATE} messages a second, {case}"),
            &format!("at least {}", Unit::PerSecond.show(engine.rate_min)),
            |found| {
                let rate = found.row(&case, RATE, OURS)?.median();
                Some((Unit::PerSecond.show(rate), rate >= engine.rate_min))
            },
        );
        results.goal(&format!("median wait, {case}"), &format!("less than {P50_MAX_MS} ms"), |found| {
            let wait = found.row(&case, P50, OURS)?.median();
            Some((Unit::Nanoseconds.show(wait), wait < P50_MAX_MS * 1e6))
        });
        let case = in_process(&engine, 3, HTTP_SENDERS);
        results.goal(
            &format!("{RATE} messages a second, {case}, of the engine alone"),
            &format!("at least {:.0} %", SHARE_MIN * 100.0),
            |found| {
                let [low, share, high] = found.quartiles(&case, RATE, ENGINE)?.map(|share| share * 100.0);
                let shown = format!("{share:.0} % (quartiles {low:.0} to {high:.0})");
                Some((shown, share >= SHARE_MIN * 100.0))
            },
        );
    }
    results.finish();
}

fn in_process(engine: &Engine, nodes: usize, senders: usize) -> String {
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}, {}", engine.name, plural(nodes, "node"), plural(senders, "sender"))
}

fn by_http(engine: &Engine) -> String {
    format!("{}, 3 nodes by HTTP, {HTTP_SENDERS} senders", engine.name)
}

/// Nodes of one cluster, in this process.
struct Nodes {
    chats: Vec<Chat>,
    senders: Runtime,
    /// The connections to the journal.
    connections: Runtime,
}

impl Nodes {
    fn start(engine: &Engine, scratch: &Scratch, count: usize) -> Self {
        let connections = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let path = |nth: usize| -> PathBuf { scratch.file(&format!("{}-{count}-{nth}.redb", engine.name)) };
        let cluster = millchat::cluster::begin(&path(0)).expect("a cluster can begin with a new log");
        for nth in 1..count {
            fs::copy(path(0), path(nth)).expect("a file can be copied");
        }
        let network = Network::of(count);
        let open = |nth: usize| {
            let journal = connections.block_on(engine.journal(cluster.0, nth));
            network.open(nth, &path(nth), journal).expect("a node opens its log")
        };
        let chats = (0..count).map(open).collect();
        let nodes = Self { chats, senders: fixtures::runtime(), connections };
        while !nodes.chats.iter().all(|chat| chat.cluster().is_some_and(|state| state.is_current)) {
            std::thread::sleep(LOOK_EVERY);
        }
        nodes
    }

    fn measure(&self, results: &Results, engine: &Engine, case: &str, senders: usize) {
        if !paths::asked_for(case) {
            return;
        }
        self.round(senders, ROUND / 4);
        // A journal of its own, with no node that reads it.
        let journal = self.connections.block_on(engine.journal([0xEE; 16], 0));
        let (_, mut newest) = self.connections.block_on(journal.bounds()).expect("the engine answers");
        // Its servers keep a gigabyte of it, and nobody needs what the case before has left.
        self.connections.block_on(journal.forget(newest)).expect("the engine answers");
        for _ in 0..ROUNDS {
            let round = self.round(senders, ROUND);
            results.rate(case, RATE, OURS, round.messages, round.elapsed);
            results.sample(case, BATCH, Unit::Count, OURS, round.messages as f64 / round.entries as f64);
            waits(results, case, OURS, &round.waits);

            let mut alone = post::empty_waits();
            let entry = Bytes::from(vec![b'x'; (round.bytes / round.entries) as usize]);
            let begun = Instant::now();
            let mut entries = 0;
            while begun.elapsed() < ROUND {
                let sent = Instant::now();
                newest =
                    self.connections.block_on(journal.append(newest, entry.clone())).expect("it is stored");
                alone.saturating_record(sent.elapsed().as_nanos() as u64);
                entries += 1;
            }
            let messages = entries * round.messages / round.entries;
            results.rate(case, RATE, ENGINE, messages, begun.elapsed());
            waits(results, case, ENGINE, &alone);
        }
    }

    /// Lets all senders send for a while.
    fn round(&self, senders: usize, lasts: Duration) -> Round {
        let (room, draft, tasks) = (fixtures::room(0), draft(), LocalSet::new());
        let places = || {
            let state = self.chats[0].cluster().expect("it is one of many");
            (state.mark.seq, self.chats[0].stats().live_bytes)
        };
        let (before, begun) = (places(), Instant::now());
        let running: Vec<_> = (0..senders)
            .map(|nth| {
                let chat = self.chats[nth % self.chats.len()].clone();
                let (room, draft) = (room.clone(), draft.clone());
                tasks.spawn_local(async move {
                    let mut waits = Vec::new();
                    while begun.elapsed() < lasts {
                        let sent = Instant::now();
                        chat.send(&room, draft.clone()).await.expect("the cluster takes every message");
                        waits.push(sent.elapsed());
                    }
                    waits
                })
            })
            .collect();
        let mut waits = post::empty_waits();
        let all = async {
            for task in running {
                for wait in task.await.expect("a sender ends") {
                    waits.saturating_record(wait.as_nanos() as u64);
                }
            }
        };
        self.senders.block_on(tasks.run_until(all));
        let (elapsed, after) = (begun.elapsed(), places());
        let (entries, bytes) = ((after.0 - before.0).max(1), after.1 - before.1);
        Round { messages: waits.len(), entries, bytes, elapsed, waits }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for chat in &self.chats {
            let _ = self.senders.block_on(chat.close());
        }
    }
}

struct Round {
    messages: u64,
    /// Entries of the journal.
    entries: u64,
    /// Bytes of the messages' records.
    bytes: u64,
    elapsed: Duration,
    waits: Histogram<u64>,
}

fn waits(results: &Results, case: &str, competitor: &str, waits: &Histogram<u64>) {
    for (metric, quantile) in [(P50, 0.5), (P99, 0.99)] {
        results.sample(case, metric, Unit::Nanoseconds, competitor, waits.value_at_quantile(quantile) as f64);
    }
}

/// Measures three servers, with their senders over HTTP.
fn measure_http(results: &Results, engine: &Engine, scratch: &Scratch, case: &str) {
    let logs = [0, 1, 2].map(|nth| scratch.file(&format!("{}-http-{nth}.redb", engine.name)));
    members::begin(Path::new(&server::binary()), &logs[0]).expect("a cluster can begin with a new log");
    let members = Members::of(logs.len()).expect("the loopback has free ports");
    let start = |(nth, log): (usize, &PathBuf)| {
        let flags = [engine.arguments(), members.arguments(nth)].concat();
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        Server::start_with(&log.to_string_lossy(), &flags)
    };
    let servers: Vec<_> = logs.iter().enumerate().map(start).collect();
    for server in &servers {
        let ready = || http::exchange(server.address, &http::get(server.address, "/readyz", None));
        while !ready().is_ok_and(|answer| http::succeeded(&answer)) {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    let mut posters = Posters::connect_to(&servers.iter().collect::<Vec<_>>(), HTTP_SENDERS);
    let round = 200;
    posters.rounds(round);
    for _ in 0..ROUNDS {
        posters.waits().reset();
        let elapsed = posters.rounds(round * 2);
        results.rate(case, RATE, OURS, round * 2 * HTTP_SENDERS as u64, elapsed);
        waits(results, case, OURS, posters.waits());
    }
}
