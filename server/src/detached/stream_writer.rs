//! The choice of the writer of streams: the setting, and its resolution on this machine.

use std::io;

use clap::ValueEnum;
use serde::Deserialize;

use super::backend::{Write, WriteBackend};
use crate::start_error::StartError;

/// The writer of the bytes of streams over plain HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum StreamWriter {
    /// `io_uring` where the kernel allows it, else `write(2)`.
    Auto,
    /// `io_uring`, or the server does not start.
    Uring,
    /// `write(2)`.
    Write,
    /// hyper: no stream leaves it.
    Hyper,
}

impl StreamWriter {
    /// Decides by asking the kernel; never gives [`StreamWriter::Auto`].
    pub fn resolve(self) -> Result<Self, StartError> {
        match self {
            Self::Auto => Ok(if probe().is_ok() { Self::Uring } else { Self::Write }),
            Self::Uring => probe().map(|()| Self::Uring).map_err(StartError::NoUring),
            Self::Write | Self::Hyper => Ok(self),
        }
    }

    /// The word for it in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uring => "io_uring",
            Self::Write => "write",
            Self::Hyper => "hyper",
        }
    }

    /// Makes the backend of one thread, which hands bytes of detached streams to the kernel; `None` when none
    /// leaves hyper. Must be made on that thread. Where the kernel refuses another ring it writes.
    pub fn backend(self) -> Option<Box<dyn WriteBackend>> {
        match self {
            Self::Hyper => None,
            #[cfg(target_os = "linux")]
            Self::Uring => match super::uring::Uring::new() {
                Ok(uring) => Some(Box::new(uring)),
                Err(error) => {
                    tracing::warn!(%error, "no io_uring for a thread: it writes");
                    Some(Box::new(Write))
                }
            },
            _ => Some(Box::new(Write)),
        }
    }
}

#[cfg(target_os = "linux")]
fn probe() -> io::Result<()> {
    super::uring::Uring::probe()
}

#[cfg(not(target_os = "linux"))]
fn probe() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
