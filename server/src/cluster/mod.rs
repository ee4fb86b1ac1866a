//! Many nodes: the engines that keep the journal which they share, and the way from node to node.

mod ask;
mod entries;
mod jetstream;
mod journal_place;
mod node;
mod peer;
mod peer_address;
mod postgres;
mod secret;
mod settings;
mod told;

pub(crate) use ask::ask_all;
pub use jetstream::{JetStream, JetStreamError, JetStreamSettings};
pub(crate) use journal_place::{EngineError, JournalPlace, JournalSettings};
pub(crate) use node::Node;
pub(crate) use peer::NodeStatus;
pub(crate) use peer_address::PeerAddress;
pub use postgres::{Postgres, PostgresError, PostgresSettings, PostgresUrl, PostgresUrlError};
pub(crate) use secret::{Secret, SecretError};
pub(crate) use settings::{NodeSettings, NodeSettingsError};
