//! The page's forms: reading them, and answering them with or without script.

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use crate::headers::{self, ContentType};
use crate::http::{self, Response};
use crate::room_address::RoomAddress;

/// Returns the value of a form's field; empty when the form has no such field.
pub fn field(body: &[u8], name: &str) -> String {
    let said = form_urlencoded::parse(body).find(|(field, _)| field == name);
    said.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Returns true if a form has this field.
pub fn has_field(body: &[u8], name: &str) -> bool {
    form_urlencoded::parse(body).any(|(field, _)| field == name)
}

/// Returns true if a browser sends a form by itself, without script.
pub fn is_form(headers: &HeaderMap) -> bool {
    headers::content_type(headers) == ContentType::Form
}

/// Returns the method that a request means. A form can send GET and POST alone: its address says
/// `?method=delete` or `?method=put`.
pub fn method<B>(req: &hyper::Request<B>) -> Method {
    let meant = (req.method() == Method::POST && is_form(req.headers())).then(|| http::query(req, "method"));
    match meant.flatten().as_deref() {
        Some("delete") => Method::DELETE,
        Some("put") => Method::PUT,
        _ => req.method().clone(),
    }
}

/// A form without script is answered by the room as it is now.
pub fn back_to(room: RoomAddress<'_>) -> Response {
    let mut back = http::empty(StatusCode::SEE_OTHER);
    let room = HeaderValue::from_str(&room.to_string()).expect("a room's name is visible ASCII");
    http::set(&mut back, LOCATION, room);
    back
}

/// Returns true if the page's client asks, and wants patches instead of a page.
pub fn is_datastar(headers: &HeaderMap) -> bool {
    headers.contains_key("datastar-request")
}

/// A few events and the end.
pub fn events(body: Vec<u8>) -> Response {
    let mut response = http::bytes(StatusCode::OK, http::EVENT_STREAM, body);
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
