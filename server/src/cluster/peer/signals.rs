//! The people here, as the other nodes are told of them: a small queue for each, and a connection of its own, so that no
//! message of the protocol waits for it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, StatusCode};
use millchat::cluster::NodeId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::line::{ANSWER_TIMEOUT, Line, LineError};

/// Most messages that wait for one node: those of two seconds. Of more the oldest is dropped, and told again.
const WAITING_MAX: usize = 8;
/// A node that cannot be reached is tried again after this time.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// And a node of an earlier release, which does not know of this.
const UNKNOWN_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes: there is none.
const ANSWER_BYTES_MAX: usize = 4_096;

/// The queues to the other nodes.
pub struct SignalOutboxes(HashMap<NodeId, Arc<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// The oldest first. Held for an exchange.
    messages: Mutex<VecDeque<Bytes>>,
    /// There is a message.
    is_there: Notify,
}

impl SignalOutboxes {
    /// Starts a task for each line.
    pub fn start(runtime: &Handle, lines: Vec<Line>) -> Self {
        let started = lines.into_iter().map(|line| {
            let (to, waiting) = (line.to().node(), Arc::<Waiting>::default());
            runtime.spawn(deliver(line, Arc::clone(&waiting)));
            (to, waiting)
        });
        Self(started.collect())
    }

    /// Puts a message into the queue to a node.
    pub fn send(&self, to: NodeId, message: Bytes) {
        let Some(waiting) = self.0.get(&to) else { return };
        waiting.put(message);
        waiting.is_there.notify_one();
    }
}

impl Waiting {
    fn put(&self, message: Bytes) {
        let mut messages = self.messages.lock();
        if messages.len() >= WAITING_MAX {
            messages.pop_front();
        }
        messages.push_back(message);
    }
}

/// Delivers the messages of a queue, one after the other. It ends with the process.
async fn deliver(mut line: Line, waiting: Arc<Waiting>) {
    loop {
        let next = waiting.messages.lock().pop_front();
        let Some(message) = next else {
            waiting.is_there.notified().await;
            continue;
        };
        let pause = match deliver_one(&mut line, message).await {
            Ok(()) => continue,
            // That a node is not reached is told where the messages of the protocol are sent.
            Err(LineError::Refused(StatusCode::NOT_FOUND, _)) => UNKNOWN_AGAIN_AFTER,
            Err(_) => AGAIN_AFTER,
        };
        tokio::time::sleep(pause).await;
    }
}

async fn deliver_one(line: &mut Line, message: Bytes) -> Result<(), LineError> {
    let answer = line.ask(Method::POST, "/signals", message).await?;
    // To its end, so that the connection serves the next.
    let _ = timeout(ANSWER_TIMEOUT, Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_more_messages_than_may_wait_the_oldest_is_dropped() {
        let waiting = Waiting::default();
        for nth in 0..=WAITING_MAX {
            waiting.put(vec![nth as u8].into());
        }
        let messages = waiting.messages.lock();
        assert_eq!((messages.len(), &messages[0][..]), (WAITING_MAX, &[1][..]));
    }
}
