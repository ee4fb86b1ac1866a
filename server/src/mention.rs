//! Mentions of a program in a text: `@` and its whole name, in any case, up to the end of a word, by the rule of the
//! page's script (`server/web/script/mention.js`). In code, quotes and links there are none.

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::page::markdown::{formatted, is_unspaced, spoken};

/// Most places of one text that are looked at. It bounds the work.
const TRIED_MAX: usize = 200;
/// Characters before the end of a name, and behind it, by which is seen if a word ends there.
const CONTEXT_CHARS: usize = 16;
/// The characters that begin a mention: of ASCII, and the wide one.
const AT: [char; 2] = ['@', '\u{ff20}'];
/// Characters that are not seen, for the direction of a text.
const INVISIBLE: [char; 6] = ['\u{ad}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}'];

/// A name by which a program is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MentionedName {
    folded: String,
    /// The longer names of other programs that begin like it: at one of those it is not meant.
    longer: Vec<String>,
}

impl MentionedName {
    /// Makes it, among the names of the other programs.
    pub fn new<'a>(name: &str, others: impl IntoIterator<Item = &'a str>) -> Self {
        let folded = fold(name);
        let is_longer = |other: &String| other.len() > folded.len() && other.starts_with(&folded);
        let longer = others.into_iter().map(fold).filter(is_longer).collect();
        Self { folded, longer }
    }

    /// Returns true if the text of a message mentions it.
    pub fn is_in(&self, content: &str) -> bool {
        // Nearly no text has one; the rest is work.
        if !content.contains(AT) {
            return false;
        }
        let pieces = spoken(&formatted(content).markup);
        let places = pieces.iter().flat_map(|piece| piece.match_indices(AT).map(move |place| (piece, place)));
        let mut begun = places.take(TRIED_MAX).filter(|(piece, (at, _))| may_begin(&piece[..*at]));
        begun.any(|(piece, (at, sign))| {
            let rest = &piece[at + sign.len()..];
            ends_in(rest, &self.folded) && !self.longer.iter().any(|other| ends_in(rest, other))
        })
    }
}

/// Returns a text so that texts that differ only in case, or in the way they are encoded, are the same.
fn fold(text: &str) -> String {
    text.nfd().collect::<String>().to_lowercase().to_uppercase().nfd().collect()
}

/// Returns true if what stands before an `@` lets a mention begin, and it is not part of an address.
fn may_begin(before: &str) -> bool {
    let base = before.chars().rev().take(CONTEXT_CHARS).find(|c| !is_extending(*c));
    base.is_none_or(|c| {
        let is_word = c.is_alphanumeric() || c.general_category() == GeneralCategory::ConnectorPunctuation;
        !is_word || (is_unspaced(c) && !is_hangul(c))
    })
}

/// Returns true if a text begins with a name, given folded, at whose end a word ends.
fn ends_in(text: &str, name: &str) -> bool {
    let (mut end, mut length) = (0, 0);
    for character in text.chars() {
        if length >= name.len() {
            break;
        }
        let folded = fold(character.encode_utf8(&mut [0; 4]));
        // Marks may be ordered otherwise over several characters: only a letter decides at once.
        if folded.is_ascii() && !name.get(length..).is_some_and(|rest| rest.starts_with(&folded)) {
            return false;
        }
        length += folded.len();
        end += character.len_utf8();
    }
    length == name.len() && fold(&text[..end]) == name && is_word_end(text, end)
}

/// Returns true if a word ends there, by annex 29 of Unicode. Characters that nobody sees are passed over.
fn is_word_end(text: &str, at: usize) -> bool {
    let (before, rest) = text.split_at(at);
    if rest.starts_with(is_extending) {
        return false;
    }
    let from = before.char_indices().rev().take(CONTEXT_CHARS).last().map_or(at, |(from, _)| from);
    let rest = rest.trim_start_matches(INVISIBLE);
    let around: String = before[from..].chars().chain(rest.chars().take(CONTEXT_CHARS)).collect();
    let mut bounds = around.split_word_bound_indices().map(|(bound, _)| bound);
    rest.is_empty() || bounds.any(|bound| bound == at - from)
}

/// Returns true for a character that is joined to the one before, whatever that is: marks, and parts of emoji.
fn is_extending(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}')
        || c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Korean puts spaces between words.
fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    // The texts of the page's own test.
    include!("../tests/all/browser/mention_cases.rs");

    #[test]
    fn a_program_is_mentioned_where_a_person_of_its_name_is_at_the_page() {
        for (name, meant, not_meant) in CASES {
            let mentioned = MentionedName::new(name, []);
            for text in meant.iter().chain(not_meant) {
                assert_eq!(mentioned.is_in(text), meant.contains(text), "{name}: {text:?}");
            }
        }
    }

    #[test]
    fn at_the_longer_name_of_another_program_it_is_not_meant() {
        let mentioned = MentionedName::new("Deploy", ["deploy bot", "Deploys", "Depl", "Other"]);
        for (text, is_meant) in
            [("@Deploy", true), ("@deploy bob", true), ("@Deploy Bot", false), ("@Deploy bot, @deploy", true)]
        {
            assert_eq!(mentioned.is_in(text), is_meant, "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_signs_is_bounded_work() {
        let mentioned = MentionedName::new("a", []);
        assert!(!mentioned.is_in(&format!("{}@a", "@".repeat(TRIED_MAX))));
        assert!(mentioned.is_in(&format!("{}@a", "@".repeat(TRIED_MAX - 1))));
        let in_pieces = format!("{}@a", "@`x`".repeat(TRIED_MAX));
        assert!(!mentioned.is_in(&in_pieces), "the bound is of the whole text");
    }
}
