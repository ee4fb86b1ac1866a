//! The shapes of JetStream's API, as far as the journal uses it, and what it answers.

use millchat::cluster::{JournalError, Seq};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// An expected last sequence that is not the last: with its number, and without while another append is under way.
const WRONG_LAST: u64 = 10_071;
const WRONG_LAST_WITHOUT_NUMBER: u64 = 10_164;
const NO_STREAM: u64 = 10_059;
const NO_MESSAGE: u64 = 10_043;
/// No servers with the tag or with space are there, or not yet.
const NO_PEERS: u64 = 10_005;
/// An error of HTTP: the servers cannot answer now.
const UNAVAILABLE: u64 = 503;

/// The failure of a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no connection; nothing was sent.
    #[error("no server is connected")]
    NotSent,
    /// No answer came in time, or the connection ended meanwhile.
    #[error("{0}")]
    Silent(String),
    /// A server answered that the stream has no leader at present.
    #[error("the stream has no leader")]
    Nobody,
    /// The request was refused.
    #[error("{}", .0.description)]
    Error(ApiError),
    /// The answer has another form.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[source] serde_json::Error),
}

impl From<Failure> for JournalError {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

/// An error as JetStream answers it.
#[derive(Debug, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub code: u64,
    #[serde(default)]
    pub err_code: u64,
    #[serde(default)]
    pub description: String,
}

impl ApiError {
    /// Returns true if another entry is where the new one was to be.
    pub fn is_other_place(&self) -> bool {
        matches!(self.err_code, WRONG_LAST | WRONG_LAST_WITHOUT_NUMBER)
    }

    /// The newest entry, of an error about the place.
    pub fn newest(&self) -> Option<Seq> {
        let (_, number) = self.description.rsplit_once(": ")?;
        number.parse().ok()
    }

    pub fn is_no_stream(&self) -> bool {
        self.err_code == NO_STREAM
    }

    pub fn is_no_message(&self) -> bool {
        self.err_code == NO_MESSAGE
    }

    /// Returns true if the same request may have another answer soon.
    pub fn is_passing(&self) -> bool {
        self.code == UNAVAILABLE || self.err_code == NO_PEERS
    }
}

#[derive(Deserialize)]
struct MaybeError {
    error: Option<ApiError>,
}

/// Reads an answer.
pub(super) fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Failure> {
    let MaybeError { error } = serde_json::from_slice(payload).map_err(Failure::Unreadable)?;
    match error {
        Some(error) => Err(Failure::Error(error)),
        None => serde_json::from_slice(payload).map_err(Failure::Unreadable),
    }
}

/// The answer to an append.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub seq: Seq,
}

/// A message by its number.
#[derive(Serialize)]
pub(super) struct Which {
    pub seq: Seq,
}

/// All messages before a number.
#[derive(Serialize)]
pub(super) struct Purge {
    pub seq: Seq,
}

/// The answer to both.
#[derive(Deserialize)]
pub(super) struct PurgedOrErased {}

/// A request without parameters.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// The settings of a stream.
#[derive(Serialize, Deserialize)]
pub(super) struct StreamConfig {
    pub name: String,
    #[serde(default)]
    pub subjects: Vec<String>,
    pub retention: String,
    pub storage: String,
    pub discard: String,
    pub num_replicas: u64,
    /// In nanoseconds.
    pub max_age: u64,
    pub max_bytes: i64,
    pub allow_direct: bool,
    #[serde(default)]
    pub deny_delete: bool,
    #[serde(default)]
    pub deny_purge: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Placement {
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A stream: its settings, and what it holds.
#[derive(Deserialize)]
pub(super) struct StreamInfo {
    pub config: StreamConfig,
    pub state: StreamState,
}

#[derive(Deserialize)]
pub(super) struct StreamState {
    pub first_seq: Seq,
    pub last_seq: Seq,
}

impl StreamState {
    pub fn bounds(&self) -> (Seq, Seq) {
        (self.first_seq.max(1), self.last_seq)
    }
}

/// A new consumer.
#[derive(Serialize)]
pub(super) struct NewConsumer<'a> {
    pub stream_name: &'a str,
    pub config: ConsumerConfig<'a>,
}

#[derive(Serialize)]
pub(super) struct ConsumerConfig<'a> {
    pub deliver_subject: &'a str,
    pub deliver_policy: &'static str,
    pub opt_start_seq: Seq,
    pub ack_policy: &'static str,
    pub replay_policy: &'static str,
    /// In nanoseconds.
    pub idle_heartbeat: u64,
    pub flow_control: bool,
    pub mem_storage: bool,
    pub num_replicas: u64,
    /// In nanoseconds.
    pub inactive_threshold: u64,
}

/// The answer to it.
#[derive(Deserialize)]
pub(super) struct ConsumerInfo {}
