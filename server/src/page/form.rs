//! The page's forms: reading them, and answering them with or without script.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION};
use millchat::RoomName;

use crate::http::{self, Response};

/// Returns the value of a form's field; empty when the form has no such field.
pub fn field(body: &[u8], name: &str) -> String {
    let said = form_urlencoded::parse(body).find(|(field, _)| field == name);
    said.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// A form without script is answered by the room as it is now.
pub fn back_to(room: &RoomName) -> Response {
    let mut back = http::empty(StatusCode::SEE_OTHER);
    let room = HeaderValue::from_str(&format!("/{room}")).expect("a room's name is visible ASCII");
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
