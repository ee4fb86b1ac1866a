//! A certificate with its key, read from PEM, and what a person must know when it is of no use.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Largest file of a certificate or a key that is read, in bytes. A chain has a few KiB.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A certificate that can be served, with its chain and its key.
#[derive(Debug)]
pub struct Certificate {
    /// The chain and the key.
    pub key: CertifiedKey,
    /// The first moment at which clients take it.
    pub not_before: Timestamp,
    /// The last moment at which clients take it.
    pub not_after: Timestamp,
}

/// A certificate and a key that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A file is none of certificates or keys.
    #[error("{file} has more than {FILE_BYTES_MAX} bytes, so it holds no certificate and no key")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// The text is not PEM.
    #[error("{file} is not PEM: {source}")]
    NotPem {
        /// The file.
        file: String,
        /// The library's error.
        #[source]
        source: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{file} holds no certificate; it is to begin with -----BEGIN CERTIFICATE-----")]
    NoCertificate {
        /// The file.
        file: String,
    },
    /// There is no key in the file.
    #[error("{file} holds no key that is not encrypted; it is to hold -----BEGIN PRIVATE KEY-----")]
    NoKey {
        /// The file.
        file: String,
    },
    /// The first certificate cannot be read.
    #[error("the first certificate of {file} is not one of X.509: {source}")]
    NotX509 {
        /// The file.
        file: String,
        /// The library's error.
        #[source]
        source: x509_parser::error::X509Error,
    },
    /// The key is another certificate's.
    #[error("the key of {key} does not belong to the first certificate of {certificate}")]
    Mismatch {
        /// The file of the certificate.
        certificate: String,
        /// The file of the key.
        key: String,
    },
    /// The library does not take the key.
    #[error("the key of {key} cannot be used: {source}")]
    Unusable {
        /// The file of the key.
        key: String,
        /// The library's error.
        #[source]
        source: rustls::Error,
    },
}

/// The texts of the two files.
#[derive(PartialEq, Eq)]
pub struct Texts {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Texts {
    /// Reads the two files.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    /// Takes one text in which both are.
    pub fn both(text: Vec<u8>) -> Self {
        Self { certificate: text.clone(), key: text }
    }
}

impl Certificate {
    /// Makes it of the texts of two files, whose names the errors need.
    pub fn of(texts: &Texts, certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&texts.certificate).collect();
        let chain = chain.map_err(|source| CertificateError::NotPem { file: certificate.clone(), source })?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate { file: certificate });
        }
        let private = PrivateKeyDer::from_pem_slice(&texts.key).map_err(|source| match source {
            pem::Error::NoItemsFound => CertificateError::NoKey { file: key.clone() },
            source => CertificateError::NotPem { file: key.clone(), source },
        })?;
        Self::new(chain, private, &certificate, &key)
    }

    /// Makes it of a chain and its key; the names are those of their origins, for errors.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        private: PrivateKeyDer<'static>,
        certificate: &str,
        key: &str,
    ) -> Result<Self, CertificateError> {
        let (not_before, not_after) = match chain.first().map(|first| X509Certificate::from_der(first)) {
            Some(Ok((_, first))) => {
                let validity = first.validity();
                (validity.not_before.timestamp(), validity.not_after.timestamp())
            }
            Some(Err(error)) => {
                let source = match error {
                    x509_parser::nom::Err::Error(source) | x509_parser::nom::Err::Failure(source) => source,
                    x509_parser::nom::Err::Incomplete(_) => x509_parser::error::X509Error::InvalidCertificate,
                };
                return Err(CertificateError::NotX509 { file: certificate.to_owned(), source });
            }
            None => return Err(CertificateError::NoCertificate { file: certificate.to_owned() }),
        };
        let key = CertifiedKey::from_der(chain, private, &provider()).map_err(|source| match source {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                CertificateError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
            }
            source => CertificateError::Unusable { key: key.to_owned(), source },
        })?;
        let timestamp = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        Ok(Self { key, not_before: timestamp(not_before), not_after: timestamp(not_after) })
    }

    /// Returns true if no client takes it any more.
    pub fn is_expired(&self) -> bool {
        self.not_after < Timestamp::now()
    }
}

/// The one provider of cryptography.
pub fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let file = || path.display().to_string();
    let unreadable = |source| CertificateError::Unreadable { file: file(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(CertificateError::TooLarge { file: file() });
    }
    fs::read(path).map_err(unreadable)
}
