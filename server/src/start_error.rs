//! Reasons why the server does not start, each a sentence for the person who started it.

use std::io;
use std::net::SocketAddr;

use millchat::OpenError;

use crate::bot::settings::BotError;
use crate::cluster::{EngineError, NodeSettingsError, SecretError};
use crate::identity::operator::AdminTokenError;
use crate::identity::site::SiteError;
use crate::listen_address::AdminAddress;
use crate::origin::Origins;
use crate::outgoing::TrustError;
use crate::program_id::ProgramError;
use crate::sign_in::LoginError;
use crate::tls::{AcmeError, CertificateError, TlsError};
use crate::webhook::settings::WebhookError;

/// The server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file with the settings is not there, or cannot be read.
    #[error("the settings file {file} cannot be read: {source}")]
    NoSettingsFile {
        /// The file.
        file: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A setting is wrong.
    #[error("{sentence}")]
    Settings {
        /// The faults, each with its line and the name of its setting.
        sentence: String,
        /// The library's error about the first of them.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The admin token is set in two ways.
    #[error("admin-token and admin-token-file are both set: leave one out{token}{file}")]
    TwoAdminTokens {
        /// The origin of the token, as words.
        token: String,
        /// The origin of the file's name, as words.
        file: String,
    },
    /// The admin token cannot be read.
    #[error("{source}{origin}")]
    AdminToken {
        /// The reason.
        #[source]
        source: AdminTokenError,
        /// The origin of the file's name, as words.
        origin: String,
    },
    /// The logins do not fit together, or not to the public address.
    #[error("{0}")]
    Logins(String),
    /// A login cannot be used.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// A table of a site cannot be used.
    #[error("{0}")]
    Site(#[from] SiteError),
    /// The programs of the settings do not fit together.
    #[error("{0}")]
    Program(#[from] ProgramError),
    /// A bot cannot be used.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// A table of a webhook cannot be used.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The settings are not those of a node of many.
    #[error(transparent)]
    Node(#[from] NodeSettingsError),
    /// No key can be made of the secret of a cluster.
    #[error(transparent)]
    ClusterSecret(#[from] SecretError),
    /// The journal of a cluster cannot be used.
    #[error("{}", with_source(.0))]
    Journal(#[from] EngineError),
    /// The address for the other nodes cannot be listened on.
    #[error("this node cannot listen on {address} for the other nodes: {source}")]
    PeerListen {
        /// The address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// The log of a node of many is that of a single one.
    #[error(
        "{0} is the log of a single node: `millchat cluster begin {0}` makes it the beginning of a cluster; if this          node is to take a copy of another node's log instead, move the file away"
    )]
    SingleLog(String),
    /// The certificates of the authorities that a site's address is checked by cannot be read.
    #[error("[[site]] ca-file: {0}")]
    Authorities(#[from] TrustError),
    /// The system refuses what the main thread needs.
    #[error("the main thread cannot wait for connections and signals: {0}")]
    NoRuntime(#[source] io::Error),
    /// The kernel allows no `io_uring`, which was asked for.
    #[error("the kernel allows no io_uring here ({0}); --stream-writer auto takes it where it is allowed")]
    NoUring(#[source] io::Error),
    /// The service manager passes a socket, and the settings have another address.
    #[error(
        "the service manager passes a socket on {passed}, and the settings say {address}: leave out address, \
         or give the socket unit this ListenStream="
    )]
    TwoAddresses {
        /// The address of the socket.
        passed: SocketAddr,
        /// The address of the settings.
        address: SocketAddr,
    },
    /// The service manager passes more sockets than are served.
    #[error(
        "the service manager passes {count} sockets, and one is served: leave one ListenStream= in the unit; \
         in a drop-in, an empty ListenStream= before it takes away that of the unit"
    )]
    ManySockets {
        /// The number of the sockets.
        count: usize,
    },
    /// The socket of the service manager cannot be served.
    #[error(
        "the socket that the service manager passes cannot be served: {0}; the unit is to say ListenStream= \
         with an IP address and a port, and not Accept=yes"
    )]
    PassedSocket(#[source] io::Error),
    /// The address cannot be listened on.
    #[error("{}", listen_sentence(*address, source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// The address of the admin listener cannot be listened on.
    #[error("{}", admin_listen_sentence(address, source))]
    AdminListen {
        /// The address.
        address: AdminAddress,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The address of the redirect cannot be listened on.
    #[error(
        "the redirect cannot listen on {address}: {source}{}; choose another address with --redirect, or off",
        capability_hint(source)
    )]
    RedirectListen {
        /// The address.
        address: SocketAddr,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// A setting of TLS without the one that it belongs to.
    #[error("{set} is set, and {missing} is not: one is of no use without the other{origin}")]
    TlsHalf {
        /// The setting that is there.
        set: &'static str,
        /// The setting that is not.
        missing: &'static str,
        /// The origin of the one that is there, as words.
        origin: String,
    },
    /// A certificate from two sources.
    #[error("acme and tls-certificate are both set: leave one out{acme}{files}")]
    TwoCertificates {
        /// The origin of the one, as words.
        acme: String,
        /// The origin of the other, as words.
        files: String,
    },
    /// A certificate that is obtained has no place to stay.
    #[error("the log does not outlive the process, so acme needs acme-cache, a directory{origin}")]
    NoCache {
        /// The origin of the setting, as words.
        origin: String,
    },
    /// Nothing can be obtained from an authority.
    #[error("no certificate can be obtained: {0}")]
    Acme(#[from] AcmeError),
    /// A redirect has nowhere to lead to.
    #[error("redirect leads to public-url, which is to be an address with https://{origin}")]
    RedirectNowhere {
        /// The origin of the setting, as words.
        origin: String,
    },
    /// The certificate cannot be served.
    #[error("no TLS: {0}")]
    Certificate(#[from] CertificateError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The log cannot be opened.
    #[error("{}", log_sentence(.0))]
    Log(#[from] OpenError),
    /// The storage panicked on the pages of a damaged log.
    #[error(
        "{0} cannot be opened; RUST_LOG=debug shows where it failed, `millchat check {0}` what is wrong, and \
         `millchat backup --skip-damaged {0} OUT` saves what can be read"
    )]
    DamagedLog(String),
}

impl StartError {
    /// Returns the setting that the error is about, unless its sentence names the origin already.
    fn setting(&self) -> Option<&'static str> {
        match self {
            Self::NoSettingsFile { .. } => Some("config"),
            Self::Settings { .. }
            | Self::TwoAdminTokens { .. }
            | Self::AdminToken { .. }
            | Self::ManySockets { .. }
            | Self::PassedSocket(_)
            | Self::TlsHalf { .. }
            | Self::TwoCertificates { .. }
            | Self::NoCache { .. }
            | Self::RedirectNowhere { .. }
            | Self::Tls(_)
            | Self::Authorities(_)
            | Self::NoRuntime(_) => None,
            Self::Logins(_) | Self::Login(_) => Some("login"),
            Self::Site(_) => Some("site"),
            Self::Bot(_) => Some("bot"),
            Self::Program(_) | Self::Webhook(_) => Some("webhook"),
            Self::NoUring(_) => Some("stream-writer"),
            Self::Listen { .. } | Self::TwoAddresses { .. } => Some("address"),
            Self::AdminListen { .. } => Some("admin-address"),
            Self::RedirectListen { .. } => Some("redirect"),
            Self::Certificate(_) => Some("tls-certificate"),
            Self::Acme(_) => Some("acme"),
            Self::Node(error) => Some(error.setting()),
            Self::ClusterSecret(_) => Some("cluster-secret-file"),
            Self::Journal(_) => Some("journal"),
            Self::PeerListen { .. } => Some("peer-address"),
            Self::Log(_) | Self::DamagedLog(_) | Self::SingleLog(_) => Some("log"),
        }
    }

    /// Returns the words that name the origin of the setting, to stand behind the sentence.
    pub fn told(&self, origins: &Origins) -> String {
        self.setting().map(|setting| origins.told(setting)).unwrap_or_default()
    }
}

fn log_sentence(error: &OpenError) -> String {
    match error {
        OpenError::Damaged { path, .. } => format!(
            "{error}, or save what can be read with `millchat backup --skip-damaged {path} OUT` and serve OUT"
        ),
        error => error.to_string(),
    }
}

fn admin_listen_sentence(address: &AdminAddress, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "the address of the admin listener, {address}, is taken by another process; stop it, or take another with \
             --admin-address"
        ),
        _ => format!("the admin listener cannot listen on {address}: {error}"),
    }
}

/// The way to a port that is refused for its number.
fn capability_hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        ": a port below 1024 needs the capability CAP_NET_BIND_SERVICE (uncomment AmbientCapabilities= and \
         CapabilityBoundingSet= of the systemd unit)"
    } else {
        ""
    }
}

/// The sentence of an error, and that of the one behind it.
pub(crate) fn with_source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn listen_sentence(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken by another process; stop it, or listen elsewhere with --address IP:PORT \
             (port 0 takes a free one)"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "{address} may not be listened on by this user{}; where no certificate is obtained by acme, you \
             may take a port of 1024 or more instead, with --address",
            capability_hint(error)
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is not an address of this machine; 0.0.0.0 is every one it has")
        }
        _ => format!("{address} cannot be listened on: {error}"),
    }
}
