//! The language that a reader chose, kept by their browser for a year.

use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use hyper::header::{HeaderMap, HeaderValue};

use super::catalogue::Language;
use crate::headers;

/// The cookie's name. It says nothing but the language, so nothing is lost where somebody else sets it.
const NAME: &str = "lang";
const KEPT: Duration = Duration::days(365);

/// The language that was chosen, if there is one and it is still there.
pub fn chosen(headers: &HeaderMap) -> Option<&'static Language> {
    headers::cookies(headers, NAME).find_map(Language::by_code)
}

/// Returns the header that keeps the choice for another year, if there is one.
pub fn renewed(headers: &HeaderMap, by_tls: bool) -> Option<HeaderValue> {
    chosen(headers).map(|language| set(language, by_tls))
}

/// The header that keeps this choice.
pub fn set(language: &Language, by_tls: bool) -> HeaderValue {
    let cookie = Cookie::build((NAME, language.code()))
        .path("/")
        .secure(by_tls)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(KEPT)
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("a code is letters")
}
