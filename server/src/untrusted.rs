//! Certificates of an authority that nobody here knows, told apart from other failures of a connection: they
//! are the ones that a setting mends.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Returns true if a connection has failed because nobody who is trusted has signed the certificate.
pub fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    let of_tls = match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        None => error.downcast_ref(),
    };
    // An authority that was made again has the name of the one before, and another key.
    matches!(
        of_tls,
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature
        ))
    )
}
