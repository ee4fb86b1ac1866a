//! The API is open to pages of any origin: the headers that say so, and the answer to a preflight.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::headers;
use crate::http::{self, Response};

/// Headers that a page of another origin may send: any. The star does not cover `Authorization`, and old
/// browsers do not know it, so those that the API reads are named, and those that the browser asks for.
const ALLOW_HEADERS: &str = "*, Authorization, Content-Type, Idempotency-Key, Last-Event-ID";
/// Headers that a page of another origin may read besides the body: any, and by name those that the API has.
const EXPOSE_HEADERS: &str = "*, Retry-After, Location, Link, Allow, WWW-Authenticate, Date";
/// For how many seconds a browser may remember the answer to a preflight: a day.
const PREFLIGHT_MAX_AGE: &str = "86400";
/// Most names of headers that are allowed by name because the browser asks for them.
const ASKED_HEADERS_MAX: usize = 64;

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
pub fn preflight(allow: &HeaderValue, asked: &HeaderMap) -> Response {
    let mut response = http::empty(StatusCode::NO_CONTENT);
    http::set(&mut response, header::ALLOW, allow.clone());
    http::set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
    http::set_ascii(&mut response, header::ACCESS_CONTROL_ALLOW_HEADERS, &allow_headers(asked));
    for (name, value) in [
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
        (header::VARY, header::ACCESS_CONTROL_REQUEST_HEADERS.as_str()),
    ] {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}

/// Returns the names that are always allowed, and those that are asked for.
fn allow_headers(asked: &HeaderMap) -> String {
    let names = headers::entries(asked, &header::ACCESS_CONTROL_REQUEST_HEADERS, b',');
    let mut allowed = ALLOW_HEADERS.to_owned();
    for name in names.filter_map(|name| HeaderName::from_bytes(name).ok()).take(ASKED_HEADERS_MAX) {
        allowed.push_str(", ");
        allowed.push_str(name.as_str());
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_that_is_asked_for_is_allowed_by_its_name() {
        let allowed = |lists: &[&'static str]| {
            let mut asked = HeaderMap::new();
            for list in lists {
                let list = HeaderValue::from_bytes(list.as_bytes()).unwrap();
                asked.append(header::ACCESS_CONTROL_REQUEST_HEADERS, list);
            }
            allow_headers(&asked)
        };
        assert_eq!(allowed(&[]), ALLOW_HEADERS);
        let more = format!("{ALLOW_HEADERS}, cache-control, traceparent, x-requested-with");
        assert_eq!(allowed(&["cache-control,TraceParent", " x-requested-with"]), more);
        assert_eq!(allowed(&["a b, ,\"x\", (y)"]), ALLOW_HEADERS, "what is no name is not repeated");
        let more = format!("{ALLOW_HEADERS}, x-a");
        assert_eq!(allowed(&["x-\u{fc}", "\u{fc},x-a"]), more, "and hides no name beside it");
        let many: &'static str = vec!["x-a"; 10_000].join(",").leak();
        assert!(allowed(&[many]).len() < 1_000);
    }
}
