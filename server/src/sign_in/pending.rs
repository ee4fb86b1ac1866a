//! A sign-in that has begun: what the browser keeps of it until it comes back, in a cookie protected by a MAC.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use hyper::header::{HeaderMap, HeaderValue};
use millchat::Timestamp;
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use super::error::SignInError;
use super::target::Target;
use crate::headers;
use crate::identity::{Identity, Purpose};

/// Time in which a sign-in must come back.
pub const LIFETIME: Duration = Duration::from_mins(10);
/// Most sign-ins that one browser may have begun; the oldest is forgotten.
const PENDING_MAX: usize = 5;
/// Characters of the state that the name of its cookie has.
const NAME_CHARS: usize = 8;
/// Longest state that is looked at, in bytes; ours have 22.
const STATE_BYTES_MAX: usize = 64;

/// A sign-in that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The name of the login.
    pub login: String,
    /// The parameter `state`: 128 random bits.
    pub state: String,
    /// The claim `nonce` of the ID token: as many.
    pub nonce: String,
    /// The secret by which the code is exchanged (PKCE).
    pub verifier: String,
    to: String,
    /// When it began.
    made: u64,
}

fn random(bytes: usize) -> String {
    let mut secret = vec![0; bytes];
    rand::rng().fill_bytes(&mut secret);
    URL_SAFE_NO_PAD.encode(secret)
}

impl Pending {
    /// Begins one.
    pub fn begin(login: &str, to: &Target) -> Self {
        Self {
            login: login.to_owned(),
            state: random(16),
            nonce: random(16),
            verifier: random(32),
            to: to.as_str().to_owned(),
            made: Timestamp::now().0,
        }
    }

    /// The place that it leads back to.
    pub fn target(&self) -> Target {
        Target::of(Some(&self.to))
    }

    /// The headers by which the browser keeps it, and forgets the oldest when there are too many.
    pub fn set_cookies(&self, identity: &Identity, headers: &HeaderMap) -> Vec<HeaderValue> {
        let by_tls = identity.is_by_tls();
        let until = Timestamp(self.made + millis(LIFETIME));
        let sealed = identity.seal(Purpose::Login, until, self);
        let sealed = sealed.expect("a login's name, four random words and 512 bytes fit into a token");
        let mut others = stored(identity, headers);
        others.sort_by_key(|(_, made)| *made);
        let surplus = (others.len() + 1).saturating_sub(PENDING_MAX);
        let forgotten = others.into_iter().take(surplus).map(|(name, _)| cookie(&name, "", by_tls, 0));
        let kept = cookie(&name(&self.state, by_tls), &sealed, by_tls, LIFETIME.as_secs());
        forgotten.chain([kept]).collect()
    }

    /// Returns the sign-in that comes back with this state.
    pub fn come_back(
        identity: &Identity,
        headers: &HeaderMap,
        login: &str,
        state: Option<&str>,
    ) -> Result<Self, SignInError> {
        let state = state.filter(|state| state.len() <= STATE_BYTES_MAX);
        let state = state.ok_or(SignInError::Expired("the provider brings no state"))?;
        let name = name(state, identity.is_by_tls());
        let found = headers::cookies(headers, &name)
            .filter_map(|sealed| identity.open::<Self>(Purpose::Login, sealed).ok())
            // Compared as hashes, which takes the same time wherever they differ.
            .find(|pending| blake3::hash(pending.state.as_bytes()) == blake3::hash(state.as_bytes()));
        let found = found.ok_or(SignInError::Expired("this browser has no sign-in of this state"))?;
        if found.login == login {
            Ok(found)
        } else {
            Err(SignInError::Expired("the sign-in began at another login"))
        }
    }

    /// The header by which the browser forgets the sign-in of a state.
    pub fn forget(identity: &Identity, state: &str) -> HeaderValue {
        let by_tls = identity.is_by_tls();
        cookie(&name(state, by_tls), "", by_tls, 0)
    }
}

/// The name of a state's cookie. Of a state of others only what may be in a name is taken.
fn name(state: &str, by_tls: bool) -> String {
    let prefix = if by_tls { "__Host-" } else { "" };
    let chars = state.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let start: String = chars.take(NAME_CHARS).collect();
    format!("{prefix}millchat-login-{start}")
}

/// The sign-ins that a browser has begun: the name of each one's cookie, and when it was made. One that does
/// not open is the oldest.
fn stored(identity: &Identity, headers: &HeaderMap) -> Vec<(String, u64)> {
    let beginning = name("", identity.is_by_tls());
    let pairs = headers::entries(headers, &hyper::header::COOKIE, b';');
    let named = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='));
    named
        .filter(|(name, _)| name.starts_with(&beginning))
        .filter(|(name, _)| name.len() <= beginning.len() + NAME_CHARS)
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')))
        .map(|(name, sealed)| {
            let opened = identity.open::<Pending>(Purpose::Login, sealed.trim().trim_matches('"'));
            (name.to_owned(), opened.map_or(0, |pending| pending.made))
        })
        .collect()
}

fn cookie(name: &str, value: &str, by_tls: bool, seconds: u64) -> HeaderValue {
    let cookie = Cookie::build((name, value))
        .path("/")
        .secure(by_tls)
        .http_only(true)
        // The way back from the provider is a navigation of another site: Strict would lose it.
        .same_site(SameSite::Lax)
        .max_age(cookie::time::Duration::seconds(seconds.cast_signed()))
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("a token is base64url and a dot")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
