//! The journal on NATS JetStream: one stream with one subject, in files, at three servers of a cluster or at a
//! single server.
//!
//! An append names the entry that it follows, and the server refuses it behind any other. A push consumer of
//! our own follows the stream: the client's own consumers skip what is missing, and notice late that a server
//! is gone. JetStream's numbers are dense, also over what is erased, so a hole is seen at once.
//!
//! This folder is the only place that names the client, of which it uses the connection alone: JetStream's API
//! is a few requests of JSON.

mod api;
mod link;
mod settings;
mod stream;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millchat::cluster::{AppendError, Journal, JournalEntries, JournalError, JournalFuture, Seq};
use tokio::time::Instant;

use crate::cluster::entries::{ENTRY_BYTES_MAX, entries};
use api::{Failure, Purge, PurgedOrErased, Stored, Which};
use link::{Link, START_AGAIN_AFTER};
use stream::{Kept, Refused};
use tail::Tail;

pub use settings::{JetStreamError, JetStreamSettings};

/// Room for the headers of an entry, in bytes.
const HEADERS_BYTES_MAX: usize = 1_024;
/// Longest time for an append and its answer.
const APPEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for any other request and its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time in which the servers of a cluster find each other, while nodes start along with them.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A journal on NATS JetStream.
#[derive(Clone)]
pub struct JetStream {
    link: Arc<Link>,
    /// The stream's name, which is its subject as well.
    name: Arc<str>,
}

impl JetStream {
    /// Connects, and makes the stream if it is not there yet. Its tasks run where this is called.
    pub async fn connect(settings: JetStreamSettings) -> Result<Self, JetStreamError> {
        let name: Arc<str> = format!("millchat-{:032x}", u128::from_be_bytes(settings.cluster)).into();
        let until = Instant::now() + START_TIMEOUT;
        let link = Arc::new(Link::connect(settings, until).await?);
        let payload_max = link.payload_max();
        if payload_max < ENTRY_BYTES_MAX + HEADERS_BYTES_MAX {
            return Err(JetStreamError::Payload(payload_max));
        }
        let journal = Self { link, name };
        journal.keep(until).await?;
        Ok(journal)
    }

    /// Makes the stream, or sees that it is there with the right settings.
    async fn keep(&self, until: Instant) -> Result<(), JetStreamError> {
        loop {
            let why = match stream::keep(&self.link, &self.name).await {
                Ok(Kept::Well) => return Ok(()),
                Ok(Kept::Unlike(what)) => {
                    return Err(JetStreamError::Unlike { name: self.name.to_string(), what });
                }
                Err(Refused { is_final: false, why }) if Instant::now() < until => {
                    tracing::debug!(why, "the journal's stream is not there yet");
                    tokio::time::sleep(START_AGAIN_AFTER).await;
                    continue;
                }
                Err(Refused { why, .. }) => why,
            };
            return Err(JetStreamError::Stream { name: self.name.to_string(), why });
        }
    }

    async fn append(self, after: Seq, entry: Bytes) -> Result<Seq, AppendError> {
        match self.link.append(&self.name, after, entry, APPEND_TIMEOUT).await {
            Ok(Stored { seq }) => Ok(seq),
            Err(Failure::NotSent) => Err(AppendError::Unreachable),
            Err(Failure::Error(error)) if error.is_other_place() => {
                let newest = match error.newest() {
                    Some(newest) => newest,
                    // Another entry is under way.
                    None => self.bounds().await.map_err(|error| AppendError::Unknown(error.0))?.1,
                };
                Err(AppendError::Refused { newest })
            }
            Err(failure) => Err(AppendError::Unknown(failure.to_string())),
        }
    }

    async fn bounds(self) -> Result<(Seq, Seq), JournalError> {
        let info = stream::info(&self.link, &self.name, REQUEST_TIMEOUT).await?;
        Ok(info.state.bounds())
    }

    async fn erase(self, seqs: Vec<Seq>) -> Result<(), JournalError> {
        for seq in seqs {
            let what = format!("STREAM.MSG.DELETE.{}", self.name);
            let erased = self.link.ask::<PurgedOrErased>(&what, &Which { seq }, REQUEST_TIMEOUT).await;
            match erased {
                Ok(_) => {}
                Err(Failure::Error(error)) if error.is_no_message() => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(())
    }

    async fn forget(self, before: Seq) -> Result<(), JournalError> {
        // A purge beyond the end would move the end.
        let (first, newest) = self.clone().bounds().await?;
        let before = before.min(newest + 1);
        if before <= first {
            return Ok(());
        }
        let what = format!("STREAM.PURGE.{}", self.name);
        let PurgedOrErased {} = self.link.ask(&what, &Purge { seq: before }, REQUEST_TIMEOUT).await?;
        Ok(())
    }
}

impl Journal for JetStream {
    fn entry_bytes_max(&self) -> usize {
        ENTRY_BYTES_MAX
    }

    fn append(&self, after: Seq, entry: Bytes) -> JournalFuture<Result<Seq, AppendError>> {
        Box::pin(self.clone().append(after, entry))
    }

    fn follow(&self, after: Seq) -> JournalEntries {
        entries(Tail::new(self.link.clone(), self.name.clone(), after))
    }

    fn bounds(&self) -> JournalFuture<Result<(Seq, Seq), JournalError>> {
        Box::pin(self.clone().bounds())
    }

    fn erase(&self, seqs: &[Seq]) -> JournalFuture<Result<(), JournalError>> {
        Box::pin(self.clone().erase(seqs.to_vec()))
    }

    fn forget(&self, before: Seq) -> JournalFuture<Result<(), JournalError>> {
        Box::pin(self.clone().forget(before))
    }
}
