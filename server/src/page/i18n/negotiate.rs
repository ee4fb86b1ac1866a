//! The choice of a reader's language.

use fluent_langneg::{NegotiationStrategy, negotiate_languages, parse_accepted_languages};
use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};

use super::catalogue::{FALLBACK, Language, identifier};
use super::language_cookie;

/// Limits how much of `Accept-Language` is read: a longer header counts as none.
pub const ACCEPTED_BYTES_MAX: usize = 1_024;

impl Language {
    /// Returns the language that a reader chose, else the first of their browser's that there is, else
    /// English.
    pub fn of(headers: &HeaderMap) -> &'static Self {
        language_cookie::chosen(headers).unwrap_or_else(|| {
            let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            accepted_language(accepted.filter(|value| value.len() <= ACCEPTED_BYTES_MAX).unwrap_or_default())
        })
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
