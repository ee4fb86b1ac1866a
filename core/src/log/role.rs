//! The part that a log plays: that of a single node, or that of one node of a cluster.

use crate::cluster::ClusterId;
use crate::log::error::OpenError;

/// The part for which a log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is written by a single node.
    Single,
    /// It changes by the entries of a journal only.
    Member,
    /// Either: the caller looks.
    Either,
}

impl Role {
    /// Refuses a log that plays another part. A single node that wrote to the log of a cluster would make it
    /// another log than the others have.
    pub fn check(self, name: &str, cluster: Option<ClusterId>) -> Result<(), OpenError> {
        match (self, cluster) {
            (Self::Single, Some(cluster)) => Err(OpenError::OfCluster { path: name.to_owned(), cluster }),
            (Self::Member, None) => Err(OpenError::OfSingleNode(name.to_owned())),
            _ => Ok(()),
        }
    }
}
