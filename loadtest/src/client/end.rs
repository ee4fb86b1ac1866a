//! The reason for which a reader's connection ended.

use std::io;

use crate::client::http::Malformed;

/// Why a connection ended.
#[derive(Debug)]
pub enum End {
    /// The server closed it.
    Closed,
    /// The socket failed.
    Failed(io::ErrorKind),
    /// The server answered something other than a stream.
    Status(u16),
    /// What it sent could not be read.
    Malformed(&'static str),
}

impl End {
    /// The kind of error that it counts as.
    pub fn kind(&self) -> String {
        match self {
            Self::Closed => "stream closed by the server".to_owned(),
            Self::Failed(kind) => format!("stream: {kind}"),
            Self::Status(status) => format!("join answered {status}"),
            Self::Malformed(what) => format!("stream: {what}"),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.kind())
    }
}

impl From<Malformed> for End {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0)
    }
}
