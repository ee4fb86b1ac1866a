//! What handlers share about HTTP: bodies, small answers, reading a request within limits.
//!
//! No handler reads a body by itself: [`read_body`] holds the limits. An oversized body is answered without
//! being read to its end; the connection then closes and its owner (`listen`) discards a little more so
//! that the answer arrives. [`refuse_cross_site`] guards the routes that take the page's cookie.

use crate::sse;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Largest body of a request, in bytes. Room for 64 KiB of content in which every byte is a JSON escape.
pub const BODY_BYTES_MAX: usize = 512 * 1024;
/// How long a request's body may take to arrive.
pub const BODY_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// A request as handlers get it.
pub type Request = hyper::Request<Incoming>;
/// An answer.
pub type Response = hyper::Response<Body>;

/// The body of an answer.
pub enum Body {
    /// Bytes that are all there; taken when they are sent.
    Full(Option<Bytes>),
    /// A stream of events, which ends when the reader goes, the log fails or the process ends.
    Events(Box<sse::Stream>),
}

impl Body {
    /// No bytes at all.
    pub fn empty() -> Self {
        Self::Full(None)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Events(stream) => stream.poll_bytes(cx).map(|b| b.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// An answer of the given type.
pub fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = empty(status);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = Body::Full(Some(body.into()));
    response
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A page.
pub fn html(status: StatusCode, page: String) -> Response {
    bytes(status, "text/html; charset=utf-8", page)
}

/// Plain text, for probes and people with curl.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    bytes(status, "text/plain; charset=utf-8", body)
}

/// JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    json_as(status, "application/json", value)
}

/// JSON of a more particular type.
pub fn json_as(status: StatusCode, content_type: &'static str, value: &impl Serialize) -> Response {
    let body =
        serde_json::to_vec(value).expect("the answers' own types have string keys and no failing parts");
    bytes(status, content_type, body)
}

/// A redirect that no cache keeps and that keeps the method.
pub fn redirect(location: &str) -> Response {
    let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
    let location = HeaderValue::from_str(location).expect("our own paths are visible ASCII");
    set(&mut response, header::LOCATION, location);
    set(&mut response, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sets one header, replacing what was there.
pub fn set(response: &mut Response, name: HeaderName, value: HeaderValue) {
    response.headers_mut().insert(name, value);
}

/// Whether the answer's body is not wanted, only its head.
pub fn is_head<B>(req: &hyper::Request<B>) -> bool {
    req.method() == Method::HEAD
}

/// Why a request's body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is, or says it is, over [`BODY_BYTES_MAX`].
    #[error("the request's body is over the limit of {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// It did not arrive in time.
    #[error("the request's body did not arrive within {} seconds", BODY_READ_TIMEOUT.as_secs())]
    Slow,
    /// The client went away or its framing is wrong.
    #[error("the request's body ended early or is framed wrongly")]
    Broken,
}

impl BodyError {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body within the limits. After an error the answer must carry [`close`], since the rest of the
/// body is still on its way and cannot be told from a next request.
pub async fn read_body(body: Incoming) -> Result<Bytes, BodyError> {
    if HttpBody::size_hint(&body).lower() > BODY_BYTES_MAX as u64 {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match tokio::time::timeout(BODY_READ_TIMEOUT, gather(body)).await {
        Ok(read) => read,
        Err(_elapsed) => Err(BodyError::Slow),
    }
}

async fn gather(mut body: Incoming) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            // Nearly every body is one piece: it is handed on without a copy.
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Marks the answer as the last one of its connection.
pub fn close(response: &mut Response) {
    set(response, header::CONNECTION, HeaderValue::from_static("close"));
}

/// What a request says its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// It does not say.
    Absent,
    /// JSON, or something built on it (`application/*+json`).
    Json,
    /// A form as browsers send it (`application/x-www-form-urlencoded`).
    Form,
    /// Anything else.
    Other,
}

/// Reads the `Content-Type` header; parameters do not matter.
pub fn content_type(headers: &HeaderMap) -> ContentType {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return ContentType::Absent };
    let Ok(text) = value.to_str() else { return ContentType::Other };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "" => ContentType::Absent,
        "application/json" | "text/json" => ContentType::Json,
        "application/x-www-form-urlencoded" => ContentType::Form,
        e if e.starts_with("application/") && e.ends_with("+json") => ContentType::Json,
        _ => ContentType::Other,
    }
}

/// A parameter of the query, percent-decoded; the first when it is given twice.
pub fn query<B>(req: &hyper::Request<B>, name: &str) -> Option<String> {
    let query = req.uri().query()?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A whole number of a query, brought within the limits however far out it is; `None` when it is no number.
pub fn clamped(text: &str, min: usize, max: usize) -> Option<usize> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let beyond = if digits.len() == text.len() { max } else { min };
    Some(text.parse().unwrap_or(beyond).clamp(min, max))
}

/// The value of a cookie, when the request has it.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

/// A browser sent the request on behalf of another site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requests from other sites are not taken here")]
pub struct CrossSite;

/// Refuses what a page of another site made the browser send.
///
/// A browser says so in `Sec-Fetch-Site` where the connection is trustworthy, and in `Origin` otherwise; a
/// program sends neither and has no cookie of anybody else's to misuse.
pub fn refuse_cross_site(headers: &HeaderMap) -> Result<(), CrossSite> {
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" || site == "none" { Ok(()) } else { Err(CrossSite) };
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| CrossSite)?;
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).ok_or(CrossSite)?;
    let of_origin =
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).ok_or(CrossSite)?;
    if of_origin.eq_ignore_ascii_case(host) { Ok(()) } else { Err(CrossSite) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_page_of_another_site_is_refused_and_a_program_is_not() {
        for (list, ok) in [
            (vec![("host", "chat.example")], true),
            (vec![("host", "chat.example"), ("origin", "https://chat.example")], true),
            (vec![("host", "chat.example:8080"), ("origin", "http://CHAT.example:8080")], true),
            (vec![("host", "chat.example"), ("origin", "https://evil.example")], false),
            (vec![("host", "chat.example"), ("origin", "null")], false),
            (vec![("origin", "https://chat.example")], false),
            (
                vec![
                    ("host", "inner"),
                    ("origin", "https://chat.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (vec![("host", "chat.example"), ("sec-fetch-site", "none")], true),
            (vec![("host", "chat.example"), ("sec-fetch-site", "cross-site")], false),
            (vec![("host", "chat.example"), ("sec-fetch-site", "same-site")], false),
        ] {
            assert_eq!(refuse_cross_site(&headers(&list)).is_ok(), ok, "{list:?}");
        }
    }

    #[test]
    fn the_content_type_is_read_without_its_parameters() {
        for (value, expected) in [
            ("application/json", ContentType::Json),
            ("Application/JSON; charset=utf-8", ContentType::Json),
            ("application/merge-patch+json", ContentType::Json),
            ("application/x-www-form-urlencoded", ContentType::Form),
            ("text/plain", ContentType::Other),
            ("", ContentType::Absent),
        ] {
            assert_eq!(content_type(&headers(&[("content-type", value)])), expected, "{value}");
        }
        assert_eq!(content_type(&HeaderMap::new()), ContentType::Absent);
    }

    #[test]
    fn a_number_is_clamped_and_a_word_is_none() {
        for (text, expected) in [
            ("1", 1),
            ("0", 1),
            ("-7", 1),
            ("1000", 1_000),
            ("1001", 1_000),
            ("99999999999999999999999", 1_000),
            ("-99999999999999999999999", 1),
        ] {
            assert_eq!(clamped(text, 1, 1_000), Some(expected), "{text}");
        }
        for text in ["", "-", "ten", "1.5", "+1", "1 "] {
            assert_eq!(clamped(text, 1, 1_000), None, "{text}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let map = headers(&[("cookie", "a=1; millchat=tok.en; b=2"), ("cookie", "c=3")]);
        assert_eq!(cookie(&map, "millchat").as_deref(), Some("tok.en"));
        assert_eq!(cookie(&map, "c").as_deref(), Some("3"));
        assert_eq!(cookie(&map, "mill"), None);
    }
}
