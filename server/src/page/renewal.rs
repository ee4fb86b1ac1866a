//! Cookies that are renewed while they are used: a browser keeps each for a year.

use hyper::header::{HeaderMap, HeaderValue};

use super::i18n::renewed_language_cookie;
use crate::app::Worker;

/// Returns the cookies that a request has and its answer renews: when less than half a year is left to the
/// one by which its sender is known, that and the chosen language.
pub fn renewed_cookies(w: &Worker, headers: &HeaderMap) -> Vec<HeaderValue> {
    let Some(author) = w.app.identity.renewed_cookie(headers) else { return Vec::new() };
    let by_tls = w.app.identity.is_by_tls();
    [author].into_iter().chain(renewed_language_cookie(headers, by_tls)).collect()
}
