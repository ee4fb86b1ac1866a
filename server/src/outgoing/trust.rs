//! The authorities whose certificates the server believes when it calls.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::tls::provider;

/// The authorities whose certificates are believed: those of the system, or those of a file.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// A file of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read, or is no PEM.
    #[error("the certificates cannot be read from {}: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of reading.
        #[source]
        source: pem::Error,
    },
    /// A certificate of the file is none.
    #[error("{}: {source}", .file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The library's error.
        #[source]
        source: rustls::Error,
    },
    /// There is no certificate in the file.
    #[error("{}: there is no certificate in it; it has them as `-----BEGIN CERTIFICATE-----`", .0.display())]
    Empty(PathBuf),
}

impl Trust {
    /// Those of the system. They are read once in the life of the process.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Trust> = OnceLock::new();
        let read = || {
            let found = rustls_native_certs::load_native_certs();
            if found.certs.is_empty() {
                let errors = found.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                tracing::warn!(errors, "this system has no certificates of authorities: calls by https fail");
            }
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.certs);
            Self::new(roots)
        };
        SYSTEM.get_or_init(read).clone()
    }

    /// Those of a PEM file, and no others.
    pub fn file(path: &Path) -> Result<Self, TrustError> {
        let file = || path.to_owned();
        let unreadable = |source| TrustError::Unreadable { file: file(), source };
        let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            let certificate = certificate.map_err(unreadable)?;
            roots.add(certificate).map_err(|source| TrustError::Invalid { file: file(), source })?;
        }
        if roots.is_empty() { Err(TrustError::Empty(file())) } else { Ok(Self::new(roots)) }
    }

    fn new(roots: RootCertStore) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has what both versions of TLS need")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }

    /// Returns the client of TLS that believes them.
    pub fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust(…)")
    }
}
