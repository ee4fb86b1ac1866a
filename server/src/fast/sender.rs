//! How a pass reaches the kernel: one write each, or one submission for all.

use super::outlet::Outgoing;
use clap::ValueEnum;
use rustix::net::{SendFlags, send};
use serde::{Deserialize, Serialize};
use std::io;

/// Hands the bytes of a pass to the kernel.
pub trait Sender {
    /// Says for each how many bytes the kernel took. Never waits for a socket.
    fn send(&mut self, batch: &mut [Outgoing]);
}

/// The fast way, or hyper's for all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Plain HTTP/1.1 streams leave hyper.
    On,
    /// All stay.
    Off,
}

/// Which sender is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SenderChoice {
    /// `io_uring` where the kernel allows it.
    Auto,
    /// `io_uring`, or the server does not start.
    Uring,
    /// `write(2)`.
    Write,
}

/// Which sender there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Uring,
    Write,
}

impl Kind {
    /// The word for it in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uring => "io_uring",
            Self::Write => "write",
        }
    }

    /// A sender for one thread. Must be made on that thread. Where the kernel refuses another ring it writes.
    pub fn sender(self) -> Box<dyn Sender> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Uring => match super::uring::Uring::new() {
                Ok(uring) => Box::new(uring),
                Err(error) => {
                    tracing::warn!(%error, "no io_uring for a thread: it writes");
                    Box::new(Write)
                }
            },
            _ => Box::new(Write),
        }
    }
}

/// Chooses by asking the kernel. The error is one sentence for the person who started the server.
pub fn choose(wanted: SenderChoice) -> Result<Kind, String> {
    match (wanted, probe()) {
        (SenderChoice::Write, _) | (SenderChoice::Auto, Err(_)) => Ok(Kind::Write),
        (_, Ok(())) => Ok(Kind::Uring),
        (SenderChoice::Uring, Err(error)) => Err(format!(
            "the kernel allows no io_uring here ({error}); --sender auto takes it where it is allowed"
        )),
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

/// One `send` each. (A process of Rust's ignores the signal that comes when the peer is gone.)
pub struct Write;

impl Sender for Write {
    fn send(&mut self, batch: &mut [Outgoing]) {
        for outgoing in batch {
            outgoing.taken =
                send(&outgoing.line.socket, &outgoing.bytes, SendFlags::DONTWAIT).map_err(Into::into);
        }
    }
}
