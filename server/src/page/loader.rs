//! The panel's loader: the script that a site has on its pages, by which they offer a room.
//!
//! It is the same for every site and in every language. At its short address it is asked for again after an
//! hour; at the one with a hash it never changes, so that a page can name its `integrity`. Any page may load
//! it, also one that shows only what agrees to that (`Cross-Origin-Embedder-Policy`).

use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
};

use super::embedded::{self, FOR_EVER};
use super::gzip;
use crate::headers;
use crate::http::{self, Response};

/// The time for which browsers keep the short address, and use it while they ask for it again.
const AN_HOUR: &str = "public, max-age=3600, stale-while-revalidate=86400";
/// Says which pages may load a file.
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `GET /embed.js`.
pub fn loader(headers: &HeaderMap) -> Response {
    let mut response = answer(headers);
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static(AN_HOUR));
    response
}

/// `GET /assets/embed-HASH.js`.
pub fn named_by_hash(headers: &HeaderMap) -> Response {
    let mut response = answer(headers);
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    response
}

fn answer(headers: &HeaderMap) -> Response {
    let asset = embedded::loader();
    let packed = gzip::accepted(headers);
    // Two representations have two tags. Whoever has either has this script.
    let [plain, gzipped] = ["", "-gzip"].map(|end| format!("\"{}{end}\"", embedded::loader_hash()));
    let is_known = headers::entries(headers, &IF_NONE_MATCH, b',').any(|entry| {
        let tag = entry.strip_prefix(b"W/").unwrap_or(entry);
        tag == b"*" || tag == plain.as_bytes() || tag == gzipped.as_bytes()
    });
    let mut response = if is_known {
        http::empty(StatusCode::NOT_MODIFIED)
    } else {
        http::bytes(StatusCode::OK, asset.content_type, if packed { asset.gzip() } else { asset.bytes })
    };
    gzip::mark(&mut response, packed && !is_known);
    let tag = HeaderValue::from_str(if packed { &gzipped } else { &plain });
    http::set(&mut response, ETAG, tag.expect("a hash is hexadecimal digits"));
    http::set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    http::set(&mut response, CORP, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest loader, compressed: every page of a site loads it.
    const LOADER_GZIP_BYTES_MAX: usize = 6_144;

    #[test]
    fn the_loader_is_small() {
        let asset = embedded::loader();
        println!("the loader: {} bytes, {} compressed", asset.bytes.len(), asset.gzip().len());
        assert!(asset.gzip().len() <= LOADER_GZIP_BYTES_MAX, "{} bytes", asset.gzip().len());
    }

    #[test]
    fn the_loader_has_its_words_in_every_language_and_no_name_outside_of_itself() {
        let script = std::str::from_utf8(embedded::loader().bytes).unwrap();
        assert!(script.starts_with("(() => {\n'use strict';\nconst catalogue = {\"ar\":{"), "{script}");
        assert!(script.ends_with("})();\n"), "{script}");
        assert_eq!(script.matches("\"panel-label\":").count(), 7, "{script}");
    }
}
