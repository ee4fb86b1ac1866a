//! The page's cookie: it holds the very token that the API takes as a bearer.
//!
//! The API itself never looks at it, so that a page of another site can make a browser send it nowhere that
//! writes without the cross-site check.

use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use hyper::header::HeaderValue;

/// The cookie's name. By TLS it has the prefix that makes browsers hold it to `Secure`, and to this very
/// host: a neighbour on another subdomain cannot plant one.
pub(super) fn name(by_tls: bool) -> &'static str {
    if by_tls { "__Host-millchat" } else { "millchat" }
}

/// The header that stores the token in a browser, for the rest of its lifetime; with none left the browser
/// drops it. No script reads it; where browsers reach us by TLS, it is
/// sent by TLS only.
pub(super) fn set(token: &str, by_tls: bool, lifetime_seconds: u64) -> HeaderValue {
    let cookie = Cookie::build((name(by_tls), token))
        .path("/")
        .secure(by_tls)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(lifetime_seconds.cast_signed()))
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("a token is base64url and a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = "millchat=abc.def; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000";
        assert_eq!(set("abc.def", false, 31_536_000), plain);
        let by_tls = "__Host-millchat=abc.def; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000";
        assert_eq!(set("abc.def", true, 31_536_000), by_tls);
    }
}
