//! A query: the terms that a message must have, all of them.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use super::terms::{Kind, Term, TermHash, for_each, hash};
use crate::limits::{QUERY_BYTES_MAX, QUERY_TERMS_MAX};

/// A query, split into its terms.
///
/// Every term must be in a message, as a whole word (or a pair of characters, where a script has no spaces).
/// The beginning of a word does not find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The terms, folded, in ascending order; at most [`QUERY_TERMS_MAX`].
    terms: Vec<Box<str>>,
}

/// A text that is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It has no word.
    #[error("a search needs at least one word: a letter, a digit or a picture")]
    Empty,
    /// It is too long.
    #[error("the search is {bytes} bytes; the limit is {QUERY_BYTES_MAX}")]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// It has too many terms.
    #[error("the search has {terms} different words or pairs of characters; the limit is {QUERY_TERMS_MAX}")]
    TooManyTerms {
        /// Its terms.
        terms: usize,
    },
}

impl Query {
    /// Splits a text into the terms to look for.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryError::TooLong { bytes: text.len() });
        }
        let (mut terms, mut singles, mut pairs) = (BTreeSet::new(), Vec::new(), Vec::new());
        let _ = for_each(text, |Term { kind, folded, range }| {
            let folded: Box<str> = folded.into();
            match kind {
                Kind::Word => drop(terms.insert(folded)),
                Kind::Single => singles.push((folded, range)),
                Kind::Pair => {
                    terms.insert(folded);
                    pairs.push(range);
                }
            }
            ControlFlow::<()>::Continue(())
        });
        // A character is looked for by itself only if it has no neighbour to make a pair with.
        let is_part = |of: &Range<usize>| pairs.iter().any(|pair| of.start < pair.end && pair.start < of.end);
        terms.extend(singles.into_iter().filter(|(_, of)| !is_part(of)).map(|(single, _)| single));
        match terms.len() {
            0 => Err(QueryError::Empty),
            terms if terms > QUERY_TERMS_MAX => Err(QueryError::TooManyTerms { terms }),
            _ => Ok(Self { terms: terms.into_iter().collect() }),
        }
    }

    /// Returns true if a text has every term.
    pub fn matches(&self, text: &str) -> bool {
        let mut missing = u64::MAX >> (u64::BITS as usize - self.terms.len());
        for_each(text, |term| {
            if let Some(nth) = self.nth(term.folded) {
                missing &= !(1 << nth);
            }
            if missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .is_break()
    }

    /// Returns the parts of a text that are terms of the query, in ascending order and apart from each other.
    pub fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let mut marks: Vec<Range<usize>> = Vec::new();
        let _ = for_each(text, |term| {
            if self.nth(term.folded).is_some() {
                marks.push(term.range);
            }
            ControlFlow::<()>::Continue(())
        });
        marks.sort_by_key(|mark| mark.start);
        marks.dedup_by(|next, one| {
            let joins = next.start <= one.end;
            if joins {
                one.end = one.end.max(next.end);
            }
            joins
        });
        marks
    }

    fn nth(&self, folded: &str) -> Option<usize> {
        self.terms.binary_search_by(|term| (**term).cmp(folded)).ok()
    }

    /// Returns the hashes of the terms.
    pub(crate) fn hashes(&self) -> Vec<TermHash> {
        self.terms.iter().map(|term| hash(term)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(query: &str, text: &str) -> bool {
        Query::parse(query).unwrap().matches(text)
    }

    #[test]
    fn every_term_must_be_there_as_a_whole_word() {
        for (query, text, found) in [
            ("hello", "Hello, world", true),
            ("WORLD hello", "Hello, world", true),
            ("hello there", "Hello, world", false),
            ("hell", "Hello, world", false),
            ("strasse", "In der Straße", true),
            ("creme brulee", "Crème brûlée!", true),
            ("東京", "私は東京に行く", true),
            ("東", "私は東京に行く", true),
            ("京東", "私は東京に行く", false),
            ("東京 hello", "hello 東京", true),
            ("ภาษา", "ฉันพูดภาษาไทย", true),
            ("ไทย", "ฉันพูดภาษาไทย", true),
            ("ทยไ", "ฉันพูดภาษาไทย", false),
            ("かな", "カナ", false),
            ("ｶﾅ", "カナ", true),
            ("🎉", "done 🎉🎉", true),
        ] {
            assert_eq!(is_found(query, text), found, "{query} in {text}");
        }
    }

    #[test]
    fn a_single_character_is_looked_for_only_where_it_stands_alone() {
        let terms =
            |text| Query::parse(text).unwrap().terms.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(terms("東京"), ["東京"]);
        assert_eq!(terms("東 京都"), ["京都", "東"]);
        assert_eq!(terms("東a京"), ["a", "京", "東"]);
        assert_eq!(terms("東。京"), ["京", "東"]);
        assert_eq!(terms("กำ"), ["กํ", "ํา"]);
    }

    #[test]
    fn a_query_is_bounded() {
        assert_eq!(Query::parse("  … "), Err(QueryError::Empty));
        let long = "a".repeat(QUERY_BYTES_MAX + 1);
        assert_eq!(Query::parse(&long), Err(QueryError::TooLong { bytes: QUERY_BYTES_MAX + 1 }));
        let words = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert!(Query::parse(&words(QUERY_TERMS_MAX)).is_ok());
        let terms = QUERY_TERMS_MAX + 1;
        assert_eq!(Query::parse(&words(terms)), Err(QueryError::TooManyTerms { terms }));
        assert!(Query::parse(&"a ".repeat(QUERY_BYTES_MAX / 2)).is_ok(), "repeated words are one");
    }

    #[test]
    fn marks_are_whole_and_apart() {
        let marked = |query: &str, text: &str| {
            let marks = Query::parse(query).unwrap().marks(text);
            marks.into_iter().map(|mark| text[mark].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(marked("strasse foo", "Die Straße, FOO und foo"), ["Straße", "FOO", "foo"]);
        assert_eq!(marked("東京都", "東京都と京都"), ["東京都", "京都"]);
        assert_eq!(marked("ガム", "ｶﾞﾑ!"), ["ｶﾞﾑ"]);
        assert_eq!(marked("東", "東京東"), ["東", "東"]);
    }
}
