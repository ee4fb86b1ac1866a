//! Many nodes: the engines that keep the journal which they share, and the way from node to node.

mod ask;
mod jetstream;
mod node;
mod peer;
mod peer_address;
mod secret;
mod settings;

pub(crate) use ask::ask_all;
pub use jetstream::{JetStream, JetStreamError, JetStreamSettings};
pub(crate) use node::Node;
pub(crate) use peer::NodeStatus;
pub(crate) use peer_address::PeerAddress;
pub(crate) use secret::{Secret, SecretError};
pub(crate) use settings::{NodeSettings, NodeSettingsError};
