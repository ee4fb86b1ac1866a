//! The settings of a journal on Postgres, and the reasons for which there is none.

use std::path::PathBuf;

use super::address::{PostgresUrl, PostgresUrlError};
use crate::outgoing::TrustError;

/// The journal's place.
pub struct PostgresSettings {
    /// The database.
    pub url: PostgresUrl,
    /// The cluster whose journal it is. Its tables are named after it.
    pub cluster: [u8; 16],
    /// The file with the password of the user. It is read again for each connection.
    pub password_file: Option<PathBuf>,
    /// The file with the authorities of the servers' certificates, as PEM. Without it the system's are trusted.
    pub ca_file: Option<PathBuf>,
}

/// The reason why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] PostgresUrlError),
    /// Authorities are named for a connection without TLS.
    #[error("journal-ca-file is set, and the journal's URL says sslmode=disable")]
    NoTls,
    /// The authorities cannot be used.
    #[error("journal-ca-file: {0}")]
    Authorities(#[source] TrustError),
    /// The password cannot be read.
    #[error("{} cannot be read", .file.display())]
    Password {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// No server takes the connection.
    #[error("no server of the journal takes the connection")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server is too old.
    #[error("the journal's server is PostgreSQL {0}; it is to be 13 or newer")]
    Version(String),
    /// The server says that things are on disk before they are.
    #[error("the journal's server has fsync = off: what it says is on disk need not be there")]
    NoSync,
    /// The server does not make the tables.
    #[error("the tables {name} of the journal")]
    Tables {
        /// The name with which theirs begin.
        name: String,
        /// The server's answer, or that there was none.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody made tables of this name in another way.
    #[error("the tables {name} are not those of a journal: {what}")]
    Unlike {
        /// The name with which theirs begin.
        name: String,
        /// The difference.
        what: String,
    },
}
