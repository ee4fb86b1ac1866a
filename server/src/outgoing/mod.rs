//! Calls that the server makes to others: to the providers of a sign-in, to the sites whose keys it reads.
//!
//! [`Outgoing::call`] promises an end: within its time, with no more bytes than its caller allows, and never at
//! an address that the answer names instead (a redirect is an error). It speaks TLS, and plain HTTP with this
//! machine alone. What an answer means is its caller's business. Certificates are asked
//! for by [`crate::https_client`], which the operator's own commands use too.

mod bounds;
mod call;
mod error;
mod exchange;
mod host;
mod trust;

pub use bounds::Bounds;
pub use call::Outgoing;
pub use error::CallError;
pub use host::{Host, HostError, check_address, is_global};
pub use trust::{Trust, TrustError};

#[cfg(test)]
pub mod tests;
