//! Tokens that an embedding site signs for its own users: JWTs, checked by a secret, a public key, or the keys
//! at an address of the site.

mod claims;
mod jwks;
mod key;
mod settings;
#[cfg(test)]
mod tests;
mod verify;

pub use claims::is_jwt;
pub use jwks::{Count, Fetched};
pub use settings::{Site, SiteError, SiteTable, check_names, sites};
pub use verify::Sites;
