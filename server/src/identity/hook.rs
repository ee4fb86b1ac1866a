//! Incoming webhooks, as those who post by them: the token in the address says who, and the room. The secrets by which
//! their requests are signed follow from the log's signing key, which is never rotated, so none is stored.

use super::person::Person;

/// Derives the key of the secrets from the log's signing key.
const CONTEXT: &str = "millchat 2026-11-29 secrets of incoming webhooks";

/// Somebody who posts by an incoming webhook.
pub struct HookHolder {
    /// The program.
    pub person: Person,
    /// The one room in which it posts.
    pub room: String,
    /// The secret by which each request must be signed, if it must.
    pub secret: Option<[u8; 32]>,
}

/// Returns the secret of the incoming webhook whose token has this id.
pub fn secret(signing_key: &[u8; 32], id: &str) -> [u8; 32] {
    *blake3::keyed_hash(&blake3::derive_key(CONTEXT, signing_key), id.as_bytes()).as_bytes()
}
