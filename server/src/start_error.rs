//! Reasons why the server does not start, each a sentence for the person who started it.

use std::io;
use std::net::SocketAddr;

use millchat::OpenError;

use crate::identity::operator::AdminTokenError;

/// The server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file with the settings is not there.
    #[error("there is no settings file {0}")]
    NoSettingsFile(String),
    /// A setting is wrong.
    #[error("{sentence}")]
    Settings {
        /// The faults, each with the name of its setting.
        sentence: String,
        /// The library's error.
        #[source]
        source: Box<figment::Error>,
    },
    /// The admin token is set in two ways.
    #[error("admin-token and admin-token-file are both set: leave one out")]
    TwoAdminTokens,
    /// The admin token cannot be read.
    #[error(transparent)]
    AdminToken(#[from] AdminTokenError),
    /// The kernel allows no `io_uring`, which was asked for.
    #[error("the kernel allows no io_uring here ({0}); --stream-writer auto takes it where it is allowed")]
    NoUring(#[source] io::Error),
    /// The address cannot be listened on.
    #[error("{}", listen_sentence(*address, source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The storage panicked on the pages of a damaged log.
    #[error("{0} cannot be opened; RUST_LOG=debug shows where it failed, `millchat check {0}` what is wrong")]
    DamagedLog(String),
}

fn listen_sentence(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken by another process; stop it, or listen elsewhere with --address IP:PORT \
             (port 0 takes a free one)"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "{address} may not be listened on by this user; take a port of 1024 or more with --address"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is not an address of this machine; 0.0.0.0 is every one it has")
        }
        _ => format!("{address} cannot be listened on: {error}"),
    }
}
