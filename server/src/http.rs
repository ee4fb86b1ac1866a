//! HTTP for all handlers: answers and their bodies, and the head of a request.
//!
//! [`refuse_malformed`] guards all routes. The bodies of requests are read in [`crate::body`].

use std::any::Any;
use std::cell::Cell;
use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Version};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::Serialize;

use crate::byte_budget::GivenUp;
use crate::limit::ConnectionPermit;
use crate::request_body::RequestBody;

/// The type of JSON. It is UTF-8 by its standard; some clients take what does not say so for Latin-1.
pub const JSON: &str = "application/json; charset=utf-8";
/// The type of JSON lines.
pub const JSON_LINES: &str = "application/x-ndjson; charset=utf-8";
/// The type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json; charset=utf-8";
/// The type of a stream of events. Also UTF-8 by its standard, and guessed by some clients.
pub const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// A request as handlers get it.
pub type Request = hyper::Request<RequestBody>;
/// An answer.
pub type Response = hyper::Response<Body>;

/// The body of an answer.
pub enum Body {
    /// Bytes that are all there; taken when they are sent.
    Full(Option<Bytes>),
    /// The same, counted by [`crate::unsent`] while the bytes are in memory.
    Counted {
        /// The bytes; taken when they are sent.
        bytes: Option<Bytes>,
        /// Says when the answer must end before its client has taken it; taken by its connection.
        given_up: Option<GivenUp>,
    },
    /// A stream of events, which ends when the reader goes, the log fails or the process ends.
    Events(Box<dyn EventStream>),
    /// An answer that is made while it is sent, such as a backup.
    Chunks(Box<dyn Chunks>),
}

/// Bytes of a body that become known one chunk after the other.
pub trait Chunks: 'static {
    /// The next bytes; `None` when the body ends.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// A body of events: its reader may take as long as it likes, and comes back when it ends.
pub trait EventStream: Chunks + Any {
    /// Keeps this for as long as the stream is there.
    fn keep(&mut self, permit: ConnectionPermit);
    /// Sends something when it is polled after this was set, and clears it.
    fn obey(&mut self, asked: Rc<Cell<bool>>);
}

impl Body {
    /// No bytes at all.
    pub fn empty() -> Self {
        Self::Full(None)
    }

    /// Takes out what says that the answer must end early, if its bytes are counted.
    pub fn take_given_up(&mut self) -> Option<GivenUp> {
        if let Self::Counted { given_up, .. } = self { given_up.take() } else { None }
    }

    /// Takes the stream out if it is one of this type, and leaves the body empty.
    pub fn take_events<T: EventStream>(&mut self) -> Option<Box<T>> {
        match mem::replace(self, Self::empty()) {
            Self::Events(stream) if (&*stream as &dyn Any).is::<T>() => {
                let stream: Box<dyn Any> = stream;
                stream.downcast().ok()
            }
            other => {
                *self = other;
                None
            }
        }
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
            Self::Full(bytes) | Self::Counted { bytes, .. } => {
                Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b))))
            }
            Self::Events(stream) => stream.poll_bytes(cx).map(|b| b.map(|b| Ok(Frame::data(b)))),
            Self::Chunks(chunks) => chunks.poll_bytes(cx).map(|b| b.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None) | Self::Counted { bytes: None, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) | Self::Counted { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Events(_) | Self::Chunks(_) => SizeHint::default(),
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
pub fn html(status: StatusCode, page: impl Into<Bytes>) -> Response {
    bytes(status, "text/html; charset=utf-8", page)
}

/// Plain text, for probes and people with curl.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    bytes(status, "text/plain; charset=utf-8", body)
}

/// JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    json_as(status, JSON, value)
}

/// Returns a value of an answer as JSON.
pub fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("the answers' own types have string keys and no failing parts")
}

/// JSON of a more particular type.
pub fn json_as(status: StatusCode, content_type: &'static str, value: &impl Serialize) -> Response {
    bytes(status, content_type, to_json(value))
}

/// A redirect that keeps the method.
pub fn redirect(location: &str) -> Response {
    let location = HeaderValue::from_str(location).expect("our own paths are visible ASCII");
    redirect_by(StatusCode::TEMPORARY_REDIRECT, location)
}

/// The same address is written otherwise: a redirect that keeps the method.
pub fn same_as(location: HeaderValue) -> Response {
    redirect_by(StatusCode::PERMANENT_REDIRECT, location)
}

/// A redirect that no cache keeps.
fn redirect_by(status: StatusCode, location: HeaderValue) -> Response {
    let mut response = empty(status);
    set(&mut response, header::LOCATION, location);
    set(&mut response, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sets one header, replacing what was there.
pub fn set(response: &mut Response, name: HeaderName, value: HeaderValue) {
    response.headers_mut().insert(name, value);
}

/// Sets one header to a value that we have built of visible ASCII.
pub fn set_ascii(response: &mut Response, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("paths of ours are visible ASCII");
    set(response, name, value);
}

/// Returns true if only the head of the answer is wanted.
pub fn is_head<B>(req: &hyper::Request<B>) -> bool {
    req.method() == Method::HEAD
}

/// Appends the status line and the headers of an answer that is written past hyper.
pub fn write_head(status: StatusCode, headers: &HeaderMap, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("HTTP/1.1 {status}\r\n").as_bytes());
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Returns the line of the header `Date`, for an answer that is written past hyper.
pub fn date_line() -> String {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    date.map(|date| format!("date: {date}\r\n")).unwrap_or_default()
}

/// Marks the answer as the last one of its connection.
pub fn close(response: &mut Response) {
    set(response, header::CONNECTION, HeaderValue::from_static("close"));
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

/// A head that parses and must be refused all the same (RFC 9110 and 9112).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A proxy before us could have read another one than we do.
    #[error("a request carries the header Host exactly once")]
    Host,
    /// The request expects something unknown.
    #[error("the only expectation that is met here is 100-continue")]
    Expectation,
}

/// Refuses a request without exactly one `Host` (only HTTP/1.0 may do without), and one that expects what is
/// not known here.
pub fn refuse_malformed<B>(req: &hyper::Request<B>) -> Result<(), Malformed> {
    match req.headers().get_all(header::HOST).iter().count() {
        1 => {}
        0 if req.version() < Version::HTTP_11 => {}
        _ => return Err(Malformed::Host),
    }
    let known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if req.headers().get_all(header::EXPECT).iter().all(known) { Ok(()) } else { Err(Malformed::Expectation) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
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
    fn a_request_names_its_host_once_and_expects_nothing_unknown() {
        for (version, list, refused) in [
            (Version::HTTP_11, vec![("host", "x")], None),
            (Version::HTTP_11, vec![("host", "x"), ("expect", "100-Continue")], None),
            (Version::HTTP_10, vec![], None),
            (Version::HTTP_11, vec![], Some(Malformed::Host)),
            (Version::HTTP_11, vec![("host", "x"), ("host", "x")], Some(Malformed::Host)),
            (Version::HTTP_10, vec![("host", "x"), ("host", "y")], Some(Malformed::Host)),
            (Version::HTTP_11, vec![("host", "x"), ("expect", "tea")], Some(Malformed::Expectation)),
        ] {
            let mut req = hyper::Request::builder().version(version).body(()).unwrap();
            *req.headers_mut() = headers(&list);
            assert_eq!(refuse_malformed(&req).err(), refused, "{version:?} {list:?}");
        }
    }
}
