//! The settings of a node of many.

use crate::cluster::journal_place::{JournalPlace, JournalPlaceError};
use crate::cluster::peer_address::PeerAddress;
use crate::cluster::secret::{Secret, SecretError};

/// Most nodes of a cluster.
pub const NODES_MAX: usize = 9;

/// A node of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// The journal.
    pub journal: JournalPlace,
    /// This node.
    pub me: PeerAddress,
    /// All nodes, with this one.
    pub members: Vec<PeerAddress>,
    /// The secret that they share.
    pub secret: Secret,
}

/// The settings are not those of a node of many.
#[derive(Debug, thiserror::Error)]
pub enum NodeSettingsError {
    /// One is there, and another is missing.
    #[error(
        "{set} is set, and {missing} is not: a node of many has journal, peer-address, peers and \
         cluster-secret-file"
    )]
    Half {
        /// The setting that is there.
        set: &'static str,
        /// The setting that is not.
        missing: &'static str,
    },
    /// The node is not among the nodes.
    #[error("peers names all nodes, also this one: {0} is not among them")]
    NotAmong(PeerAddress),
    /// A node is there twice.
    #[error("peers names {0} twice")]
    Twice(PeerAddress),
    /// Too many nodes.
    #[error("peers names {0} nodes; a cluster has {NODES_MAX} at most")]
    TooMany(usize),
    /// The log would go with the process.
    #[error("the log of a node of many is a file, and log is {0}")]
    NoFile(String),
    /// Each node would fetch certificates of its own, and answer challenges that went to another.
    #[error("acme is for a single node: give the nodes certificate files, or put a proxy in front of them")]
    Acme,
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalPlaceError),
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl NodeSettingsError {
    /// Returns the setting that the error is about.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Half { set, .. } => set,
            Self::NotAmong(_) | Self::Twice(_) | Self::TooMany(_) => "peers",
            Self::NoFile(_) => "log",
            Self::Acme => "acme",
            Self::Journal(error) => error.setting(),
            Self::Secret(_) => "cluster-secret-file",
        }
    }
}

impl NodeSettings {
    /// Checks the names of the nodes.
    pub fn check_members(me: &PeerAddress, members: &[PeerAddress]) -> Result<(), NodeSettingsError> {
        if members.len() > NODES_MAX {
            return Err(NodeSettingsError::TooMany(members.len()));
        }
        if let Some(twice) = members.iter().enumerate().find(|(nth, member)| members[..*nth].contains(member))
        {
            return Err(NodeSettingsError::Twice(twice.1.clone()));
        }
        if members.contains(me) { Ok(()) } else { Err(NodeSettingsError::NotAmong(me.clone())) }
    }
}
