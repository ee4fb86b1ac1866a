//! The picture of a user, as an image.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};

use crate::http::{self, Response};
use crate::route_table::Call;

/// A picture may be kept by a browser for a day.
const KEPT: &str = "private, max-age=86400";
/// Should a browser open one as a page, nothing in it runs or loads.
const POLICY: &str = "sandbox; default-src 'none'";
/// Stands for a picture that there is not: the initials behind it are in view.
const NONE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

/// `GET /avatars/{id}`: the picture, or an empty drawing.
pub fn avatar(call: &Call<'_>) -> Response {
    let picture = call.w.app.avatars.get(call.param("id"));
    let mut response = match picture {
        Some(image) => http::bytes(StatusCode::OK, image.content_type, image.bytes),
        None => http::bytes(StatusCode::OK, "image/svg+xml", Bytes::from_static(NONE.as_bytes())),
    };
    for (name, value) in [(CACHE_CONTROL, KEPT), (CONTENT_SECURITY_POLICY, POLICY)] {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}
