//! The nodes of a test, and the way between them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use millchat::cluster::{self, Message, NodeId, Peers};
use millchat::log::Log;
use millchat::{Builder, Chat, Connections, Inbound, RetentionPolicy};

use crate::journal::{Line, MemoryJournal};
use crate::until;

pub const NODES: usize = 3;
/// One more, which has no log at the beginning.
pub const FRESH: usize = NODES;

/// The way between the nodes. Every twentieth message is lost.
#[derive(Default)]
struct Network {
    nodes: Mutex<HashMap<NodeId, Inbound>>,
    /// The nodes that tell nobody of their people.
    silent: Mutex<HashSet<NodeId>>,
}

struct From {
    network: Arc<Network>,
    me: NodeId,
}

impl Peers for From {
    fn send(&self, to: NodeId, message: Message) {
        if rand::random_bool(0.05) {
            return;
        }
        if let Some(inbound) = self.network.nodes.lock().unwrap().get(&to) {
            inbound.receive(self.me, message);
        }
    }

    fn signal(&self, to: NodeId, signals: Bytes) {
        if rand::random_bool(0.05) || self.network.silent.lock().unwrap().contains(&self.me) {
            return;
        }
        let inbound = self.network.nodes.lock().unwrap().get(&to).cloned();
        if let Some(inbound) = inbound {
            inbound.receive_signals(self.me, &signals).expect("it is of this release");
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
        let chat = self.builder(node).open(self.path(node).to_str().unwrap()).unwrap();
        self.take(node, chat);
    }

    /// Starts a node with this log.
    pub fn open_log(&self, node: usize, log: Arc<dyn Log>) {
        self.take(node, self.builder(node).open_log(log).unwrap());
    }

    fn builder(&self, node: usize) -> Builder {
        Chat::builder().retention(self.keep).connect(self.connections(node))
    }

    fn take(&self, node: usize, chat: Chat) {
        self.network.nodes.lock().unwrap().insert(node as NodeId + 1, chat.inbound().unwrap());
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

    /// Lets a node tell nobody of its people any more.
    pub fn silence(&self, node: usize) {
        self.network.silent.lock().unwrap().insert(node as NodeId + 1);
    }

    /// Ends a node, whatever it has under way, and starts it again.
    pub async fn restart(&self, node: usize) {
        self.stop(node).await;
        self.open(node);
    }

    /// Ends a node, whatever it has under way.
    pub async fn stop(&self, node: usize) {
        let chat = self.chats.lock().unwrap()[node].take().unwrap();
        self.network.nodes.lock().unwrap().remove(&(node as NodeId + 1));
        chat.close().await.unwrap();
    }
}
