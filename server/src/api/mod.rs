//! The API for programs: JSON in, JSON out, a problem document when it does not work.
//!
//! Any origin may call it, because it takes no cookie: who writes is proved by a bearer token, who reads
//! needs no proof. A file per resource; [`shape`] holds what goes over the wire, [`problem`] what goes wrong.
//! Handlers give `Result<Response, Problem>` and never look at paths: the router does.

pub mod events;
pub mod guests;
pub mod messages;
pub mod openapi;
pub mod problem;
pub mod reactions;
pub mod rooms;
pub mod shape;

use crate::http::{self, ContentType, Request, Response};
use hyper::StatusCode;
use hyper::header::{self, HeaderName, HeaderValue};
use millchat::Position;
use problem::{Kind, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a handler gives.
pub type Answer = Result<Response, Problem>;

/// What a page of another origin may send.
const ALLOW_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID";
/// What a page of another origin may read besides the body.
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

/// Reads the body, of at most so many bytes, as a JSON object of the wanted shape; unknown fields are passed
/// over.
async fn body<T: DeserializeOwned>(req: Request, limit: usize) -> Result<T, Problem> {
    if !matches!(http::content_type(req.headers()), ContentType::Json | ContentType::Absent) {
        let detail = "send the body as application/json";
        return Err(Problem::new(Kind::UnsupportedType, detail));
    }
    let bytes = crate::body::read(req.into_body(), limit).await?;
    object(&bytes)
}

/// Reads these bytes as a JSON object of the wanted shape.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |detail: String| Problem::new(Kind::MalformedBody, detail);
    let text = std::str::from_utf8(bytes).map_err(|e| malformed(format!("the body is not UTF-8: {e}")))?;
    // First any JSON, then the shape: so that syntax and depth are told from shape, also in fields that
    // nobody asked for.
    let value: Value =
        serde_json::from_str(text).map_err(|e| malformed(format!("the body is not JSON: {e}")))?;
    if !value.is_object() {
        return Err(Problem::new(Kind::InvalidBody, "the body must be a JSON object"));
    }
    serde_json::from_value(value).map_err(|e| Problem::new(Kind::InvalidBody, e.to_string()))
}

/// A position in a path or a query: digits, and nothing but digits.
///
/// One too large for any log is a position all the same: there is nothing at it.
pub fn position(name: &str, text: &str) -> Result<Position, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let detail = format!("{name} is a position: digits only, for example 1207");
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    Ok(text.parse().unwrap_or(Position::MAX))
}

/// Adds a header whose value we have built of visible ASCII.
fn header_of(response: &mut Response, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("paths of ours are visible ASCII");
    http::set(response, name, value);
}

#[cfg(test)]
mod tests {
    use super::shape::Content;
    use super::*;

    #[test]
    fn a_body_that_is_no_json_and_one_of_another_shape_are_told_apart() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for (bytes, status) in [
            (&b"{\"content\":\"x\",\"more\":[1]}"[..], None),
            (b"", Some(400)),
            (b"{", Some(400)),
            (b"{\"content\":\"\xff\"}", Some(400)),
            (b"{\"content\":\"\\ud800\"}", Some(400)),
            (deep.as_bytes(), Some(400)),
            (b"[\"x\"]", Some(422)),
            (b"\"x\"", Some(422)),
            (b"{}", Some(422)),
            (b"{\"content\":null}", Some(422)),
            (b"{\"content\":7}", Some(422)),
        ] {
            let read = object::<Content>(bytes).map_err(|problem| problem.response().status().as_u16());
            assert_eq!(read.err(), status, "{}", String::from_utf8_lossy(bytes).get(..20).unwrap_or("short"));
        }
    }

    #[test]
    fn a_position_is_digits_and_nothing_else() {
        assert_eq!(position("before", "17"), Ok(17));
        assert_eq!(position("before", "99999999999999999999999"), Ok(Position::MAX));
        for text in ["", "-1", "+1", "1.0", "0x1", " 1", "\u{661}"] {
            assert!(position("before", text).is_err(), "{text}");
        }
    }
}
