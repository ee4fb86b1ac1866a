//! Nodes of one chat: processes of `millchat` that share a journal on NATS.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::nats::Nats;
use super::server::{Server, run};
use super::{LOOK_EVERY, free_ports, within};

/// The nodes, each beside a server of the journal.
pub struct Nodes {
    pub nats: Nats,
    pub servers: Vec<Server>,
    peers: Vec<SocketAddr>,
    folder: TempDir,
}

impl Nodes {
    /// Starts three. The first continues the log of a server that ran alone, and `before` was done there.
    pub async fn start(before: impl AsyncFnOnce(&Server)) -> Self {
        Self::start_with("", before).await
    }

    /// Starts three that have these settings in a file.
    pub async fn start_with(settings: &str, before: impl AsyncFnOnce(&Server)) -> Self {
        let loopback = Ipv4Addr::LOCALHOST.into();
        let nats = Nats::cluster().await;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "of-the-tests-".repeat(3)).unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.path().join("millchat.toml"), settings).unwrap();
        let peers = free_ports(loopback, nats.len());
        let mut nodes = Self { nats, servers: Vec::new(), peers, folder };

        let mut first = Server::start().await;
        before(&first).await;
        first.terminate().await;
        let (code, _, said) = run(&["cluster", "begin", first.log().to_str().unwrap()]).await;
        assert_eq!(code, Some(0), "{said}");
        first.restart_with(&nodes.arguments(0)).await;
        nodes.servers.push(first);
        for nth in 1..nodes.nats.len() {
            let arguments = nodes.arguments(nth);
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            nodes.servers.push(Server::start_with(&arguments).await);
        }
        nodes.until_ready().await;
        nodes
    }

    /// The arguments of a node.
    pub fn arguments(&self, nth: usize) -> Vec<String> {
        let peers: Vec<_> = self.peers.iter().map(ToString::to_string).collect();
        let own = [
            ("--peer-address", peers[nth].clone()),
            ("--peers", peers.join(",")),
            ("--cluster-secret-file", self.folder.path().join("secret").display().to_string()),
            ("--config", self.folder.path().join("millchat.toml").display().to_string()),
        ];
        let mut arguments = self.nats.arguments(nth);
        arguments.extend(own.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
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
        self.peers[nth]
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
