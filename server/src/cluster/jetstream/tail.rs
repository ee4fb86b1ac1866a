//! Following the stream by a push consumer of our own, and looking for what it left out.
//!
//! Two numbers come with each message: its place in the stream, and its place among the messages of this
//! consumer. A gap in the second is a message that was lost on its way: the consumer is made again. A gap in
//! the first is an entry that the server did not find: it may be erased, damaged there, or only left out.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use millchat::Timestamp;
use millchat::cluster::{FollowError, JournalEntry, Seq};

use super::api::{ConsumerConfig, ConsumerInfo, Failure, NewConsumer, Which};
use super::link::{Connected, Link};
use super::stream;
use crate::cluster::entries;

/// A consumer without messages says this often that it is there.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// A consumer that is silent for longer is made again; a server that does not do that is left.
const SILENCE_MAX: Duration = Duration::from_secs(2);
/// The servers remove a consumer to which nobody listens after this time.
const CONSUMER_KEPT: Duration = Duration::from_secs(10);
/// Tries to find an entry that was left out: each may ask another server.
const LOOKS_MAX: usize = 3;
/// Time between two of them.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Most consumers that are made while the stream does not go on.
const CONSUMERS_MAX: usize = 8;

/// A follower.
pub(super) struct Tail {
    link: Arc<Link>,
    name: Arc<str>,
    /// The newest entry that was passed on.
    last: Seq,
    /// The newest entry that the consumer has passed.
    passed: Seq,
    /// An entry behind others that were left out.
    held: Option<JournalEntry>,
    consumer: Option<Consumer>,
    /// Consumers that were made since the stream went on.
    consumers: usize,
}

/// A consumer at a server.
struct Consumer {
    connected: Connected,
    messages: Subscriber,
    /// Messages that came from it.
    received: u64,
}

/// A message's place, as its reply subject tells it.
struct Place {
    seq: Seq,
    received: u64,
    at: Timestamp,
}

impl Place {
    /// Reads `$JS.ACK.stream.consumer.tries.seq.received.nanoseconds.pending`, or the longer form with a domain and an
    /// account before the stream.
    fn of(message: &Message) -> Option<Self> {
        const SHORT: usize = 9;
        let tokens: Vec<&str> = message.reply.as_ref()?.split('.').collect();
        if tokens.len() < SHORT || tokens[..2] != ["$JS", "ACK"] {
            return None;
        }
        let tries = if tokens.len() == SHORT { 4 } else { 6 };
        let number = |nth: usize| tokens.get(tries + nth)?.parse::<u64>().ok();
        Some(Self { seq: number(1)?, received: number(2)?, at: Timestamp(number(3)? / 1_000_000) })
    }
}

impl Tail {
    pub fn new(link: Arc<Link>, name: Arc<str>, after: Seq) -> Self {
        Self { link, name, last: after, passed: after, held: None, consumer: None, consumers: 0 }
    }
}

impl entries::Tail for Tail {
    async fn next(&mut self) -> Result<JournalEntry, FollowError> {
        let entry = loop {
            if self.passed > self.last {
                break self.look_up(self.last + 1).await?;
            }
            if let Some(held) = self.held.take() {
                break held;
            }
            let Some(consumer) = &mut self.consumer else {
                self.consumer = Some(self.consume().await?);
                continue;
            };
            let next = tokio::time::timeout(SILENCE_MAX, consumer.messages.next()).await;
            if let Ok(Some(message)) = next {
                self.take(message).await;
            } else {
                self.leave().await;
            }
        };
        self.last = entry.seq;
        self.passed = self.passed.max(entry.seq);
        self.consumers = 0;
        Ok(entry)
    }
}

impl Tail {
    /// Leaves a consumer that is silent.
    async fn leave(&mut self) {
        let silent = self.consumer.take();
        // Twice: the next one was made, and was silent as well.
        if let Some(Consumer { connected, .. }) = silent
            && self.link.without_progress() >= 2 * SILENCE_MAX
        {
            self.link.hop(&connected).await;
        }
    }

    /// Makes a consumer for what comes after the last entry.
    async fn consume(&mut self) -> Result<Consumer, FollowError> {
        let connected = self.link.connected();
        let failure = match self.try_consume(&connected).await {
            Ok(Ok(consumer)) => return Ok(consumer),
            Ok(Err(went_back)) => return Err(went_back),
            Err(failure) => failure,
        };
        if self.link.without_progress() >= SILENCE_MAX {
            self.link.hop(&connected).await;
        }
        Err(FollowError::Unreachable(failure.to_string()))
    }

