//! The API is open to pages of any origin: the headers that say so, and the answer to a preflight.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use crate::http::{self, Response};

/// Headers that a page of another origin may send.
const ALLOW_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID";
/// Headers that a page of another origin may read besides the body.
const EXPOSE_HEADERS: &str = "Retry-After, Location, Link";
/// For how many seconds a browser may remember the answer to a preflight: a day.
const PREFLIGHT_MAX_AGE: &str = "86400";

/// Lets pages of any origin read the answer. Credentials are never allowed, so no cookie comes with it.
pub fn open_to_all(response: &mut Response) {
    http::set(response, header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    http::set(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSE_HEADERS));
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert_with(|| HeaderValue::from_static("no-store"));
}

/// The answer to a preflight for a path that takes these methods.
pub fn preflight(allow: &HeaderValue) -> Response {
    let mut response = http::empty(StatusCode::NO_CONTENT);
    http::set(&mut response, header::ALLOW, allow.clone());
    http::set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOW_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ] {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}
