//! The nodes of a test, and the way between them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use millchat::cluster::{Journal, Membership, Message, NodeId, Peers, Writer};
use millchat::{Chat, Connections, Inbound};

use crate::journal::{Line, MemoryJournal};
use crate::until;

pub const NODES: usize = 3;

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
    runs: AtomicU64,
}

impl Cluster {
    pub async fn start(journal: Arc<MemoryJournal>) -> Arc<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (network, chats) = (Arc::default(), Mutex::new(vec![None; NODES]));
        let line = |_| Arc::new(Line { journal: journal.clone(), is_cut: Arc::default() });
        let lines = (0..NODES).map(line).collect();
        let cluster = Arc::new(Self { directory, lines, network, chats, runs: AtomicU64::new(1) });
        // The log with which the cluster begins, and the copies of it.
        let first = cluster.path(0);
        Chat::open(first.to_str().unwrap()).unwrap().close().await.unwrap();
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

    fn path(&self, node: usize) -> PathBuf {
        self.directory.path().join(format!("node-{node}"))
    }

    fn open(&self, node: usize) {
        let me = Writer { node: node as NodeId + 1, run: self.runs.fetch_add(1, Ordering::Relaxed) };
        let members = (1..=NODES as NodeId).collect();
        let membership =
            Membership { cluster: [7; 16], me, members, entry_bytes_max: self.lines[node].entry_bytes_max() };
        let peers = Arc::new(From { network: self.network.clone(), me: me.node });
        let connections = Connections { journal: self.lines[node].clone(), peers, membership };
        let chat = Chat::builder().connect(connections).open(self.path(node).to_str().unwrap()).unwrap();
        self.network.0.lock().unwrap().insert(me.node, chat.inbound().unwrap());
        self.chats.lock().unwrap()[node] = Some(chat);
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
        let chat = self.chats.lock().unwrap()[node].take().unwrap();
        self.network.0.lock().unwrap().remove(&(node as NodeId + 1));
        chat.close().await.unwrap();
        self.open(node);
    }
}
