//! Terms: the words of a text, and the pairs of characters where a script has no spaces.
//!
//! Words are those of UAX 29, and each picture (an emoji) is one. In Chinese, Japanese, Thai, Lao, Khmer and
//! Burmese every two neighbouring characters are a term; so is every single one, for queries of one
//! character. What has neither a letter, a digit nor a picture is no term.

use std::ops::{ControlFlow, Range};

use unicode_properties::UnicodeEmoji as _;
use unicode_script::{Script, UnicodeScript as _};
use unicode_segmentation::UnicodeSegmentation as _;

use super::fold::fold;

/// The hash of a term: its CRC-32. Two terms may have one, so what it finds is compared with the text.
pub(crate) type TermHash = u32;

/// Raised when the rule of folding or splitting changes. What was split by another rule is split again.
const RULE: u32 = 1;

/// Returns a number for the rule by which texts are split, which the tables of Unicode belong to.
pub(crate) fn rule() -> u32 {
    let tables = [
        (u64::from(RULE), 0, 0),
        unicode_segmentation::UNICODE_VERSION,
        (
            u64::from(unicode_normalization::UNICODE_VERSION.0),
            u64::from(unicode_normalization::UNICODE_VERSION.1),
            0,
        ),
        unicode_properties::UNICODE_VERSION,
        (u64::from(char::UNICODE_VERSION.0), u64::from(char::UNICODE_VERSION.1), 0),
    ];
    crc32fast::hash(format!("{tables:?}").as_bytes())
}

/// The kinds of term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, or a picture.
    Word,
    /// One character of a script without spaces.
    Single,
    /// Two neighbouring characters of such scripts.
    Pair,
}

/// A term of a text.
pub(super) struct Term<'a> {
    pub kind: Kind,
    /// Its folded form.
    pub folded: &'a str,
    /// The part of the text that it comes from.
    pub range: Range<usize>,
}

/// Calls `each` with the hash of every term of a text, repeated ones too.
pub(crate) fn for_each_hash(text: &str, mut each: impl FnMut(TermHash)) {
    let _ = for_each(text, |term| {
        each(hash(term.folded));
        ControlFlow::<()>::Continue(())
    });
}

pub(super) fn hash(folded: &str) -> TermHash {
    crc32fast::hash(folded.as_bytes())
}

