//! The header and the claims of a token of a site (JWT), read strictly and held against the contract.
//!
//! Everything is checked here that a library for JWT may pass over: `crit`, `iat` and `nbf` in the future, a
//! lifetime that is too long, an empty `sub`, a claim that is there twice.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::error::TokenError;
use super::super::grants;

/// Longest token of a site, in bytes.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// Longest `sub`, in bytes.
const SUB_BYTES_MAX: usize = 255;
/// Most groups.
const GROUPS_MAX: usize = 32;
/// Difference of clocks that is forgiven, in seconds.
pub const LEEWAY_SECONDS: u64 = 60;
/// Longest time until a token expires, in seconds.
pub const LIFETIME_SECONDS_MAX: u64 = 24 * 60 * 60;

/// The header. `jku`, `x5u` and `jwk` are not looked at.
#[derive(Deserialize)]
pub struct Header {
    /// The algorithm.
    pub alg: String,
    /// The name of the key.
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// The claims. Others are passed over.
#[derive(Deserialize)]
pub struct Claims {
    /// The site.
    #[serde(default)]
    pub iss: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    exp: Option<Seconds>,
    #[serde(default)]
    nbf: Option<Seconds>,
    #[serde(default)]
    iat: Option<Seconds>,
    /// The user's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another name of theirs.
    #[serde(default)]
    pub preferred_username: Option<String>,
    /// Their groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Their rights by room.
    #[serde(default)]
    pub rooms: Option<BTreeMap<String, String>>,
}

/// A moment, in seconds since the Unix epoch; a fraction is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(value)?;
        if seconds.is_finite() && seconds >= 0.0 {
            // Whole seconds are far below 2^53.
            #[allow(clippy::cast_sign_loss, reason = "it is not negative")]
            return Ok(Self(seconds as u64));
        }
        Err(serde::de::Error::custom("a time is a number of seconds"))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

fn is_there<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(value).map(|_| true)
}

/// The parts of a token.
pub struct Parts<'a> {
    /// The part that is signed.
    pub signed: &'a str,
    /// The signature, as base64url.
    pub signature: &'a str,
    /// The header.
    pub header: Header,
    /// The claims, as the token says them: nobody has vouched for them yet.
    pub claims: Claims,
}

/// Returns true if a text has the form of a token of a site.
pub fn is_jwt(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Reads the parts of a token.
pub fn read(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed("a site's token is at most 4,096 bytes"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(NO_JWT)?;
    let (header, claims) = signed.split_once('.').ok_or(NO_JWT)?;
    let header: Header = part(header)
        .ok_or(TokenError::Malformed("its header is no JSON object with `alg` as a text, each name once"))?;
    if header.crit {
        return Err(TokenError::Malformed("its header has `crit`, which is not taken"));
    }
    let claims = part(claims)
        .ok_or(TokenError::Malformed("its claims are no JSON object of the right types, each name once"))?;
    Ok(Parts { signed, signature, header, claims })
}

const NO_JWT: TokenError = TokenError::Malformed("a site's token has three parts");

fn part<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    // An array would be taken for an object whose names are left out.
    json.trim_ascii_start().starts_with(b"{").then_some(())?;
    serde_json::from_slice(&json).ok()
}

/// The holder of a token whose claims are right.
pub struct Checked {
    /// Their name at the site.
    pub sub: String,
    /// From when on the token is void, with the leeway; in seconds.
    pub void_from: u64,
    /// When it was made, in seconds; if it does not say so, the earliest time at which it can have been.
    pub made: u64,
}

/// Holds claims whose signature is right against the contract. `now` is in seconds.
pub fn check(claims: &mut Claims, audience: &str, now: u64) -> Result<Checked, TokenError> {
    let malformed = |detail| Err(TokenError::Malformed(detail));
    let Some(Seconds(exp)) = claims.exp else { return malformed("it has no `exp`") };
    let is_for_us = match &claims.aud {
        None => return malformed("it has no `aud`"),
        Some(Audience::One(one)) => one == audience,
        Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
    };
    if !is_for_us {
        return Err(TokenError::WrongAudience);
    }
    let Some(sub) = claims.sub.take() else { return malformed("it has no `sub`") };
    if !(1..=SUB_BYTES_MAX).contains(&sub.len()) {
        return malformed("its `sub` must be 1 to 255 bytes");
    }
    if exp.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(TokenError::Expired(": `exp` is in the past; the site gives a new one"));
    }
    if exp > now + LIFETIME_SECONDS_MAX + LEEWAY_SECONDS {
        return malformed("its `exp` is more than 24 hours in the future");
    }
    let is_future = |time: Option<Seconds>| time.is_some_and(|time| time.0 > now + LEEWAY_SECONDS);
    if is_future(claims.iat) {
        return malformed("its `iat` is in the future");
    }
    if is_future(claims.nbf) {
        return malformed("its `nbf` is in the future");
    }
    if claims.groups.len() > GROUPS_MAX {
        return malformed("it has more than 32 `groups`");
    }
    if claims.rooms.as_ref().is_some_and(|rooms| grants::check(rooms).is_err()) {
        return malformed(
            "its `rooms` must be at most 32 patterns, each with reader, writer, moderator or owner",
        );
    }
    let earliest = exp.saturating_sub(LIFETIME_SECONDS_MAX);
    let made = claims.iat.map_or(earliest, |iat| iat.0);
    Ok(Checked { sub, void_from: exp.saturating_add(LEEWAY_SECONDS), made })
}
