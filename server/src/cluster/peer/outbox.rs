//! The messages to other nodes: a queue and a connection for each of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::Method;
use millchat::cluster::{Message, NodeId, Peers};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::line::{ANSWER_TIMEOUT, Line, LineError};
use super::signals::SignalOutboxes;
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
pub struct Outboxes {
    messages: HashMap<NodeId, Outbox>,
    signals: SignalOutboxes,
}

struct Outbox {
    queue: mpsc::Sender<Message>,
    waiting: Arc<Waiting>,
}

/// The state that a queue and its task share.
#[derive(Default)]
struct Waiting {
    /// The bytes of the messages in the queue.
    bytes: AtomicUsize,
    /// The newest status: no other message holds it up. Held for an exchange.
    status: Mutex<Option<Message>>,
    /// There is a status.
    is_there: Notify,
    /// The reason for which the other node refuses this one, as long as it does.
    refusal: Mutex<Option<String>>,
}

impl Outboxes {
    /// Starts a task for each line: for messages, and for signals.
    pub fn start(runtime: &Handle, lines: Vec<Line>, signal_lines: Vec<Line>) -> Self {
        let started = lines.into_iter().map(|line| {
            let (queue, messages) = mpsc::channel(MESSAGES_MAX);
            let (to, waiting) = (line.to().node(), Arc::<Waiting>::default());
            runtime.spawn(deliver(line, messages, Arc::clone(&waiting)));
            (to, Outbox { queue, waiting })
        });
        Self { messages: started.collect(), signals: SignalOutboxes::start(runtime, signal_lines) }
    }
}

impl Outboxes {
    /// Returns the reason of one of the other nodes, if more than half of them refuse this one.
    pub fn refusal(&self) -> Option<String> {
        let refusals: Vec<_> =
            self.messages.values().filter_map(|outbox| outbox.waiting.refusal.lock().clone()).collect();
        if refusals.len() * 2 > self.messages.len() { refusals.into_iter().next() } else { None }
    }
}

impl Peers for Outboxes {
    fn send(&self, to: NodeId, message: Message) {
        let Some(Outbox { queue, waiting }) = self.messages.get(&to) else { return };
        if let Message::Status(_) = message {
            *waiting.status.lock() = Some(message);
            return waiting.is_there.notify_one();
        }
        let bytes = &waiting.bytes;
        let cost = wire::cost_bytes(&message);
        if bytes.fetch_add(cost, Ordering::Relaxed) + cost > QUEUE_BYTES_MAX
            || queue.try_send(message).is_err()
        {
            bytes.fetch_sub(cost, Ordering::Relaxed);
        }
    }

    fn signal(&self, to: NodeId, signals: Bytes) {
        self.signals.send(to, signals);
    }
}

/// Delivers the messages of a queue, as many as there are by one request, until the queue ends.
async fn deliver(mut line: Line, mut messages: mpsc::Receiver<Message>, waiting: Arc<Waiting>) {
    let mut is_reached = true;
    loop {
        let first = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => Some(message),
                None => return,
            },
            () = waiting.is_there.notified() => None,
        };
        let mut body = Vec::new();
        if let Some(status) = waiting.status.lock().take() {
            wire::encode(&status, &mut body);
        }
        let mut next = first.or_else(|| messages.try_recv().ok());
        while let Some(message) = next {
            waiting.bytes.fetch_sub(wire::cost_bytes(&message), Ordering::Relaxed);
            wire::encode(&message, &mut body);
            next = if body.len() < REQUEST_BYTES { messages.try_recv().ok() } else { None };
        }
        if body.is_empty() {
            continue;
        }
        let delivered = deliver_one(&mut line, body.into()).await;
        *waiting.refusal.lock() = match &delivered {
            Err(error @ LineError::Refused(status, _)) if status.is_client_error() => {
                Some(format!("{}: {error}", line.to()))
            }
            _ => None,
        };
        match delivered {
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
    let _ = timeout(ANSWER_TIMEOUT, Limited::new(answer.into_body(), REQUEST_BYTES).collect()).await;
    Ok(())
}
