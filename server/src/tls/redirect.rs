//! The listener for plain HTTP beside the one by TLS: it leads people to the public URL, and takes nothing.

use hyper::header::HeaderValue;
use hyper::{Method, Request, StatusCode};

use crate::http::{self, Response};
use crate::public_url::PublicUrl;

/// Answers a request with a redirect to the same path of the public URL. What would change something is
/// refused instead: it has crossed the network in the open already, and is not to be sent so again.
pub fn answer<B>(to: &PublicUrl, req: &Request<B>) -> Response {
    if req.method() != Method::GET && req.method() != Method::HEAD {
        let said = format!("only GET and HEAD are answered here; the chat is at {}\n", to.origin());
        return http::text(StatusCode::FORBIDDEN, said);
    }
    let path = req.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    match HeaderValue::try_from(format!("{}{path}", to.origin())) {
        Ok(location) => http::same_as(location),
        Err(_) => http::text(StatusCode::BAD_REQUEST, "the path has characters that no address has\n"),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header;

    use super::*;

    #[test]
    fn a_read_is_led_to_the_same_path_of_the_public_url_and_to_no_other_host() {
        let to: PublicUrl = "https://chat.example.org".parse().unwrap();
        for (method, uri, location) in [
            ("GET", "/", "https://chat.example.org/"),
            ("HEAD", "/lobby?at=7", "https://chat.example.org/lobby?at=7"),
            ("GET", "//evil.example/x", "https://chat.example.org//evil.example/x"),
            ("GET", "http://evil.example/x?y=1", "https://chat.example.org/x?y=1"),
            ("GET", "http://evil.example", "https://chat.example.org/"),
            ("GET", "/@evil.example", "https://chat.example.org/@evil.example"),
        ] {
            let req = Request::builder().method(method).uri(uri).body(()).unwrap();
            let response = answer(&to, &req);
            assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT, "{uri}");
            assert_eq!(response.headers()[header::LOCATION], location, "{uri}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            let req = Request::builder().method(method).uri("/lobby/messages").body(()).unwrap();
            let response = answer(&to, &req);
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{method}");
            assert!(response.headers().get(header::LOCATION).is_none());
        }
    }
}
