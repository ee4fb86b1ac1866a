//! Certificates from an authority that speaks ACME (RFC 8555), such as Let's Encrypt: obtained and renewed by
//! the server itself.
//!
//! The authority connects to the very port where the chat is, and asks for a protocol of its own: who answers
//! with the right certificate has the name (TLS-ALPN-01, RFC 8737). The account and the certificate are kept
//! in a directory, so that a restart asks for nothing.

mod cache;
mod error;
mod order;
mod renewal;
mod setting;

pub use error::AcmeError;
pub use renewal::Acme;
pub use setting::{AcmeSettings, Contact, DirectoryUrl, Domain};
