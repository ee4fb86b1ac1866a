//! Answers that came to nothing.

use std::time::Duration;

use hyper::StatusCode;

use super::lines::LINE_BYTES_MAX;
use crate::resolve::AnyError;

/// An answer that came to nothing, and by [`Failure::remedy`] what can be done about it. No message has more
/// of the address than host and port, and none a byte of the prompt or of what the server said.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no connection.
    #[error("{host} cannot be reached: {source}")]
    Absent {
        /// The server.
        host: String,
        /// The reason.
        #[source]
        source: AnyError,
    },
    /// The server has too much to do, or is in trouble: 429 or 5xx.
    #[error("{host} answers {status}")]
    Busy {
        /// The server.
        host: String,
        /// The status.
        status: StatusCode,
        /// The time that the server asks for.
        retry_after: Option<Duration>,
    },
    /// The server does not take the request, mostly because the prompt is longer than it can be: 400.
    #[error("{host} answers 400, as to a prompt that is too long")]
    TooLong {
        /// The server.
        host: String,
    },
    /// The server refuses: the model is not there (404), the key is wrong (401), or any other status.
    #[error("{host} answers {status}{}", model_hint(*.status))]
    Refused {
        /// The server.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// The answer broke before its first piece.
    #[error("{host}: {source}, before the first piece of the answer")]
    Cut {
        /// The server.
        host: String,
        /// The reason.
        #[source]
        source: Break,
    },
    /// The answer broke after its first piece.
    #[error("{host}: {source}, in the middle of the answer")]
    Broken {
        /// The server.
        host: String,
        /// The reason.
        #[source]
        source: Break,
    },
    /// The first piece, or the end, did not come in its time.
    #[error("{host}: {what} did not come within {} seconds", .limit.as_secs())]
    Late {
        /// The server.
        host: String,
        /// The thing that is late.
        what: &'static str,
        /// Its limit.
        limit: Duration,
    },
}

/// The reasons for which an answer breaks.
#[derive(Debug, thiserror::Error)]
pub enum Break {
    /// The connection ended, or what came is not HTTP.
    #[error("the connection broke")]
    Connection(#[source] hyper::Error),
    /// The body ended and the answer did not.
    #[error("the answer ended without its last line")]
    NoEnd,
    /// The server said that something is wrong.
    #[error("the server reports an error")]
    Reported,
    /// Nothing came.
    #[error("nothing came for {} seconds", .0.as_secs())]
    Silence(Duration),
    /// A line is longer than lines may be.
    #[error("a line is longer than the limit of {LINE_BYTES_MAX} bytes")]
    LongLine,
    /// A line is not one of the API. Its text is not kept: it can be of people.
    #[error("a line is not one of this API")]
    Foreign,
    /// The body is packed, though that was not allowed.
    #[error("the answer is packed, which was not asked for")]
    Packed,
}

/// The thing to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again later, as long as the question is not too old.
    Retry {
        /// The time that the server asks for.
        after: Option<Duration>,
    },
    /// Ask again once: text has been shown.
    RetryOnce,
    /// Ask again with half of the text ([`super::prompt::Budget::half`]).
    HalfText,
    /// Nothing helps.
    GiveUp,
}

impl Failure {
    /// Returns the thing to do.
    pub fn remedy(&self) -> Remedy {
        match self {
            // Who answers in another language will do so again.
            Self::Cut { source: Break::LongLine | Break::Foreign | Break::Packed, .. }
            | Self::Refused { .. }
            | Self::Late { .. } => Remedy::GiveUp,
            Self::Absent { .. } | Self::Cut { .. } => Remedy::Retry { after: None },
            Self::Busy { retry_after, .. } => Remedy::Retry { after: *retry_after },
            Self::TooLong { .. } => Remedy::HalfText,
            Self::Broken { .. } => Remedy::RetryOnce,
        }
    }

    /// Returns the status of the server's answer, if it is not 200.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Busy { status, .. } | Self::Refused { status, .. } => Some(*status),
            Self::TooLong { .. } => Some(StatusCode::BAD_REQUEST),
            _ => None,
        }
    }
}

/// The usual reason of a status that says little.
fn model_hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "; the model is not there, or this is not the API's address",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; `key-file` names the file with its key",
        _ => "",
    }
}
