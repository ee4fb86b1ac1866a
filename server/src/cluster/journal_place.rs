//! The journal of the settings, and the connection to its engine.

use std::path::PathBuf;
use std::sync::Arc;

use millchat::cluster::Journal;

use crate::cluster::jetstream::{JetStream, JetStreamError, JetStreamSettings};
use crate::cluster::postgres::{Postgres, PostgresError, PostgresSettings, PostgresUrl, PostgresUrlError};

/// The place of a journal: the servers of its engine, and the files by which a node gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalPlace {
    engine: Engine,
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Engine {
    JetStream { servers: Vec<String>, nkey_file: Option<PathBuf> },
    Postgres { url: PostgresUrl, password_file: Option<PathBuf> },
}

/// The settings of a journal, as they are written.
pub struct JournalSettings<'a> {
    /// The addresses.
    pub journal: &'a [String],
    /// The file with the seed of the key by which NATS knows the node.
    pub nkey_file: Option<&'a PathBuf>,
    /// The file with the password by which Postgres does.
    pub password_file: Option<&'a PathBuf>,
    /// The file with the authorities of the servers.
    pub ca_file: Option<&'a PathBuf>,
}

/// The settings are not those of a journal. No address is told: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum JournalPlaceError {
    /// There is more than one journal.
    #[error(
        "journal names the servers of NATS or one Postgres database, and not both or two; a database at more than one \
         server is one address: postgres://USER@HOST:PORT,HOST:PORT/DATABASE"
    )]
    Mixed,
    /// The address of the database cannot be used.
    #[error(transparent)]
    Url(#[from] PostgresUrlError),
    /// A key of NATS for Postgres.
    #[error(
        "journal-nkey-file is for NATS, and journal is a Postgres database: that wants journal-password-file"
    )]
    Nkey,
    /// A password for NATS.
    #[error("journal-password-file is for Postgres, and journal is NATS: that wants journal-nkey-file")]
    Password,
}

impl JournalPlaceError {
    /// Returns the setting that the error is about.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Mixed | Self::Url(_) => "journal",
            Self::Nkey => "journal-nkey-file",
            Self::Password => "journal-password-file",
        }
    }
}

/// The reason why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Of NATS.
    #[error(transparent)]
    JetStream(#[from] JetStreamError),
    /// Of Postgres.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

impl EngineError {
    /// Returns true if the same may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::JetStream(error) => {
                matches!(error, JetStreamError::Connect(_) | JetStreamError::Stream { .. })
            }
            Self::Postgres(error) => {
                matches!(error, PostgresError::Connect(_) | PostgresError::Tables { .. })
            }
        }
    }
}

impl JournalPlace {
    /// Checks that the settings are those of one journal.
    pub fn of(settings: &JournalSettings<'_>) -> Result<Self, JournalPlaceError> {
        let JournalSettings { journal, nkey_file, password_file, ca_file } = *settings;
        // A flag and a variable are split at the commas that stand between the servers of a database too.
        let whole = journal.join(",");
        let engine = if PostgresUrl::is_meant(&whole) {
            if whole.matches("://").count() > 1 {
                return Err(JournalPlaceError::Mixed);
            }
            if nkey_file.is_some() {
                return Err(JournalPlaceError::Nkey);
            }
            Engine::Postgres { url: whole.parse()?, password_file: password_file.cloned() }
        } else if journal.iter().any(|address| PostgresUrl::is_meant(address)) {
            return Err(JournalPlaceError::Mixed);
        } else if password_file.is_some() {
            return Err(JournalPlaceError::Password);
        } else {
            Engine::JetStream { servers: journal.to_vec(), nkey_file: nkey_file.cloned() }
        };
        Ok(Self { engine, ca_file: ca_file.cloned() })
    }

    /// Connects to the journal of a cluster. Its tasks run where this is called.
    pub async fn connect(&self, cluster: [u8; 16]) -> Result<Arc<dyn Journal>, EngineError> {
        let ca_file = self.ca_file.clone();
        Ok(match self.engine.clone() {
            Engine::JetStream { servers, nkey_file } => Arc::new(
                JetStream::connect(JetStreamSettings { servers, cluster, nkey_file, ca_file }).await?,
            ),
            Engine::Postgres { url, password_file } => {
                Arc::new(Postgres::connect(PostgresSettings { url, cluster, password_file, ca_file }).await?)
            }
        })
    }
}
