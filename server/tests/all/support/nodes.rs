//! Nodes of one chat: processes of `millchat` that share a journal.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use millchat_testkit::free_ports;
use millchat_testkit::members::Members;
use tempfile::TempDir;

use super::journal::JournalEngine;
use super::machines::{MACHINES, Machines};
use super::nats::Nats;
use super::server::{Server, run};
use super::{LOOK_EVERY, within};

/// The number of nodes.
const NODES: usize = 3;

/// Nodes on NATS. They do not see the engine, so most tests have this one.
pub type Nodes = NodesOn<Nats>;

/// The nodes, each connected to another server of the journal if that has several.
pub struct NodesOn<E> {
    pub engine: E,
    pub servers: Vec<Server>,
    members: Members,
    folder: TempDir,
}

impl Nodes {
    /// Starts one on each of these machines, beside a server of NATS.
    pub async fn on_machines(machines: &Machines) -> Self {
        let ports = free_ports(Ipv4Addr::LOCALHOST, MACHINES).unwrap();
        let at = |nth: usize| SocketAddr::from((Machines::address(nth), ports[nth].port()));
        let mut nodes = Self::prepared(
            Nats::on_machines(machines).await,
            Members::at((0..MACHINES).map(at).collect()).unwrap(),
            "rate-limit = \"off\"\n",
        );
        for nth in 0..MACHINES {
            let address = (Machines::public_address(nth), 0).into();
            let mut server = Server::prepared_as(&machines.program(nth), address, &nodes.arguments(nth));
            if nth == 0 {
                let (code, _, said) = run(&["cluster", "begin", server.log().to_str().unwrap()]).await;
                assert_eq!(code, Some(0), "{said}");
            }
            server.restart().await;
            nodes.servers.push(server);
        }
        nodes.until_ready().await;
        nodes
    }
}

impl<E: JournalEngine> NodesOn<E> {
    /// Starts three. The first continues the log of a server that ran alone, and `before` was done there.
    pub async fn start(before: impl AsyncFnOnce(&Server)) -> Self {
        Self::start_with("", before).await
    }

    /// Prepares three that know each other so, and have these settings in a file.
    fn prepared(engine: E, members: Members, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("millchat.toml"), settings).unwrap();
        Self { engine, servers: Vec::new(), members, folder }
    }

    /// Starts three that have these settings in a file.
    pub async fn start_with(settings: &str, before: impl AsyncFnOnce(&Server)) -> Self {
        Self::start_on(E::cluster().await, settings, before).await
    }

    /// The same, on this engine.
    pub async fn start_on(engine: E, settings: &str, before: impl AsyncFnOnce(&Server)) -> Self {
        let mut nodes = Self::prepared(engine, Members::of(NODES).unwrap(), settings);

        let mut first = Server::start().await;
        before(&first).await;
        first.terminate().await;
        let (code, _, said) = run(&["cluster", "begin", first.log().to_str().unwrap()]).await;
        assert_eq!(code, Some(0), "{said}");
        first.restart_with(&nodes.arguments(0)).await;
        nodes.servers.push(first);
        for nth in 1..NODES {
            let arguments = nodes.arguments(nth);
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            nodes.servers.push(Server::start_with(&arguments).await);
        }
        nodes.until_ready().await;
        nodes
    }

    /// The arguments of a node.
    pub fn arguments(&self, nth: usize) -> Vec<String> {
        let settings = self.folder.path().join("millchat.toml").display().to_string();
        let mut arguments = self.engine.arguments(nth % self.engine.len());
        arguments.extend(self.members.arguments(nth));
        arguments.extend(["--config".to_owned(), settings]);
        arguments
    }

    /// Runs the command that shows where the nodes are: exit code, stdout, stderr.
    pub async fn status(&self) -> (Option<i32>, String, String) {
        let arguments = self.arguments(0);
        let of_nodes =
            arguments.chunks(2).filter(|pair| ["--peers", "--cluster-secret-file"].contains(&&*pair[0]));
        let command: Vec<_> =
            ["cluster", "status"].into_iter().chain(of_nodes.flatten().map(|word| &**word)).collect();
        run(&command).await
    }

    /// The address at which a node listens for the others.
    pub fn peer_address(&self, nth: usize) -> SocketAddr {
        self.members.address(nth)
    }

    /// The addresses for people.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    /// The node that leads.
    pub async fn leader(&self) -> usize {
        let finding = async {
            loop {
                for (nth, server) in self.servers.iter().enumerate() {
                    if server.api().get("/metrics").await.body.contains("millchat_node_leads 1\n") {
                        return nth;
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("a node leads", finding).await
    }

    /// Waits until all are ready.
    pub async fn until_ready(&self) {
        for server in &self.servers {
            let api = server.api();
            let ready = async {
                while api.get("/readyz").await.status != 200 {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            within("a node is ready", ready).await;
        }
    }
}
