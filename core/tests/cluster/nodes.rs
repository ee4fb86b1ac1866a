//! The nodes of a test, and the way between them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use millchat::cluster::{self, Message, NodeId, Peers};
use millchat::{Chat, Connections, Inbound, RetentionPolicy};

use crate::journal::{Line, MemoryJournal};
use crate::until;

pub const NODES: usize = 3;
/// One more, which has no log at the beginning.
pub const FRESH: usize = NODES;

/// The way between the nodes. Every twentieth message is lost.
#[derive(Default)]
struct Network(Mutex<HashMap<NodeId, Inbound>>);

struct From {
    network: Arc<Network>,
    me: NodeId,
}

impl Peers for From {
    fn send(&self, to: NodeId, message: Message) {
        if rand::random_bool(0.05) {
            return;
        }
        if let Some(inbound) = self.network.0.lock().unwrap().get(&to) {
            inbound.receive(self.me, message);
        }
    }
}

pub struct Cluster {
    directory: tempfile::TempDir,
    lines: Vec<Arc<Line>>,
    network: Arc<Network>,
    chats: Mutex<Vec<Option<Chat>>>,
    keep: RetentionPolicy,
}

impl Cluster {
    pub async fn start(journal: Arc<MemoryJournal>) -> Arc<Self> {
        Self::start_with(journal, RetentionPolicy::default()).await
    }

    pub async fn start_with(journal: Arc<MemoryJournal>, keep: RetentionPolicy) -> Arc<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (network, chats) = (Arc::default(), Mutex::new(vec![None; NODES + 1]));
        let line = |_| Arc::new(Line { journal: journal.clone(), is_cut: Arc::default() });
        let lines = (0..=NODES).map(line).collect();
        let cluster = Arc::new(Self { directory, lines, network, chats, keep });
        // The log with which the cluster begins, and the copies of it.
        let first = cluster.path(0);
        cluster::begin(&first).unwrap();
        for node in 1..NODES {
            std::fs::copy(&first, cluster.path(node)).unwrap();
        }
        for node in 0..NODES {
            cluster.open(node);
        }
        for node in 0..NODES {
            let chat = cluster.chat(node).unwrap();
            until("a node is ready", || chat.ready().is_ok()).await;
        }
        cluster
    }

    /// The file of a node's log.
    pub fn path(&self, node: usize) -> PathBuf {
        self.directory.path().join(format!("node-{node}"))
    }

    /// Starts a node with the log that it has.
    pub fn open(&self, node: usize) {
        let chat = Chat::builder().retention(self.keep).connect(self.connections(node));
        let chat = chat.open(self.path(node).to_str().unwrap()).unwrap();
        self.network.0.lock().unwrap().insert(node as NodeId + 1, chat.inbound().unwrap());
        self.chats.lock().unwrap()[node] = Some(chat);
    }

    pub fn connections(&self, node: usize) -> Connections {
        let me = node as NodeId + 1;
        let members = (1..=me.max(NODES as NodeId)).collect();
        let peers = Arc::new(From { network: self.network.clone(), me });
        Connections { journal: self.lines[node].clone(), peers, me, members }
    }

    pub fn chat(&self, node: usize) -> Option<Chat> {
        self.chats.lock().unwrap()[node].clone()
    }

    /// Cuts a node off from the journal, or connects it again.
    pub fn cut(&self, node: usize, is_cut: bool) {
        self.lines[node].is_cut.send_replace(is_cut);
    }

    /// Ends a node, whatever it has under way, and starts it again.
    pub async fn restart(&self, node: usize) {
        self.stop(node).await;
        self.open(node);
    }

    /// Ends a node, whatever it has under way.
    pub async fn stop(&self, node: usize) {
        let chat = self.chats.lock().unwrap()[node].take().unwrap();
        self.network.0.lock().unwrap().remove(&(node as NodeId + 1));
        chat.close().await.unwrap();
    }
}
