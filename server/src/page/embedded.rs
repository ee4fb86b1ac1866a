//! Files that the browser loads beside the page: embedded by `server/build`, named by a hash of their bytes.
//!
//! A name never means other bytes; a new build has new names. Each is there plain and compressed. The script
//! is there once for each language, with its catalogue in front, and is compressed when it is first asked
//! for. The panel's loader is there once, with what it says in every language.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use flate2::Compression;

use super::gzip;
use super::i18n::Language;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The time for which browsers keep what is named by a hash.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Hexadecimal digits of the hash in the name of a script that is made at the start: 64 bits.
const NAME_HASH_DIGITS: usize = 16;

/// The name of the panel's loader, around its hash.
const LOADER_STEM: &str = "embed-";
const LOADER_END: &str = ".js";

/// One embedded file.
pub struct Asset {
    /// Its name under `/assets/`.
    pub path: &'static str,
    /// As the header says it.
    pub content_type: &'static str,
    /// As it is.
    pub bytes: &'static [u8],
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
        let source = format!("const catalogue = {};\n{SCRIPT}", language.catalogue(SCRIPT));
        let bytes: &'static [u8] = source.leak().as_bytes();
        let hash = &blake3::hash(bytes).to_hex()[..NAME_HASH_DIGITS];
        Self {
            path: format!("page-{}.{hash}.js", language.code()).leak(),
            content_type: DATASTAR.content_type,
            bytes,
            gzip: Gzip::Lazy(LazyLock::new(Box::new(|| gzip::compress(bytes, Compression::best())))),
        }
    }

    /// The panel's loader. It runs on pages of others, so its names are its own.
    fn new_loader() -> Self {
        let texts = |language: &Language| serde_json::to_value(language.loader_texts(LOADER));
        let texts = |language| texts(language).expect("texts are strings by name");
        let mut words: BTreeMap<_, _> =
            Language::all().iter().map(|language| (language.code(), texts(language))).collect();
        words.insert("version", env!("CARGO_PKG_VERSION").into());
        let words = serde_json::to_string(&words).expect("texts are strings by name");
        let source = format!("(() => {{\n'use strict';\nconst catalogue = {words};\n{LOADER}}})();\n");
        let bytes: &'static [u8] = source.leak().as_bytes();
        let hash = &blake3::hash(bytes).to_hex()[..NAME_HASH_DIGITS];
        Self {
            path: format!("{LOADER_STEM}{hash}{LOADER_END}").leak(),
            content_type: DATASTAR.content_type,
            bytes,
            gzip: Gzip::Lazy(LazyLock::new(Box::new(|| gzip::compress(bytes, Compression::best())))),
        }
    }

    /// Returns the same bytes, compressed.
    pub fn gzip(&'static self) -> &'static [u8] {
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

static LOADER_ASSET: LazyLock<Asset> = LazyLock::new(Asset::new_loader);

/// Returns the panel's loader.
pub fn loader() -> &'static Asset {
    &LOADER_ASSET
}

/// Returns the hash in the name of the panel's loader.
pub fn loader_hash() -> &'static str {
    loader().path.trim_start_matches(LOADER_STEM).trim_end_matches(LOADER_END)
}

/// Returns the page's scripts, one for each language.
pub fn scripts() -> impl Iterator<Item = &'static Asset> {
    SCRIPTS.values()
}

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

/// The build's bundler, for its tests.
#[cfg(test)]
#[path = "../../build/script.rs"]
mod bundler;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_published_one_with_its_licence() {
        assert!(DATASTAR.bytes.starts_with(b"// Datastar v1.0.4\n"));
        let licences = std::str::from_utf8(LICENCES.bytes).unwrap();
        assert!(licences.contains("Star Federation") && licences.contains("Permission is hereby granted"));
    }
}
