//! The choice of a reader's language.

use fluent_langneg::{NegotiationStrategy, negotiate_languages, parse_accepted_languages};
use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};

use super::catalogue::{FALLBACK, Language, identifier};
use super::language_cookie;
use crate::headers;

/// Limits how much of `Accept-Language` is read, in bytes; what follows counts as not there.
pub const ACCEPTED_BYTES_MAX: usize = 1_024;

impl Language {
    /// Returns the language that a reader chose, else the first of their browser's that there is, else
    /// English.
    pub fn of(headers: &HeaderMap) -> &'static Self {
        language_cookie::chosen(headers).unwrap_or_else(|| Self::accepted(headers))
    }

    /// Returns the first language of a reader's browser that there is, else English.
    pub fn accepted(headers: &HeaderMap) -> &'static Self {
        let mut left = ACCEPTED_BYTES_MAX;
        let entries = headers::entries(headers, &ACCEPT_LANGUAGE, b',').map_while(|entry| {
            left = left.checked_sub(entry.len() + 1)?;
            Some(std::str::from_utf8(entry).unwrap_or_default())
        });
        accepted_language(&entries.collect::<Vec<_>>().join(","))
    }
}

fn accepted_language(accepted: &str) -> &'static Language {
    let requested = parse_accepted_languages(accepted);
    let available: Vec<_> = Language::all().iter().map(|language| identifier(language.code())).collect();
    let fallback = identifier(FALLBACK);
    let found = negotiate_languages(&requested, &available, Some(&fallback), NegotiationStrategy::Lookup);
    let found = found.first().and_then(|found| Language::by_code(found.language.as_str()));
    found.unwrap_or_else(Language::english)
}
