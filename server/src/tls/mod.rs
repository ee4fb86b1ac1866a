//! TLS in the program itself: the certificate and where it comes from, the handshake, and the socket that
//! HTTP is spoken over afterwards.
//!
//! TLS 1.2 and 1.3 by rustls, with aws-lc-rs as the one provider of cryptography. A client that was here
//! before resumes by a ticket; no data is taken before the handshake is over. The certificate can change
//! while connections are open: those keep what they have, and new ones get the new one.

mod acme;
mod certificate;
mod files;
mod handshake;
mod hsts;
mod reading;
mod redirect;
mod sealer;
mod self_signed;
mod server;
mod setting;
mod socket;
mod source;

pub use acme::{Acme, AcmeError, AcmeSettings, Contact, DirectoryUrl, Domain};
pub use certificate::{CertificateError, provider};
pub use files::CertificateFiles;
pub use handshake::{HANDSHAKE_TIMEOUT, Handshake, REFUSED, Secured, shake_hands};
pub use hsts::Hsts;
pub use redirect::answer as redirect;
pub use sealer::{Received, Sealer};
pub use server::{Tls, TlsError};
pub use setting::{RedirectAddress, Switch};
pub use source::CertificateSource;
