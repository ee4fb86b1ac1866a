//! The messages to other nodes: a queue and a connection for each of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::Method;
use millchat::cluster::{Message, NodeId, Peers};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::line::{Line, LineError};
use super::wire;

/// Most messages that wait for one node.
const MESSAGES_MAX: usize = 1_024;
/// Most bytes that wait for one node; what comes beyond is dropped, and made again by the protocol.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of one request after which it takes no further message.
const REQUEST_BYTES: usize = 1024 * 1024;
/// Largest body of messages that is read: a request with one more message of many proposals.
pub(super) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A node that cannot be reached is tried again after this time.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The queues to the other nodes.
pub struct Outboxes(HashMap<NodeId, Outbox>);

struct Outbox {
    queue: mpsc::Sender<Message>,
    bytes: Arc<AtomicUsize>,
}

impl Outboxes {
    /// Starts a task for each line.
    pub fn start(runtime: &Handle, lines: Vec<Line>) -> Self {
        let started = lines.into_iter().map(|line| {
            let (queue, messages) = mpsc::channel(MESSAGES_MAX);
            let (to, bytes) = (line.to().node(), Arc::<AtomicUsize>::default());
            runtime.spawn(deliver(line, messages, Arc::clone(&bytes)));
            (to, Outbox { queue, bytes })
        });
        Self(started.collect())
    }
}

impl Peers for Outboxes {
    fn send(&self, to: NodeId, message: Message) {
        let Some(Outbox { queue, bytes }) = self.0.get(&to) else { return };
        let cost = wire::cost_bytes(&message);
        if bytes.fetch_add(cost, Ordering::Relaxed) + cost > QUEUE_BYTES_MAX
            || queue.try_send(message).is_err()
        {
            bytes.fetch_sub(cost, Ordering::Relaxed);
        }
    }
}

/// Delivers the messages of a queue, as many as there are by one request, until the queue ends.
async fn deliver(mut line: Line, mut messages: mpsc::Receiver<Message>, waiting: Arc<AtomicUsize>) {
    let mut is_reached = true;
    while let Some(first) = messages.recv().await {
        let mut body = Vec::new();
        let mut put = |message: &Message| {
            waiting.fetch_sub(wire::cost_bytes(message), Ordering::Relaxed);
            wire::encode(message, &mut body);
            body.len()
        };
        let mut length = put(&first);
        while length < REQUEST_BYTES
            && let Ok(message) = messages.try_recv()
        {
            length = put(&message);
        }
        match deliver_one(&mut line, body.into()).await {
            Ok(()) if is_reached => {}
            Ok(()) => {
                is_reached = true;
                tracing::info!(node = %line.to(), "the node is reached again");
            }
            Err(error) => {
                if std::mem::take(&mut is_reached) {
                    tracing::warn!(node = %line.to(), %error, "another node of the cluster is not reached");
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}

async fn deliver_one(line: &mut Line, body: Bytes) -> Result<(), LineError> {
    let answer = line.ask(Method::POST, "/messages", body).await?;
    // To its end, so that the connection serves the next.
    let _ = Limited::new(answer.into_body(), REQUEST_BYTES).collect().await;
    Ok(())
}
