//! `GET /assets/…`: what is embedded, as browsers keep it.
//!
//! A name with a hash never means other bytes, so browsers keep it for ever. The two names without one, the
//! licences and `favicon.ico`, are asked for again after an hour.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue};

use super::embedded::{self, DATASTAR, FOR_EVER, ICON, INVITATION, LICENCES, STYLE};
use super::error;
use super::gzip;
use super::i18n::{Language, LocalizedMessage};
use super::loader;
use crate::http::{self, Response};

const AN_HOUR: &str = "public, max-age=3600";

/// `GET /assets/{*path}`, and `/favicon.ico` as `favicon.ico`.
pub fn respond(path: &str, headers: &HeaderMap, language: &Language) -> Response {
    let found = [&DATASTAR, &STYLE, &ICON, &INVITATION]
        .into_iter()
        .chain(embedded::scripts())
        .map(|asset| (asset, FOR_EVER))
        .chain([(&LICENCES, AN_HOUR)])
        .find(|(asset, _)| asset.path == path)
        .or_else(|| (path == "favicon.ico").then_some((&ICON, AN_HOUR)));
    if path == embedded::loader().path {
        return loader::named_by_hash(headers);
    }
    let Some((asset, kept)) = found else {
        return error::page(language, StatusCode::NOT_FOUND, &LocalizedMessage::of("no-file"));
    };
    let packed = gzip::accepted(headers);
    let bytes = if packed { asset.gzip() } else { asset.bytes };
    let mut response = http::bytes(StatusCode::OK, asset.content_type, bytes);
    gzip::mark(&mut response, packed);
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

#[cfg(test)]
mod tests {
    use hyper::header::{CONTENT_ENCODING, VARY};

    use super::embedded::script;
    use super::*;

    #[test]
    fn only_who_takes_gzip_gets_it() {
        let script = script(&Language::all()[0]);
        for (accepts, packed) in [("gzip, deflate, br", true), ("identity", false)] {
            let req = hyper::Request::builder().header("accept-encoding", accepts).body(()).unwrap();
            let response = respond(script.path, req.headers(), Language::english());
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), packed, "{accepts}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        for asset in [script, &STYLE] {
            assert!(asset.gzip().len() < asset.bytes.len() / 2 && asset.gzip().starts_with(&[0x1f, 0x8b]));
        }
    }

    #[test]
    fn an_asset_that_is_kept_for_ever_is_named_by_a_hash() {
        let script = script(&Language::all()[0]);
        for asset in [&DATASTAR, &STYLE, &ICON, &INVITATION, script] {
            let hash = asset.path.split('.').nth(1).unwrap();
            assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{}", asset.path);
        }
    }
}
