//! Nodes of a cluster in this process, without sockets between them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use millchat::cluster::{Journal, Message, NodeId, Peers};
use millchat::{Chat, Connections, Inbound, OpenError};
use parking_lot::Mutex;

/// The way between the nodes. It carries what they need of each other to store messages, and not who is here.
#[derive(Clone)]
pub struct Network {
    nodes: NodeId,
    /// The nodes that are open.
    inbound: Arc<Mutex<HashMap<NodeId, Inbound>>>,
}

impl Network {
    /// Returns the way between this number of nodes.
    pub fn of(nodes: usize) -> Self {
        Self { nodes: nodes as NodeId, inbound: Arc::default() }
    }

    /// Opens a node on its log and its journal. The others reach it from now on.
    ///
    /// # Errors
    ///
    /// When the log cannot be opened, or is not one of a cluster's.
    pub fn open(&self, nth: usize, log: &Path, journal: Arc<dyn Journal>) -> Result<Chat, OpenError> {
        let me = nth as NodeId + 1;
        let peers = Arc::new(From { network: self.clone(), me });
        let connections = Connections { journal, peers, me, members: (1..=self.nodes).collect() };
        let chat = Chat::builder().connect(connections).open(&log.to_string_lossy())?;
        self.inbound.lock().extend(chat.inbound().map(|inbound| (me, inbound)));
        Ok(chat)
    }
}

/// The way from a node to all.
struct From {
    network: Network,
    me: NodeId,
}

impl Peers for From {
    fn send(&self, to: NodeId, message: Message) {
        let inbound = self.network.inbound.lock().get(&to).cloned();
        if let Some(inbound) = inbound {
            inbound.receive(self.me, message);
        }
    }

    fn signal(&self, _: NodeId, _: Bytes) {}
}