    async fn try_consume(&mut self, connected: &Connected) -> Result<Result<Consumer, FollowError>, Failure> {
        let info = stream::info(&self.link, &self.name, SILENCE_MAX).await?;
        let (_, newest) = info.state.bounds();
        if newest < self.last {
            return Ok(Err(FollowError::WentBack { newest }));
        }
        self.consumers += 1;
        if self.consumers > CONSUMERS_MAX {
            self.consumers = 0;
            return Err(Failure::Silent(format!("{CONSUMERS_MAX} consumers got nothing that was of use")));
        }
        let inbox = connected.client.new_inbox();
        let subscribed = tokio::time::timeout(SILENCE_MAX, connected.client.subscribe(inbox.clone())).await;
        let messages = match subscribed {
            Ok(Ok(messages)) => messages,
            Ok(Err(error)) => return Err(Failure::Silent(error.to_string())),
            Err(_elapsed) => return Err(Failure::Silent("the connection takes nothing".into())),
        };
        let config = ConsumerConfig {
            deliver_subject: &inbox,
            deliver_policy: "by_start_sequence",
            opt_start_seq: self.last + 1,
            ack_policy: "none",
            replay_policy: "instant",
            idle_heartbeat: HEARTBEAT_EVERY.as_nanos() as u64,
            flow_control: true,
            mem_storage: true,
            num_replicas: 1,
            inactive_threshold: CONSUMER_KEPT.as_nanos() as u64,
        };
        let new = NewConsumer { stream_name: &self.name, config };
        let what = format!("CONSUMER.CREATE.{}", self.name);
        let ConsumerInfo {} = self.link.ask(&what, &new, SILENCE_MAX).await?;
        Ok(Ok(Consumer { connected: connected.clone(), messages, received: 0 }))
    }

    /// Takes a message of the consumer.
    async fn take(&mut self, message: Message) {
        self.link.progressed();
        let is_of_use = match message.status {
            None => self.take_entry(message),
            Some(StatusCode::IDLE_HEARTBEAT) => self.take_heartbeat(message).await,
            // The consumer is gone, or its server is about to go.
            Some(_) => false,
        };
        if !is_of_use {
            self.consumer = None;
        }
    }

    /// Takes an entry. Returns false if the consumer is to be made again.
    fn take_entry(&mut self, message: Message) -> bool {
        let (Some(place), Some(consumer)) = (Place::of(&message), &mut self.consumer) else { return false };
        consumer.received += 1;
        if place.received != consumer.received {
            return false;
        }
        // A server that lags behind begins earlier than it was told to.
        if place.seq > self.last {
            self.passed = place.seq - 1;
            self.held = Some(JournalEntry { seq: place.seq, at: place.at, bytes: message.payload });
        }
        true
    }

    /// Takes a sign of life or a question of flow control. Returns false if the consumer is to be made again.
    async fn take_heartbeat(&mut self, message: Message) -> bool {
        let Some(consumer) = &self.consumer else { return false };
        let headers = message.headers.unwrap_or_default();
        let stalled = headers.get("Nats-Consumer-Stalled").map(|subject| subject.as_str().into());
        if let Some(asks) = message.reply.or(stalled) {
            let client = &consumer.connected.client;
            let answered = tokio::time::timeout(SILENCE_MAX, client.publish(asks, Bytes::new())).await;
            return matches!(answered, Ok(Ok(())));
        }
        let (Some(received), Some(passed)) =
            (number(&headers, "Nats-Last-Consumer"), number(&headers, "Nats-Last-Stream"))
        else {
            return true;
        };
        if received == consumer.received {
            self.passed = self.passed.max(passed);
        }
        received == consumer.received
    }

    /// Looks for an entry that the consumer left out.
    async fn look_up(&mut self, seq: Seq) -> Result<JournalEntry, FollowError> {
        for _ in 0..LOOKS_MAX {
            let what = format!("DIRECT.GET.{}", self.name);
            let found = self.link.ask_raw(&what, &Which { seq }, SILENCE_MAX).await;
            let found = found.map_err(|failure| FollowError::Unreachable(failure.to_string()))?;
            if found.status.is_none()
                && let Some(headers) = &found.headers
                && number(headers, "Nats-Sequence") == Some(seq)
                && let Some(at) = time(headers)
            {
                return Ok(JournalEntry { seq, at, bytes: found.payload });
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        let info = stream::info(&self.link, &self.name, SILENCE_MAX).await;
        let info = info.map_err(|failure| FollowError::Unreachable(failure.to_string()))?;
        let (oldest, newest) = info.state.bounds();
        if newest < seq {
            return Err(FollowError::WentBack { newest });
        }
        Err(FollowError::Missing { from: seq, to: seq.max(oldest - 1) })
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

fn time(headers: &HeaderMap) -> Option<Timestamp> {
    let at: jiff::Timestamp = headers.get("Nats-Time-Stamp")?.as_str().parse().ok()?;
    Some(Timestamp(at.as_millisecond().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(reply: Option<&str>) -> Option<(Seq, u64, u64)> {
        let message = Message {
            subject: "any".into(),
            reply: reply.map(Into::into),
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        };
        Place::of(&message).map(|Place { seq, received, at }| (seq, received, at.0))
    }

    #[test]
    fn a_place_is_read_from_both_forms_of_a_reply_subject_and_from_nothing_else() {
        let numbers = "1.700.6.1785590000123456789.42";
        let expected = Some((700, 6, 1_785_590_000_123));
        assert_eq!(place(Some(&format!("$JS.ACK.stream.consumer.{numbers}"))), expected);
        assert_eq!(place(Some(&format!("$JS.ACK._.hash.stream.consumer.{numbers}"))), expected);
        assert_eq!(place(Some(&format!("$JS.ACK.hub.hash.stream.consumer.{numbers}.token"))), expected);
        for other in
            [None, Some("_INBOX.1.2.3.4.5.6.7.8"), Some("$JS.ACK.s.c.1.2.3"), Some("$JS.ACK.s.c.1.x.3.4.5")]
        {
            assert_eq!(place(other), None, "{other:?}");
        }
    }
}
