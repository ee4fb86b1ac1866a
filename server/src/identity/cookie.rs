//! The page's cookie: it holds the very token that the API takes as a bearer.
//!
//! The API itself never looks at it, so that a page of another site can make a browser send it nowhere that
//! writes without the cross-site check.

use super::token::LIFETIME_SECONDS;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use hyper::header::HeaderValue;

/// The cookie's name.
pub(super) const NAME: &str = "millchat";

/// The header that stores the token in a browser.
///
/// It is not `Secure` because the server itself speaks plain HTTP; no script reads it.
pub(super) fn set(token: &str) -> HeaderValue {
    let cookie = Cookie::build((NAME, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(LIFETIME_SECONDS.cast_signed()))
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("a token is base64url and a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        assert_eq!(set("abc.def"), "millchat=abc.def; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000");
    }
}
