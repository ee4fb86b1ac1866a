//! The words by which nodes know each other: headers of each request.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use millchat::cluster::ClusterId;

use crate::cluster::peer_address::PeerAddress;

const CLUSTER: HeaderName = HeaderName::from_static("millchat-cluster");
const NODE: HeaderName = HeaderName::from_static("millchat-node");
const PROTOCOL: HeaderName = HeaderName::from_static("millchat-protocol");
/// The version of the requests and messages between nodes.
const PROTOCOL_VERSION: HeaderValue = HeaderValue::from_static("1");

/// The node that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Its address, by which the others reach it.
    pub node: PeerAddress,
    /// Its cluster; `None` while it has no log.
    pub cluster: Option<ClusterId>,
}

/// The reason why a node is not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// It speaks otherwise.
    #[error("it speaks another version of the protocol between nodes, and this node speaks version 1")]
    Protocol,
    /// It does not say who it is.
    #[error("it does not say which node it is")]
    Nobody,
}

impl Hello {
    /// Puts it into a request.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(PROTOCOL, PROTOCOL_VERSION);
        let visible =
            |text: String| HeaderValue::try_from(text).expect("an address or an id is visible ASCII");
        headers.insert(NODE, visible(self.node.to_string()));
        if let Some(cluster) = &self.cluster {
            headers.insert(CLUSTER, visible(cluster.to_string()));
        }
    }

    /// Reads it from a request.
    pub fn read(headers: &HeaderMap) -> Result<Self, Unwelcome> {
        if headers.get(PROTOCOL) != Some(&PROTOCOL_VERSION) {
            return Err(Unwelcome::Protocol);
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let node = text(NODE).and_then(|text| text.parse().ok()).ok_or(Unwelcome::Nobody)?;
        Ok(Self { node, cluster: text(CLUSTER).and_then(|text| text.parse().ok()) })
    }
}
