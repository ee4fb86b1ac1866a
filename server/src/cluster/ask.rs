//! Asks all nodes for their places.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Limited};
use hyper::Method;
use tokio::time::timeout;

use crate::cluster::peer::{Hello, Line, NodeStatus};
use crate::cluster::peer_address::PeerAddress;
use crate::cluster::secret::{PeerTls, Secret, SecretError};
use crate::resolve::AnyError;

/// Largest answer of a node, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest time for its body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks each node. Whoever has the secret may.
pub async fn ask_all(
    nodes: &[PeerAddress],
    secret: &Path,
) -> Result<Vec<Result<NodeStatus, AnyError>>, SecretError> {
    let tls = Secret::read(secret)?.tls()?;
    Ok(join_all(nodes.iter().map(|node| ask(node.clone(), tls.clone()))).await)
}

async fn ask(node: PeerAddress, tls: PeerTls) -> Result<NodeStatus, AnyError> {
    let mut line = Line::new(node.clone(), tls, Hello { node, cluster: None });
    let answer = line.ask(Method::GET, "/status", Bytes::new()).await?;
    let body = timeout(ANSWER_TIMEOUT, Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect());
    let body = body.await??.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}
