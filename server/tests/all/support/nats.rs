//! Servers of NATS: one alone, or three that keep every stream together.

use std::path::{Path, PathBuf};
use std::{fs, io};

use async_nats::{Client, ConnectOptions};
use millchat_server::cluster::{JetStream, JetStreamSettings};
use millchat_testkit::nats::{NatsServers, Place, SEED};
use millchat_testkit::own_address;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

use super::journal::{CLUSTER, JournalEngine};
use super::machines::{MACHINES, Machines};
use super::{LOOK_EVERY, listens, turn, within};

/// The stream of the tests' journal.
pub const STREAM: &str = "millchat-07070707070707070707070707070707";

pub struct Nats {
    servers: NatsServers,
    _turn: SemaphorePermit<'static>,
}

impl Nats {
    async fn start(count: usize) -> Self {
        let turn = turn::journal().await;
        Self::of(NatsServers::start(count), turn).await
    }

    /// Waits until they listen.
    async fn of(servers: io::Result<NatsServers>, turn: SemaphorePermit<'static>) -> Self {
        let servers = servers.expect("nats-server is there; `verify/install tests` brings it");
        let nats = Self { servers, _turn: turn };
        for address in nats.servers.addresses() {
            listens("nats-server listens", address).await;
        }
        nats
    }

    /// Starts three that have all their files in this folder.
    pub async fn in_folder(folder: &Path) -> Self {
        let place = || Place { address: own_address().into(), enter: Vec::new() };
        let turn = turn::journal().await;
        Self::of(NatsServers::start_in(folder, &[place(), place(), place()]), turn).await
    }

    /// Starts one on each of these machines.
    pub async fn on_machines(machines: &Machines) -> Self {
        let place = |nth| Place { address: Machines::address(nth).into(), enter: machines.enter(nth) };
        let turn = turn::journal().await;
        Self::of(NatsServers::start_at(&(0..MACHINES).map(place).collect::<Vec<_>>()), turn).await
    }

    /// Kills a server, or starts it again.
    pub async fn toggle(&mut self, nth: usize) {
        if self.servers.runs(nth) { self.kill(nth) } else { self.run(nth).await }
    }

    /// The settings by which a node reaches its journal, at this server first.
    pub fn settings(&self, first: usize) -> JetStreamSettings {
        let (servers, nkey_file) = (self.servers.urls(first), Some(self.servers.nkey_file()));
        JetStreamSettings { servers, cluster: CLUSTER, nkey_file, ca_file: None }
    }

    /// The operator's own client, at any server.
    pub async fn client(&self) -> Client {
        let addresses: Vec<_> = self.servers.addresses().map(|address| address.to_string()).collect();
        ConnectOptions::with_nkey(SEED.into()).connect(addresses).await.unwrap()
    }

    /// Asks JetStream's API as its operator, until it answers without an error that passes.
    pub async fn ask(&self, what: &str, parameters: &Value) -> Value {
        let client = self.client().await;
        let asking = async {
            loop {
                let request = client.request(format!("$JS.API.{what}"), parameters.to_string().into()).await;
                if let Ok(answer) = request {
                    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
                    if answer["error"]["code"] != 503 {
                        return answer;
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within(what, asking).await
    }

    /// Returns the stream's block files at this server that hold a text. Raft's own log is not among them: it
    /// keeps an entry until its next snapshot.
    pub fn blocks_with(&self, nth: usize, text: &str) -> Vec<PathBuf> {
        files_with(&self.servers.streams(nth).join(STREAM), text)
    }

    /// Returns all files of this server that hold a text.
    pub fn files_with(&self, nth: usize, text: &str) -> Vec<PathBuf> {
        let store =
            self.servers.streams(nth).ancestors().nth(2).expect("the account's folder is in it").to_owned();
        files_with(&store, text)
    }
}

impl JournalEngine for Nats {
    type Journal = JetStream;

    /// Starts three that form a cluster, each of which syncs every write.
    async fn cluster() -> Self {
        Self::start(3).await
    }

    async fn single() -> Self {
        Self::start(1).await
    }

    fn len(&self) -> usize {
        self.servers.count()
    }

    async fn connect(&self, first: usize) -> JetStream {
        JetStream::connect(self.settings(first)).await.unwrap()
    }

    fn arguments(&self, first: usize) -> Vec<String> {
        self.servers.arguments(first)
    }

    async fn run(&mut self, nth: usize) {
        self.servers.run(nth).unwrap();
        listens("nats-server listens", self.servers.addresses().nth(nth).unwrap()).await;
    }

    fn kill(&mut self, nth: usize) {
        assert!(self.servers.runs(nth), "it runs");
        self.servers.kill(nth);
    }

    fn signal(&self, nth: usize, signal: Signal) {
        self.servers.signal(nth, signal);
    }

    async fn leader(&self) -> usize {
        let finding = async {
            loop {
                let info = self.ask(&format!("STREAM.INFO.{STREAM}"), &json!({})).await;
                let leader = info["cluster"]["leader"].as_str();
                if let Some(nth) = self.servers.names().position(|name| leader == Some(name)) {
                    return nth;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("the stream has a leader", finding).await
    }

    async fn delete(&self) {
        self.ask(&format!("STREAM.DELETE.{STREAM}"), &json!({})).await;
    }
}

/// Returns the files below a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let finder = memchr::memmem::Finder::new(text);
    let mut found = files(folder);
    // A file may go meanwhile.
    found.retain(|file| fs::read(file).is_ok_and(|bytes| finder.find(&bytes).is_some()));
    found
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}
