//! Identity: the one place that turns a request into a [`Person`].
//!
//! Today everybody is a guest: a name and an id that stays with them, in a token that this server signed
//! with the key kept in the log, so that it outlives restarts. The API carries the token as a bearer, the
//! page as a cookie. Accounts come here: a sign-in ends in [`Identity::sign`] with an author of kind
//! `user`, and nothing else in the server has to learn about it.

mod cookie;
pub mod operator;
mod person;
mod token;

pub use person::Person;
pub use token::TokenError;

use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderValue};
use millchat::{Author, AuthorKind, Timestamp};
use rand::RngExt;

use crate::headers;

/// Random letters of a guest's id: 20 of 32 kinds are 100 bits, so nobody meets or guesses another's.
const GUEST_ID_LETTERS: usize = 20;
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Signs and checks tokens.
pub struct Identity {
    keys: token::Key,
    /// Browsers reach us by TLS, so the cookie is one that never leaves it.
    by_tls: bool,
}

impl Identity {
    /// With the key that belongs to the log.
    pub fn new(signing_key: &[u8; 32], by_tls: bool) -> Self {
        Self { keys: token::Key::derive(signing_key), by_tls }
    }

    /// Returns true if browsers reach us by TLS.
    pub fn is_by_tls(&self) -> bool {
        self.by_tls
    }

    /// Somebody new. The name must have passed [`crate::sanitize::name`].
    pub fn new_guest(name: &str) -> Author {
        let mut rng = rand::rng();
        let mut id = String::from("g_");
        id.extend((0..GUEST_ID_LETTERS).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])));
        Author { id: id.into(), name: name.into(), kind: AuthorKind::Guest }
    }

    /// The same somebody under another name. The name must have passed [`crate::sanitize::name`].
    pub fn renamed(author: &Author, name: &str) -> Author {
        Author { name: Arc::from(name), ..author.clone() }
    }

    /// A token that proves to be this author, for a year.
    pub fn sign(&self, author: &Author) -> String {
        self.keys.sign(author, now_seconds() + token::LIFETIME_SECONDS)
    }

    /// Returns the holder of this token.
    pub fn verify(&self, token: &str) -> Result<Person, TokenError> {
        let (author, expires_at) = self.keys.verify(token, now_seconds())?;
        Ok(Person::guest(author, expires_at))
    }

    /// Returns the sender of an API request: the holder of the `Authorization: Bearer` token.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<Person, TokenError> {
        let mut error = TokenError::Missing;
        for token in headers::bearer_tokens(headers) {
            match std::str::from_utf8(token).map_or(Err(TokenError::Forged), |token| self.verify(token)) {
                Ok(person) => return Ok(person),
                Err(wrong) => error = wrong,
            }
        }
        Err(error)
    }

    /// Returns the sender of a page's request, if they gave a name before; a bad cookie is no cookie,
    /// wherever it is in the list.
    pub fn visitor(&self, headers: &HeaderMap) -> Option<Person> {
        headers::cookies(headers, cookie::name(self.by_tls)).find_map(|token| self.verify(token).ok())
    }

    /// Returns the cookie of a page's request anew when less than half of its life is left, so that somebody
    /// who comes by now and then is never somebody else.
    pub fn renewed_cookie(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.renewed_at(headers, now_seconds())
    }

    fn renewed_at(&self, headers: &HeaderMap, now: u64) -> Option<HeaderValue> {
        let mut cookies = headers::cookies(headers, cookie::name(self.by_tls));
        let (author, left) = cookies.find_map(|token| self.keys.verify_until(token, now).ok())?;
        (left < token::LIFETIME_SECONDS / 2).then(|| self.set_cookie(&author))
    }

    /// The `Set-Cookie` header by which a browser stays this author.
    pub fn set_cookie(&self, author: &Author) -> HeaderValue {
        cookie::set(&self.sign(author), self.by_tls)
    }
}

