//! The reason for which a reader's connection ended.

use std::io;

use millchat_testkit::Malformed;

/// The reason for which a connection ended.
#[derive(Debug)]
pub enum EndReason {
    /// The server closed it.
    Closed,
    /// The socket failed.
    Failed(io::ErrorKind),
    /// The server answered something other than a stream.
    Status(u16),
    /// The bytes of the server could not be parsed.
    Malformed(&'static str),
}

impl EndReason {
    /// Returns the kind of error that it counts as.
    pub fn kind(&self) -> String {
        match self {
            Self::Closed => "stream closed by the server".to_owned(),
            Self::Failed(kind) => format!("stream: {kind}"),
            Self::Status(status) => format!("join answered {status}"),
            Self::Malformed(what) => format!("stream: {what}"),
        }
    }
}

impl From<io::Error> for EndReason {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.kind())
    }
}

impl From<Malformed> for EndReason {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0)
    }
}
