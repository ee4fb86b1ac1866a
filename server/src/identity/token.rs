//! Our tokens: claims that the server signed, `base64url(JSON) . base64url(MAC)`.
//!
//! The MAC is a keyed BLAKE3 over the encoded claims. The claims name the version, the key and the purpose
//! beside what they are about; all three must be those by which the MAC was found right. Tokens of earlier
//! releases (version 1) have neither, and a key of their own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::TokenError;
use super::keys::{Purpose, Ring, V1};

/// Longest token that is looked at or made, in bytes; those of guests are about 400.
pub const TOKEN_BYTES_MAX: usize = 3_072;
/// The version of the claims.
const VERSION: u8 = 2;

/// The claims of every token.
#[derive(Serialize, Deserialize)]
struct Frame {
    v: u8,
    /// The number of the key.
    k: u32,
    #[serde(rename = "use")]
    purpose: Purpose,
    /// The time from which the token is void, in milliseconds since the Unix epoch.
    exp: u64,
}

/// All claims of a token. They are read one part after the other: to read both at once each would be copied, and every
/// request has a token.
#[derive(Serialize)]
struct Claims<T> {
    #[serde(flatten)]
    frame: Frame,
    #[serde(flatten)]
    about: T,
}

/// A token that is good.
pub struct Opened<T> {
    /// The number of its key.
    pub key: u32,
    /// The time from which it is void.
    pub expires_at: Timestamp,
    /// Its claims.
    pub about: T,
}

/// Signs a token. Fails when its claims are too long for one.
pub fn seal<T: Serialize>(ring: &Ring, purpose: Purpose, expires_at: Timestamp, about: T) -> Option<String> {
    let key = ring.newest();
    let frame = Frame { v: VERSION, k: key.number, purpose, exp: expires_at.0 };
    let claims = Claims { frame, about };
    let json = serde_json::to_vec(&claims).expect("claims are texts and numbers");
    let mut token = URL_SAFE_NO_PAD.encode(json);
    let mac = key.mac(purpose, token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(mac.as_bytes(), &mut token);
    (token.len() <= TOKEN_BYTES_MAX).then_some(token)
}

/// Reads a token of this purpose.
pub fn open<T: DeserializeOwned>(
    ring: &Ring,
    purpose: Purpose,
    token: &str,
    now: Timestamp,
) -> Result<Opened<T>, TokenError> {
    let (encoded, mac) = parts(token).ok_or(TokenError::FOREIGN)?;
    let signed_by = ring.in_force(now).find(|key| key.mac(purpose, encoded.as_bytes()) == mac);
    let Some(key) = signed_by else { return Err(unsigned(ring, encoded, now)) };
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::FOREIGN)?;
    let frame: Frame = serde_json::from_slice(&json).map_err(|_| TokenError::FOREIGN)?;
    if (frame.v, frame.k, frame.purpose) != (VERSION, key.number, purpose) {
        return Err(TokenError::FOREIGN);
    }
    if frame.exp <= now.0 {
        return Err(TokenError::OLD);
    }
    let about = serde_json::from_slice(&json).map_err(|_| TokenError::FOREIGN)?;
    Ok(Opened { key: key.number, expires_at: Timestamp(frame.exp), about })
}

/// Reads the claims of a token of an earlier release, whatever they say of its end.
pub fn open_v1<T: DeserializeOwned>(ring: &Ring, token: &str) -> Option<(T, blake3::Hash)> {
    let (encoded, mac) = parts(token)?;
    (ring.v1_mac(encoded.as_bytes()) == mac).then_some(())?;
    claims(encoded).map(|claims| (claims, mac))
}

/// Returns the error of a token that no key has signed. What it says of its key is nobody's word, and only
/// chooses the sentence.
fn unsigned(ring: &Ring, encoded: &str, now: Timestamp) -> TokenError {
    #[derive(Deserialize)]
    struct Hint {
        k: Option<u32>,
    }
    let key = claims(encoded).map(|hint: Hint| hint.k.unwrap_or(V1));
    match key {
        Some(key) if key != V1 && ring.is_void(key, now) => TokenError::Revoked(ROTATED),
        _ => TokenError::FOREIGN,
    }
}

/// The reason of a token whose key is void.
pub const ROTATED: &str = "the key that signed it has been retired; POST /api/v1/guests gives a new one";

/// The two parts of a token: the encoded claims, and the MAC, which compares in constant time.
fn parts(token: &str) -> Option<(&str, blake3::Hash)> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (encoded, mac) = token.split_once('.')?;
    let mac: [u8; 32] = URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?;
    Some((encoded, blake3::Hash::from_bytes(mac)))
}

fn claims<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}
