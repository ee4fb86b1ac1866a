//! The token: claims that the server signed, `base64url(JSON) . base64url(MAC)`.
//!
//! The MAC is a keyed BLAKE3 over the encoded claims, with a key derived for this one purpose from the
//! log's signing key. Whoever holds the token is who it says; nothing about it is stored, so it cannot be
//! taken back before it expires.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::{Author, AuthorKind, Timestamp};
use serde::{Deserialize, Serialize};

/// Lifetime of a token: a year.
pub(super) const LIFETIME_SECONDS: u64 = 365 * 24 * 60 * 60;
/// Longest token that is looked at, in bytes; ours are about 400.
const TOKEN_BYTES_MAX: usize = 2_048;
/// Separates this use of the log's key from every other one.
const KEY_CONTEXT: &str = "millchat 2026-11-23 author tokens v1";

/// Why a request is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request has no token.
    #[error("this needs a token: send `Authorization: Bearer TOKEN`; POST /api/v1/guests gives one")]
    Missing,
    /// This server did not sign it.
    #[error(
        "the token was not issued by this server, or it was changed; POST /api/v1/guests gives a new one"
    )]
    Forged,
    /// Its year is over.
    #[error("the token has expired; POST /api/v1/guests gives a new one")]
    Expired,
}

/// The claims of a token.
#[derive(Serialize, Deserialize)]
struct Claims {
    id: String,
    name: String,
    kind: String,
    /// Seconds since the Unix epoch after which the token is void.
    exp: u64,
}

/// The key that signs.
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn derive(signing_key: &[u8; 32]) -> Self {
        Self(blake3::derive_key(KEY_CONTEXT, signing_key))
    }

    pub(super) fn sign(&self, author: &Author, expires_at_seconds: u64) -> String {
        let claims = Claims {
            id: author.id.to_string(),
            name: author.name.to_string(),
            kind: author.kind.as_str().to_owned(),
            exp: expires_at_seconds,
        };
        let json = serde_json::to_vec(&claims).expect("claims are strings and a number");
        let mut token = URL_SAFE_NO_PAD.encode(json);
        let mac = blake3::keyed_hash(&self.0, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(mac.as_bytes(), &mut token);
        token
    }

    /// Returns the author, and the end of the token.
    pub(super) fn verify(&self, token: &str, now_seconds: u64) -> Result<(Author, Timestamp), TokenError> {
        self.verify_until(token, now_seconds)
            .map(|(author, left)| (author, Timestamp(now_seconds.saturating_add(left).saturating_mul(1_000))))
    }

    /// Returns for how many seconds the token is good, too.
    pub(super) fn verify_until(&self, token: &str, now_seconds: u64) -> Result<(Author, u64), TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        let (author, exp) = self.read(token).ok_or(TokenError::Forged)?;
        if exp <= now_seconds { Err(TokenError::Expired) } else { Ok((author, exp - now_seconds)) }
    }

    fn read(&self, token: &str) -> Option<(Author, u64)> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (claims, mac) = token.split_once('.')?;
        let mac: [u8; 32] = URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?;
        // `blake3::Hash` compares in constant time.
        if blake3::keyed_hash(&self.0, claims.as_bytes()) != blake3::Hash::from_bytes(mac) {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let kind = [AuthorKind::Guest, AuthorKind::User, AuthorKind::Bot]
            .into_iter()
            .find(|kind| kind.as_str() == claims.kind)?;
        Some((Author { id: claims.id.into(), name: claims.name.into(), kind }, claims.exp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Author {
        Author { id: "g_x".into(), name: "Ada \u{1f600}".into(), kind: AuthorKind::Guest }
    }

    #[test]
    fn a_token_gives_its_author_back_until_it_expires() {
        let key = Key::derive(&[7; 32]);
        let token = key.sign(&ada(), 1_000);
        assert_eq!(key.verify(&token, 999), Ok((ada(), Timestamp(1_000_000))));
        assert_eq!(key.verify(&token, 1_000), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_that_was_touched_is_forged() {
        let key = Key::derive(&[7; 32]);
        let token = key.sign(&ada(), 1_000);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(bytes).unwrap();
            assert_eq!(key.verify(&touched, 0), Err(TokenError::Forged), "byte {at}");
        }
        for other in ["x", ".", "x.y", &token[1..], &format!("{token}A"), &"x".repeat(100_000)] {
            assert_eq!(key.verify(other, 0), Err(TokenError::Forged));
        }
        assert_eq!(Key::derive(&[8; 32]).verify(&token, 0), Err(TokenError::Forged));
    }
}
