//! Certificates of the server's own making: no browser takes them, and they are not for browsers.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::certificate::provider;

/// A certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// The certificate itself.
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Its key.
    #[error("no key can be made: {0}")]
    Key(#[from] rustls::Error),
}

/// Makes a certificate for these names. `digest` is what an authority looks for in it (RFC 8737).
pub fn self_signed(names: Vec<String>, digest: Option<&[u8]>) -> Result<Arc<CertifiedKey>, SelfSignedError> {
    let mut params = CertificateParams::new(names)?;
    params.custom_extensions = digest.map(CustomExtension::new_acme_identifier).into_iter().collect();
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let private = provider().key_provider.load_private_key(private)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate], private)))
}
