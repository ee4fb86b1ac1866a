//! Real Postgres servers: the other engine of the journal.

use std::fs;
use std::path::{Path, PathBuf};

use millchat_server::cluster::{Postgres, PostgresError, PostgresSettings};
use millchat_testkit::postgres::{self, NODES, OPERATOR, OPERATOR_PASSWORD};
use rustix::process::Signal;
use tokio::sync::SemaphorePermit;
use tokio_postgres::NoTls;

use super::journal::{CLUSTER, JournalEngine};
use super::{LOOK_EVERY, turn, within};

/// The table of the tests' journal.
pub const TABLE: &str = "millchat_journal_07070707070707070707070707070707";

/// A server with a database for the nodes.
pub struct PostgresServer {
    server: postgres::PostgresServer,
    _turn: SemaphorePermit<'static>,
}

impl PostgresServer {
    /// Starts one with these settings.
    pub async fn start(settings: &[&str]) -> Self {
        let turn = turn::journal().await;
        let server = postgres::PostgresServer::start(settings);
        let server = server.expect("Postgres is there; `verify/install tests` brings it");
        let server = Self { server, _turn: turn };
        server.until_ready().await;
        server
    }

    async fn until_ready(&self) {
        let ready = async {
            while !self.server.is_ready() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("postgres takes connections", ready).await;
    }

    /// Writes a file into the server's folder.
    pub fn write(&self, name: &str, text: &str) {
        self.server.write(name, text).unwrap();
    }

    /// The address of the nodes' database, with these parameters.
    pub fn url(&self, parameters: &str) -> String {
        self.server.url(parameters)
    }

    /// The port at which it listens.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// The settings by which a node reaches its journal.
    pub fn settings(&self, url: &str) -> PostgresSettings {
        let password_file = Some(self.server.password_file());
        PostgresSettings { url: url.parse().unwrap(), cluster: CLUSTER, password_file, ca_file: None }
    }

    /// Connects as a node.
    pub async fn try_connect(&self) -> Result<Postgres, PostgresError> {
        Postgres::connect(self.settings(&self.url("sslmode=disable"))).await
    }

    /// Executes a statement as the operator, in the nodes' database.
    pub async fn operate(&self, statement: &str) {
        let mut config = tokio_postgres::Config::new();
        config.host(self.server.address().ip().to_string()).port(self.port()).dbname(NODES);
        config.user(OPERATOR).password(OPERATOR_PASSWORD);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(statement).await.unwrap();
        drop(client);
        let _ = connection.await;
    }

    /// Returns the files of the tables that hold a text. Call it after a checkpoint.
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let finder = memchr::memmem::Finder::new(text);
        let mut found = files(&self.server.data().join("base"));
        // A file may go meanwhile.
        found.retain(|file| fs::read(file).is_ok_and(|bytes| finder.find(&bytes).is_some()));
        found
    }
}

impl JournalEngine for PostgresServer {
    type Journal = Postgres;

    async fn cluster() -> Self {
        Self::single().await
    }

    async fn single() -> Self {
        Self::start(&[]).await
    }

    fn len(&self) -> usize {
        1
    }

    async fn connect(&self, _: usize) -> Postgres {
        self.try_connect().await.unwrap()
    }

    fn arguments(&self, _: usize) -> Vec<String> {
        self.server.arguments()
    }

    async fn run(&mut self, _: usize) {
        self.server.run().unwrap();
        self.until_ready().await;
    }

    fn kill(&mut self, _: usize) {
        assert!(self.server.runs(), "it runs");
        self.server.kill();
    }

    fn signal(&self, _: usize, signal: Signal) {
        self.server.signal(signal);
    }

    async fn leader(&self) -> usize {
        0
    }

    async fn delete(&self) {
        self.operate(&format!("drop table {TABLE}, {TABLE}_head")).await;
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}
