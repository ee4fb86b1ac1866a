//! Compression of the page for browsers that take it. What is embedded was packed by the build; the page of a
//! room is packed as it goes, quickly rather than tightly. It holds no secret that its size could give away.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};

use crate::headers;
use crate::http::{self, Response};

/// Returns true if the browser says that it takes gzip. Of a weight only zero, which refuses it, counts.
pub fn accepted(headers: &HeaderMap) -> bool {
    let codings = headers::entries(headers, &ACCEPT_ENCODING, b',');
    codings.filter_map(|coding| std::str::from_utf8(coding).ok()).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// The page, packed quickly.
pub fn pack(page: &[u8]) -> Vec<u8> {
    compress(page, Compression::fast())
}

/// Says that the answer depends on what the browser takes, and if it is packed.
pub fn mark(response: &mut Response, packed: bool) {
    http::set(response, VARY, HeaderValue::from_static("accept-encoding"));
    if packed {
        http::set(response, CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
}

/// These bytes, packed so hard.
pub fn compress(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), level);
    let packed = packed.write_all(bytes).and_then(|()| packed.finish());
    packed.expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_packed_for_browsers_that_take_it() {
        for (accepts, packed) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
            ("br\u{fc}, gzip", true),
            ("gz\u{fc}p", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_bytes(accepts.as_bytes()).unwrap());
            assert_eq!(accepted(&headers), packed, "{accepts}");
        }
        assert!(pack("<p>hello</p>".repeat(100).as_bytes()).len() < 200);
    }
}