/// Calls `each` with every term of a text, in the order of their ends, until it breaks.
pub(super) fn for_each<B>(text: &str, each: impl FnMut(Term<'_>) -> ControlFlow<B>) -> ControlFlow<B> {
    let mut splitter = Splitter { each, folded: String::new(), pair: String::new(), before: None };
    if text.is_ascii() {
        // The same words, found several times as fast. What lies between them is no term, and separates nothing
        // where all words are separate.
        for (at, word) in text.unicode_word_indices() {
            splitter.word(at, word)?;
        }
        return ControlFlow::Continue(());
    }
    for (at, segment) in text.split_word_bound_indices() {
        splitter.segment(at, segment)?;
    }
    ControlFlow::Continue(())
}

struct Splitter<F> {
    each: F,
    folded: String,
    pair: String,
    /// The character before, if it is of a script without spaces and nothing came between.
    before: Option<(char, usize)>,
}

impl<B, F: FnMut(Term<'_>) -> ControlFlow<B>> Splitter<F> {
    /// Takes the next segment between two bounds of words.
    fn segment(&mut self, at: usize, segment: &str) -> ControlFlow<B> {
        if segment.is_ascii() || !segment.chars().any(is_unspaced) {
            return self.word(at, segment);
        }
        // Katakana may be joined with other letters.
        let mut word_from = 0;
        for (within, grapheme) in segment.grapheme_indices(true) {
            if grapheme.chars().any(is_unspaced) {
                self.word(at + word_from, &segment[word_from..within])?;
                self.unspaced(at + within, grapheme)?;
                word_from = within + grapheme.len();
            }
        }
        self.word(at + word_from, &segment[word_from..])
    }

    fn word(&mut self, at: usize, segment: &str) -> ControlFlow<B> {
        // Marks of emphasis, which UAX 29 counts as parts of words.
        let word = segment.trim_matches('_');
        let from = at + (segment.len() - segment.trim_start_matches('_').len());
        self.folded.clear();
        fold(word, &mut self.folded);
        if !segment.is_empty() && (self.folded.is_empty() && word.len() == segment.len()) {
            // What shows nothing separates nothing.
            return ControlFlow::Continue(());
        }
        if !segment.is_empty() {
            self.before = None;
        }
        if !self.folded.chars().any(is_of_term) {
            return ControlFlow::Continue(());
        }
        (self.each)(Term { kind: Kind::Word, folded: &self.folded, range: from..from + word.len() })
    }

    fn unspaced(&mut self, at: usize, grapheme: &str) -> ControlFlow<B> {
        let end = at + grapheme.len();
        self.folded.clear();
        fold(grapheme, &mut self.folded);
        for (start, c) in self.folded.char_indices() {
            let single = &self.folded[start..start + c.len_utf8()];
            if is_of_term(c) {
                (self.each)(Term { kind: Kind::Single, folded: single, range: at..end })?;
            }
            if let Some((before, from)) = self.before {
                self.pair.clear();
                self.pair.extend([before, c]);
                (self.each)(Term { kind: Kind::Pair, folded: &self.pair, range: from..end })?;
            }
            self.before = Some((c, at));
        }
        ControlFlow::Continue(())
    }
}

/// Returns true if a character is of a script that is written without spaces.
fn is_unspaced(c: char) -> bool {
    use Script::{Han, Hiragana, Katakana, Khmer, Lao, Myanmar, Thai};
    if c < '\u{e00}' {
        return false;
    }
    match c.script() {
        Han | Hiragana | Katakana | Thai | Lao | Khmer | Myanmar => true,
        // Marks that several of them share, as the one for a long vowel.
        Script::Common => {
            c.is_alphanumeric() && {
                let scripts = c.script_extension();
                scripts.contains_script(Hiragana) && !scripts.is_common()
            }
        }
        _ => false,
    }
}

fn is_of_term(c: char) -> bool {
    c.is_alphanumeric() || (!c.is_ascii() && c.is_emoji_char())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<(Kind, String, &str)> {
        let mut all = Vec::new();
        let _ = for_each(text, |term| {
            all.push((term.kind, term.folded.to_owned(), &text[term.range]));
            ControlFlow::<()>::Continue(())
        });
        all
    }

    fn of(kind: Kind, text: &str) -> Vec<String> {
        terms(text).into_iter().filter(|term| term.0 == kind).map(|term| term.1).collect()
    }

    #[test]
    fn words_are_those_of_uax_29() {
        for (text, words) in [
            (
                "The quick (“brown”) fox can’t jump 32.3 feet, right?",
                &["the", "quick", "brown", "fox", "can't", "jump", "32.3", "feet", "right"][..],
            ),
            ("snake_case, _emphasis_, __x__ — a/b", &["snake_case", "emphasis", "x", "a", "b"]),
            ("Привет, мир!", &["привет", "мир"]),
            ("안녕하세요 세계", &["안녕하세요", "세계"]),
            ("مرحبا بالعالم", &["مرحبا", "بالعالم"]),
            ("party 🎉🎉 ❤️!", &["party", "🎉", "🎉", "❤"]),
            (" \n--- *** … 。、", &[]),
        ] {
            assert_eq!(of(Kind::Word, text), words, "{text}");
        }
    }

    /// The words as the rule for all texts finds them.
    fn by_segments(text: &str) -> Vec<(Kind, String, &str)> {
        let mut all = Vec::new();
        let each = |term: Term<'_>| {
            all.push((term.kind, term.folded.to_owned(), &text[term.range]));
            ControlFlow::<()>::Continue(())
        };
        let mut splitter = Splitter { each, folded: String::new(), pair: String::new(), before: None };
        for (at, segment) in text.split_word_bound_indices() {
            let _ = splitter.segment(at, segment);
        }
        all
    }

    #[test]
    fn words_of_ascii_are_those_that_the_rule_for_all_texts_finds() {
        let kinds = ['a', 'Z', '7', '_', '.', ':', ',', '\'', '"', '-', ' ', '\r', '\n', '\0'];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            let longer = texts.iter().flat_map(|text| kinds.map(|kind| format!("{text}{kind}")));
            texts = longer.collect();
        }
        for text in texts {
            assert_eq!(terms(&text), by_segments(&text), "{text:?}");
        }
        let all: String = (0..128).map(char::from).collect();
        assert_eq!(terms(&all), by_segments(&all));
    }

    #[test]
    fn scripts_without_spaces_are_split_into_pairs() {
        for (text, pairs) in [
            ("東京都", &["東京", "京都"][..]),
            ("東京 都", &["東京"]),
            ("東京、都", &["東京"]),
            ("スーパー", &["スー", "ーパ", "パー"]),
            ("ｶﾞﾑ", &["ガム"]),
            ("食べる人々", &["食べ", "べる", "る人", "人々"]),
            ("กิน", &["กิ", "ิน"]),
            ("ລາວ", &["ລາ", "າວ"]),
            ("a東b京", &[]),
            ("カ_aタナ", &["タナ"]),
        ] {
            assert_eq!(of(Kind::Pair, text), pairs, "{text}");
        }
        assert_eq!(of(Kind::Single, "東京タ"), ["東", "京", "タ"]);
        assert_eq!(of(Kind::Word, "第3章abc"), ["3", "abc"]);
        assert_eq!(of(Kind::Word, "カ_aタ"), ["a"]);
    }

    #[test]
    fn a_term_knows_the_part_of_the_text_that_it_comes_from() {
        let parts: Vec<&str> = terms("Die _Straße_ 東京").into_iter().map(|term| term.2).collect();
        assert_eq!(parts, ["Die", "Straße", "東", "京", "東京"]);
    }
}
