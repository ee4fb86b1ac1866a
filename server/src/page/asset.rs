//! What the browser loads beside the page: embedded by `server/build`, named by a hash of their bytes.
//!
//! A name never means other bytes, so browsers keep an asset for ever; a new build has new names. The two
//! names without a hash, the licences and `favicon.ico`, are asked for anew after an hour. Each is there as it is
//! and compressed. The script is there once for each language,
//! with its catalogue in front, and is compressed when it is first asked for.

use super::i18n::{Language, LocalizedMessage};
use super::packing;
use crate::http::{self, Response};
use flate2::Compression;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderValue, VARY};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Hexadecimal digits of the hash in the name of a script that is made at the start: 64 bits.
const NAME_HASH_DIGITS: usize = 16;
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const AN_HOUR: &str = "public, max-age=3600";

/// One embedded file.
pub struct Asset {
    /// Its name under `/assets/`.
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    gzip: Gzip,
}

/// The same bytes, compressed.
enum Gzip {
    /// By the build.
    Built(&'static [u8]),
    /// When they are first asked for.
    Lazy(LazyGzip),
}

type LazyGzip = LazyLock<Vec<u8>, Box<dyn FnOnce() -> Vec<u8> + Send>>;

impl Asset {
    /// The page's script in one language. There is one for each, and it lives as long as the process.
    fn new_script(language: &Language) -> Self {
        let source = format!("const catalogue = {};\n{SCRIPT}", language.catalogue());
        let bytes: &'static [u8] = source.leak().as_bytes();
        let hash = &blake3::hash(bytes).to_hex()[..NAME_HASH_DIGITS];
        Self {
            path: format!("page-{}.{hash}.js", language.code()).leak(),
            content_type: DATASTAR.content_type,
            bytes,
            gzip: Gzip::Lazy(LazyLock::new(Box::new(|| packing::gzip(bytes, Compression::best())))),
        }
    }

    fn gzip(&'static self) -> &'static [u8] {
        match &self.gzip {
            Gzip::Built(bytes) => bytes,
            Gzip::Lazy(bytes) => bytes,
        }
    }
}

/// The page's script in each language, by its code.
static SCRIPTS: LazyLock<BTreeMap<&str, Asset>> = LazyLock::new(|| {
    Language::all().iter().map(|language| (language.code(), Asset::new_script(language))).collect()
});

/// Returns the page's script in this language.
pub fn script(language: &Language) -> &'static Asset {
    &SCRIPTS[language.code()]
}

/// Its address, for templates.
impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/assets/{}", self.path)
    }
}

/// `GET /assets/{*path}`, and `/favicon.ico` as `favicon.ico`.
pub fn respond<B>(path: &str, req: &hyper::Request<B>) -> Response {
    let found = [&DATASTAR, &STYLE, &ICON]
        .into_iter()
        .chain(SCRIPTS.values())
        .map(|asset| (asset, FOR_EVER))
        .chain([(&LICENCES, AN_HOUR)])
        .find(|(asset, _)| asset.path == path)
        .or_else(|| (path == "favicon.ico").then_some((&ICON, AN_HOUR)));
    let Some((asset, kept)) = found else {
        return super::error(
            Language::of(req.headers()),
            StatusCode::NOT_FOUND,
            &LocalizedMessage::of("no-file"),
        );
    };
    let packed = packing::takes_gzip(req.headers());
    let bytes = if packed { asset.gzip() } else { asset.bytes };
    let mut response = http::bytes(StatusCode::OK, asset.content_type, bytes);
    if packed {
        http::set(&mut response, CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    http::set(&mut response, VARY, HeaderValue::from_static("accept-encoding"));
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

/// The build's bundler, for its tests.
#[cfg(test)]
#[path = "../../build/script.rs"]
mod bundler;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_takes_gzip_gets_it() {
        let script = script(&Language::all()[0]);
        for (accepts, packed) in [("gzip, deflate, br", true), ("identity", false)] {
            let req = hyper::Request::builder().header("accept-encoding", accepts).body(()).unwrap();
            let response = respond(script.path, &req);
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), packed, "{accepts}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        for asset in [script, &STYLE] {
            assert!(asset.gzip().len() < asset.bytes.len() / 2 && asset.gzip().starts_with(&[0x1f, 0x8b]));
        }
    }

    #[test]
    fn the_client_is_the_published_one_with_its_licence() {
        assert!(DATASTAR.bytes.starts_with(b"// Datastar v1.0.4\n"));
        let licences = std::str::from_utf8(LICENCES.bytes).unwrap();
        assert!(licences.contains("Star Federation") && licences.contains("Permission is hereby granted"));
    }

    #[test]
    fn an_asset_that_is_kept_for_ever_is_named_by_a_hash() {
        let script = script(&Language::all()[0]);
        for asset in [&DATASTAR, &STYLE, &ICON, script] {
            let hash = asset.path.split('.').nth(1).unwrap();
            assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{}", asset.path);
        }
    }
}
