//! The stream: made when it is not there, and asked about.

use std::time::Duration;

use super::api::{Failure, Nothing, Placement, StreamConfig, StreamInfo};
use super::link::Link;

/// Longest time for the making of a stream, which the servers agree on, and its answer.
const KEEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest stream, in bytes. It is full then: nothing is dropped that a node may not have read.
const STREAM_BYTES_MAX: i64 = 1 << 30;
/// Copies in a cluster of servers.
const REPLICAS: u64 = 3;
/// The tag of servers that sync each write: a client cannot see that setting.
const SYNC_TAG: &str = "sync:always";

/// The state of the stream after [`keep`].
pub(super) enum Kept {
    /// It is there, as it must be.
    Well,
    /// It is there, and this setting is not the one named here.
    Unlike(&'static str),
}

/// There is no stream.
pub(super) struct Refused {
    pub why: String,
    /// False if it may be there soon.
    pub is_final: bool,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let is_final = match &failure {
            Failure::Error(error) => !error.is_passing(),
            Failure::Unreadable(_) => true,
            Failure::NotSent | Failure::Silent(_) | Failure::Nobody => false,
        };
        let hint = if matches!(&failure, Failure::Error(error) if error.is_passing()) {
            format!(
                "; a cluster needs {REPLICAS} servers with the tag {SYNC_TAG}, which stands for their \
                     setting sync_interval: always"
            )
        } else {
            String::new()
        };
        Self { why: format!("{failure}{hint}"), is_final }
    }
}

/// Asks about the stream.
pub(super) async fn info(link: &Link, name: &str, limit: Duration) -> Result<StreamInfo, Failure> {
    link.ask(&format!("STREAM.INFO.{name}"), &Nothing {}, limit).await
}

/// Makes the stream if it is not there.
pub(super) async fn keep(link: &Link, name: &str) -> Result<Kept, Refused> {
    let wanted = wanted(name, link.is_cluster());
    let found = match info(link, name, KEEP_TIMEOUT).await {
        Err(Failure::Error(error)) if error.is_no_stream() => {
            // Of two nodes that do this at a time, both are answered with the same stream.
            link.ask::<StreamInfo>(&format!("STREAM.CREATE.{name}"), &wanted, KEEP_TIMEOUT).await?
        }
        found => found?,
    };
    Ok(unlike(&found.config, &wanted).map_or(Kept::Well, Kept::Unlike))
}

fn wanted(name: &str, is_cluster: bool) -> StreamConfig {
    StreamConfig {
        name: name.to_owned(),
        subjects: vec![name.to_owned()],
        retention: "limits".to_owned(),
        storage: "file".to_owned(),
        // `old` would drop entries that nobody has read.
        discard: "new".to_owned(),
        num_replicas: if is_cluster { REPLICAS } else { 1 },
        // The leader lets entries go. By age, those would go too that nobody has read while all nodes are down.
        max_age: 0,
        max_bytes: STREAM_BYTES_MAX,
        allow_direct: true,
        deny_delete: false,
        deny_purge: false,
        placement: is_cluster.then(|| Placement { tags: vec![SYNC_TAG.to_owned()] }),
    }
}

/// Returns the first setting on which the journal relies and that is another one.
fn unlike(found: &StreamConfig, wanted: &StreamConfig) -> Option<&'static str> {
    let checks = [
        (found.subjects == wanted.subjects, "subjects must be the stream's own name"),
        (found.retention == wanted.retention, "retention must be limits"),
        (found.storage == wanted.storage, "storage must be file"),
        (found.discard == wanted.discard, "discard must be new"),
        (found.num_replicas >= wanted.num_replicas, "num_replicas must be 3 in a cluster of servers"),
        (found.allow_direct, "allow_direct must be true"),
        (!found.deny_delete, "deny_delete must be false"),
        (!found.deny_purge, "deny_purge must be false"),
    ];
    checks.into_iter().find(|(is_so, _)| !is_so).map(|(_, what)| what)
}
