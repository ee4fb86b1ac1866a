//! The settings of a journal on JetStream, and the reasons for which there is none.

use std::path::PathBuf;

/// The journal's place.
pub struct JetStreamSettings {
    /// The addresses of all servers, `nats://HOST:PORT` or `tls://HOST:PORT`, at most 9.
    pub servers: Vec<String>,
    /// The cluster whose journal it is. The stream is named after it.
    pub cluster: [u8; 16],
    /// The file with the seed of the key by which the nodes sign in (an nkey of a user).
    pub nkey_file: Option<PathBuf>,
    /// The file with the authorities of the servers' certificates, as PEM. Without it the system's are trusted.
    pub ca_file: Option<PathBuf>,
}

/// The reason why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JetStreamError {
    /// The list of servers is empty or too long.
    #[error("the journal has {0} servers; 1 to 9 are possible")]
    Servers(usize),
    /// The address of a server has another form.
    #[error("{address} is not the address of a NATS server, which is nats://HOST:PORT or tls://HOST:PORT")]
    Address {
        /// The address.
        address: String,
        /// The client's error.
        #[source]
        source: std::io::Error,
    },
    /// The key cannot be read.
    #[error("{file} cannot be read")]
    Nkey {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// No server takes the connection.
    #[error("no server of the journal takes the connection")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The servers take only smaller messages.
    #[error("the journal's servers take messages of {0} bytes; set max_payload to 1MB")]
    Payload(usize),
    /// The servers do not keep the stream.
    #[error("the stream {name} of the journal: {why}")]
    Stream {
        /// Its name.
        name: String,
        /// The answer of the servers, or that there was none.
        why: String,
    },
    /// Somebody made a stream of this name with other settings.
    #[error("the stream {name} exists with other settings: {what}")]
    Unlike {
        /// Its name.
        name: String,
        /// The setting and the value that it must have.
        what: &'static str,
    },
}
