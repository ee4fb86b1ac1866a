//! Reasons why there is no certificate.

use std::io;
use std::path::PathBuf;

use crate::https_client::RootsError;
use crate::tls::certificate::CertificateError;
use crate::tls::self_signed::SelfSignedError;

/// The word by which an authority refuses a nonce, which says nothing about the request.
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// A certificate could not be obtained.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority refused something, or cannot be reached.
    #[error("the authority: {0}")]
    Authority(#[from] instant_acme::Error),
    /// The authority knows no challenge that this server can answer.
    #[error("the authority offers no challenge tls-alpn-01 for {0}")]
    NoChallenge(String),
    /// The authority did not reach the server, or somebody else.
    #[error("the authority did not find {domain} here: {reason}")]
    NotHere {
        /// The name.
        domain: String,
        /// The authority's reason.
        reason: String,
    },
    /// The order has ended otherwise than it should.
    #[error("the authority gave up the order without a reason")]
    Invalid,
    /// The answer to the challenge cannot be made.
    #[error("no certificate for the challenge: {0}")]
    Challenge(#[from] SelfSignedError),
    /// The certificate of the authority is of no use.
    #[error("the certificate of the authority: {0}")]
    Certificate(#[from] CertificateError),
    /// A new certificate cannot be written.
    #[error("a new certificate is in use, and the next start will not have it: {path}: {source}")]
    NotKept {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A new certificate is to be renewed as soon as it is there.
    #[error("a new certificate is in use, and due for renewal already")]
    Due,
    /// The cache cannot be used.
    #[error("{path}: {source}")]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The file of the account is damaged.
    #[error("{path} holds no account: {source}; remove it for a new one")]
    Account {
        /// The file.
        path: PathBuf,
        /// The library's error.
        #[source]
        source: serde_json::Error,
    },
    /// The authorities by which the authority itself is known are missing.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

impl AcmeError {
    /// Returns true if there is a new certificate in use all the same.
    pub fn is_of_one_in_use(&self) -> bool {
        matches!(self, Self::NotKept { .. } | Self::Due)
    }

    /// Returns true if the authority refused a nonce: then the same can be asked again at once.
    pub fn is_bad_nonce(&self) -> bool {
        match self {
            Self::Authority(instant_acme::Error::Api(problem)) => {
                problem.r#type.as_deref() == Some(BAD_NONCE)
            }
            _ => false,
        }
    }
}
