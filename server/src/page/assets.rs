//! `GET /assets/…`: what is embedded, as browsers keep it.
//!
//! A name with a hash never means other bytes, so browsers keep it for ever. The names without one, the
//! licences, `favicon.ico` and the styles of a panel's colour, are asked for again after an hour.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue};

use super::embedded::{self, DATASTAR, DESK, FOR_EVER, ICON, INVITATION, LICENCES, SIGNED_IN, STYLE};
use super::error;
use super::gzip;
use super::i18n::{Language, LocalizedMessage};
use super::loader;
use super::look::Colour;
use crate::http::{self, Response};

const AN_HOUR: &str = "public, max-age=3600";

/// `GET /assets/{*path}`, and `/favicon.ico` as `favicon.ico`.
pub fn respond(path: &str, headers: &HeaderMap, language: &Language) -> Response {
    let found = [&DATASTAR, &STYLE, &ICON, &INVITATION, &DESK, &SIGNED_IN]
        .into_iter()
        .chain(embedded::scripts())
        .map(|asset| (asset, FOR_EVER))
        .chain([(&LICENCES, AN_HOUR)])
        .find(|(asset, _)| asset.path == path)
        .or_else(|| (path == "favicon.ico").then_some((&ICON, AN_HOUR)));
    if path == embedded::loader().path {
        return loader::named_by_hash(headers);
    }
    if let Some(accent) = accent(path) {
        let mut response = http::bytes(StatusCode::OK, STYLE.content_type, accent.styles());
        http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static(AN_HOUR));
        return response;
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

/// The colour of a panel whose styles are at a path.
fn accent(path: &str) -> Option<Colour> {
    Colour::of(path.strip_prefix("accent-")?.strip_suffix(".css")?)
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
    fn a_panel_is_dark_as_the_page_is_at_night() {
        let style = std::str::from_utf8(STYLE.bytes).unwrap();
        let block = |selector: &str| {
            let (_, rest) = style.split_once(selector).expect(selector);
            let lines = rest.split_once('}').unwrap().0.lines().map(str::trim);
            lines.filter(|line| line.starts_with("--")).map(str::to_owned).collect::<Vec<_>>()
        };
        let [night, panel] =
            [":root:not([data-theme=\"light\"]) {", ":root[data-theme=\"dark\"] {"].map(block);
        assert!(night.len() > 10 && night == panel, "{night:?} {panel:?}");
    }

    #[test]
    fn the_styles_of_a_colour_are_at_an_address_of_its_digits() {
        for (path, found) in [
            ("accent-0f766e.css", true),
            ("accent-0F766E.css", true),
            ("accent-red.css", false),
            ("accent-0f766e;.css", false),
            ("accent-.css", false),
        ] {
            let response = respond(path, &HeaderMap::new(), Language::english());
            assert_eq!(response.status() == StatusCode::OK, found, "{path}");
        }
    }

    #[test]
    fn an_asset_that_is_kept_for_ever_is_named_by_a_hash() {
        let script = script(&Language::all()[0]);
        for asset in [&DATASTAR, &STYLE, &ICON, &INVITATION, &DESK, &SIGNED_IN, script] {
            let hash = asset.path.split('.').nth(1).unwrap();
            assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{}", asset.path);
        }
    }
}
