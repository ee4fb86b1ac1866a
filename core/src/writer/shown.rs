//! The view that the protocol's thread shows to others.

use tokio::sync::watch;

use crate::cluster::NodeState;
use crate::sync::Mutex;

/// See the module. Written by the thread of the protocol, some times a second.
pub(super) struct Shown {
    /// `None` for a single node. Held for a copy.
    state: Mutex<Option<NodeState>>,
    leads: watch::Sender<bool>,
}

impl Shown {
    /// That of a single node: it leads.
    pub fn of_single() -> Self {
        Self { state: Mutex::new(None), leads: watch::Sender::new(true) }
    }

    /// That of one of many, before it knows anything.
    pub fn of_member() -> Self {
        Self { state: Mutex::new(None), leads: watch::Sender::new(false) }
    }

    pub fn show(&self, state: NodeState) {
        self.leads.send_if_modified(|leads| std::mem::replace(leads, state.is_leader) != state.is_leader);
        *self.state.lock() = Some(state);
    }

    pub fn state(&self) -> Option<NodeState> {
        self.state.lock().clone()
    }

    pub fn leadership(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }
}