impl Person {
    /// Returns true if the credential is still good at this time. It asks memory only.
    #[allow(dead_code, reason = "streams ask it in the next step")]
    pub fn is_in_force(&self, _identity: &Identity, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

fn now_seconds() -> u64 {
    millchat::Timestamp::now().0 / 1_000
}

#[cfg(test)]
mod tests {
    use hyper::header;

    use super::*;

    #[test]
    fn a_token_is_found_beside_what_is_foreign() {
        let identity = Identity::new(&[7; 32], false);
        let ada = Identity::new_guest("Ada");
        let token = identity.sign(&ada);
        for (lines, expected) in [
            (&["Bearer TOKEN"][..], Ok(&ada)),
            (&["bearer   TOKEN "], Ok(&ada)),
            (&["BEARER\tTOKEN"], Ok(&ada)),
            (&["Basic Z\u{fc}rich", "Bearer TOKEN"], Ok(&ada)),
            (&["Bearer f\u{fc}r", "Bearer TOKEN"], Ok(&ada)),
            (&["Bearer TOKEN", "Bearer x"], Ok(&ada)),
            (&["Bearer TOKEN\u{fc}"], Err(TokenError::Forged)),
            (&["Basic TOKEN"], Err(TokenError::Missing)),
            (&["BearerTOKEN"], Err(TokenError::Missing)),
            (&["Bearer"], Err(TokenError::Missing)),
            (&["\u{fc}"], Err(TokenError::Missing)),
            (&[], Err(TokenError::Missing)),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                let line = line.replace("TOKEN", &token);
                headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            let sender = identity.bearer(&headers).map(|person| person.author);
            assert_eq!(sender.as_ref(), expected.as_ref().map(|ada| *ada), "{lines:?}");
        }
    }

    #[test]
    fn a_cookie_is_renewed_in_the_second_half_of_its_life() {
        for by_tls in [false, true] {
            let identity = Identity::new(&[7; 32], by_tls);
            let ada = Identity::new_guest("Ada");
            let mut headers = HeaderMap::new();
            let line = format!("{}={}", cookie::name(by_tls), identity.sign(&ada));
            headers.insert(header::COOKIE, line.parse().unwrap());
            let made = now_seconds();
            let half = token::LIFETIME_SECONDS / 2;
            assert_eq!(identity.renewed_at(&headers, made), None);
            assert_eq!(identity.renewed_at(&headers, made + half - 60), None);
            let renewed = identity.renewed_at(&headers, made + half + 60).unwrap();
            let fresh = identity.set_cookie(&ada);
            let attributes =
                |cookie: &HeaderValue| cookie.to_str().unwrap().split_once(';').unwrap().1.to_owned();
            assert_eq!(attributes(&renewed), attributes(&fresh));
            // Over and over: nobody who comes once in half a year is lost.
            let token = renewed.to_str().unwrap().split([';', '=']).nth(1).unwrap().to_owned();
            assert_eq!(identity.verify(&token).map(|person| person.author), Ok(ada));
            assert_eq!(
                identity.renewed_at(&headers, made + token::LIFETIME_SECONDS + 60),
                None,
                "it is void"
            );
        }
    }

    #[test]
    fn a_planted_cookie_does_not_hide_the_genuine_one() {
        let identity = Identity::new(&[7; 32], false);
        let ada = Identity::new_guest("Ada");
        let token = identity.sign(&ada);
        let stranger = Identity::new(&[8; 32], false).sign(&Identity::new_guest("Mallory"));
        for line in [
            format!("millchat={token}"),
            format!("millchat=planted; millchat={stranger}; millchat={token}; millchat="),
            format!("city=Z\u{fc}rich; millchat={token}"),
            format!("millchat=\u{fc}; \u{1f36a}=x;;=; millchat={token};b\u{e4}r"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(header::COOKIE, HeaderValue::from_static("theme=dark"));
            headers.append(header::COOKIE, HeaderValue::from_bytes(b"latin1=\xfc; x").unwrap());
            headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            assert_eq!(identity.visitor(&headers).map(|person| person.author).as_ref(), Some(&ada), "{line}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("millchat={stranger}").parse().unwrap());
        assert_eq!(identity.visitor(&headers), None);
    }
}
