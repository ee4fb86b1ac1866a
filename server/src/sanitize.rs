//! The written rule for what people may type, applied before anything is stored.
//!
//! Every text: CRLF and a lone CR become LF. A CR would end a line of an SSE frame, so none may get in.
//!
//! A message's content: control characters other than LF and TAB are removed, and so are the characters
//! that turn the direction of what follows (U+202A to U+202E, U+2066 to U+2069); the rest stays as typed. It
//! must have something visible and at most [`CONTENT_BYTES_MAX`] bytes.
//!
//! A name: control, format and other invisible characters are removed (a joiner stays between two emoji, and
//! between two characters of a script whose letters join; a variation selector inside a word), every run of
//! white space becomes one space, the ends are trimmed, the result is normalised to NFC, and of combining
//! marks in a row the first [`MARKS_MAX`] stay. It must have something visible, at most
//! [`NAME_GRAPHEMES_MAX`] characters as people count them, and at most [`NAME_BYTES_MAX`] bytes; and it must
//! not end as the tags of authors look, `#` and four to eight letters or digits.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use millchat::CONTENT_BYTES_MAX;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// Longest name, in characters as people count them (grapheme clusters).
pub const NAME_GRAPHEMES_MAX: usize = 40;
/// Longest name, in bytes. A character can be any number of bytes long, so both are limited.
pub const NAME_BYTES_MAX: usize = 160;
/// Most characters of a name of a provider that are looked at.
const PROVIDER_GRAPHEMES_MAX: usize = 2 * NAME_GRAPHEMES_MAX;
/// Combining marks in a row. Scripts need up to four; more is a tower that reaches over other lines.
const MARKS_MAX: usize = 4;
/// Letters and digits after the `#` of an author's tag, as the page shows it: 40 bits of an id that the
/// server chose. With 20 bits, somebody's tag could be had within seconds, by becoming a guest again and
/// again.
pub const TAG_CHARS: usize = 8;
/// So few of them look like a tag too.
const TAG_LIKE_CHARS_MIN: usize = 4;

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in the name can be seen.
    #[error("a name needs at least one visible character")]
    NameInvisible,
    /// The name is too long.
    #[error(
        "the name has {graphemes} characters in {bytes} bytes; the limit is {NAME_GRAPHEMES_MAX} characters \
         and {NAME_BYTES_MAX} bytes"
    )]
    NameTooLong {
        /// Its characters as people count them.
        graphemes: usize,
        /// Its bytes.
        bytes: usize,
    },
    /// The name ends as a tag looks.
    #[error("a name cannot end in # and four to eight letters or digits: it would look like somebody's tag")]
    NameLikeTag,
    /// Nothing in the content can be seen.
    #[error("a message needs at least one visible character")]
    ContentInvisible,
    /// The content is too long.
    #[error("the message is {bytes} bytes; the limit is {CONTENT_BYTES_MAX}")]
    ContentTooLong {
        /// Its bytes.
        bytes: usize,
    },
}

/// A name by the rule.
pub fn name(typed: &str) -> Result<String, TextError> {
    let kept: String = typed
        .chars()
        .filter_map(|c| match c {
            c if c.is_whitespace() => Some(' '),
            c if is_joiner_or_selector(c) => Some(c),
            c if is_invisible(c) => None,
            c => Some(c),
        })
        .nfc()
        .collect();
    let kept: String = with_bounded_marks(&kept).collect();
    // A joiner that is gone can have stood between two characters that compose.
    let kept: String = with_needed_joiners(&kept).nfc().collect();
    let name = kept
        .split(' ')
        // Nothing joins at an edge; a selector at the end belongs to what it follows.
        .map(|word| word.trim_start_matches(is_joiner_or_selector).trim_end_matches(is_joiner))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if !name.chars().any(is_visible) {
        return Err(TextError::NameInvisible);
    }
    let graphemes = name.graphemes(true).count();
    if graphemes > NAME_GRAPHEMES_MAX || name.len() > NAME_BYTES_MAX {
        return Err(TextError::NameTooLong { graphemes, bytes: name.len() });
    }
    if ends_like_a_tag(&name) {
        return Err(TextError::NameLikeTag);
    }
    Ok(name)
}

/// A name that a provider gives, by the same rule, but cut where it is too long, and without what looks like a
/// tag at its end. `None` when nothing is left.
pub fn name_of_provider(given: &str) -> Option<String> {
    // A long name is cut to what could be kept of it before it is cleaned: cleaning makes nothing longer than
    // its compositions.
    let mut graphemes: Vec<&str> = given.graphemes(true).take(PROVIDER_GRAPHEMES_MAX).collect();
    loop {
        match name(&graphemes.concat()) {
            Ok(name) => return Some(name),
            Err(TextError::NameTooLong { .. }) => drop(graphemes.pop()?),
            // All that looks like one goes, and the sign before it.
            Err(TextError::NameLikeTag) => while graphemes.pop()?.chars().all(char::is_alphanumeric) {},
            Err(_) => return None,
        }
    }
}

/// Without the joiners that nothing needs, by which two names that look the same could differ.
fn with_needed_joiners(name: &str) -> impl Iterator<Item = char> {
    let mut chars = name.chars().peekable();
    // Marks and selectors belong to the character before them, so a joiner joins that.
    let mut left = None;
    std::iter::from_fn(move || {
        loop {
            let c = chars.next()?;
            let right = chars.peek().copied().filter(|&right| !is_mark(right));
            let both = |is: fn(char) -> bool| left.is_some_and(is) && right.is_some_and(is);
            if is_joiner(c) && !(both(joins) || c == '\u{200d}' && both(is_emoji)) {
                continue;
            }
            if !is_mark(c) {
                left = Some(c);
            }
            return Some(c);
        }
    })
}

/// Without the marks that would stack too high. A joiner between marks begins no new stack.
fn with_bounded_marks(name: &str) -> impl Iterator<Item = char> {
    let mut marks = 0;
    name.chars().filter(move |&c| {
        if is_mark(c) {
            marks += 1;
        } else if !is_joiner(c) {
            marks = 0;
        }
        marks <= MARKS_MAX
    })
}

/// Returns true if it ends in `#`, or a character that looks like it, and about as many letters or digits as
/// a tag has.
fn ends_like_a_tag(name: &str) -> bool {
    // Compatible forms (full width, mathematical letters) look the same, and marks change little.
    let seen: Vec<char> = name.nfkc().filter(|&c| !is_mark(c) && !is_joiner(c)).collect();
    let letters = seen.iter().rev().take_while(|c| c.is_alphanumeric()).count();
    let before = seen.len().checked_sub(letters + 1).map(|at| seen[at]);
    (TAG_LIKE_CHARS_MIN..=TAG_CHARS).contains(&letters)
        && before.is_some_and(|c| matches!(c, '#' | '\u{266f}' | '\u{22d5}' | '\u{2317}'))
}

/// Returns the end of an author's id: short, random for every guest, and what tells people of one name apart.
pub fn tag(id: &str) -> &str {
    let start = id.char_indices().rev().nth(TAG_CHARS - 1).map_or(0, |(at, _)| at);
    &id[start..]
}

/// Returns true if the log takes this as the id or the name of an author: up to `max` bytes without control
/// characters.
pub fn is_author_text(text: &str, bytes_max: usize) -> bool {
    !text.is_empty() && text.len() <= bytes_max && !text.contains(char::is_control)
}

/// A message's content by the rule.
pub fn content(typed: &str) -> Result<String, TextError> {
    let mut content = lines(typed);
    let is_kept = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || turns_direction(c));
    // Each byte is looked at, so that many are at once.
    let is_plain = content.bytes().fold(true, |all, byte| all & matches!(byte, b'\n' | b'\t' | b' '..=b'~'));
    if !is_plain && !content.chars().all(is_kept) {
        content.retain(is_kept);
    }
    if content.len() > CONTENT_BYTES_MAX {
        return Err(TextError::ContentTooLong { bytes: content.len() });
    }
    if !content.chars().any(is_visible) {
        return Err(TextError::ContentInvisible);
    }
    // What waits for the disk is counted by its length.
    content.shrink_to_fit();
    Ok(content)
}

/// CRLF and a lone CR become LF.
fn lines(typed: &str) -> String {
    if !typed.contains('\r') {
        return typed.to_owned();
    }
    typed.replace("\r\n", "\n").replace('\r', "\n")
}

/// Embeddings, overrides and isolates: they make a text read other than it is, past its own end.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Zero width joiner and non-joiner.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Selects the variant of the character before it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

fn is_joiner_or_selector(c: char) -> bool {
    is_joiner(c) || is_selector(c)
}

fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Digits, `#` and `*` are emoji too as the standard counts; nothing joins them.
fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

/// Of a block whose letters join, so that a joiner or a non-joiner between two of them is seen: Arabic and
/// its relatives, the scripts of India and its neighbours, Mongolian.
fn joins(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
            | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
    )
}

/// Takes no ink and no room, or looks like a blank without being white space.
fn is_invisible(c: char) -> bool {
    let category = c.general_category();
    matches!(category, GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::Unassigned)
        // Fillers, selectors, tags and the like, of which the standard says that they show nothing.
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || BLANKS.contains(&c)
}

/// Letters and symbols that are drawn as nothing, of which no property says so: the empty pattern of Braille,
/// a note without a head, the blanks of Egyptian hieroglyphs, the spaces of `SignWriting`, and the place of
/// an object that text cannot hold.
const BLANKS: [char; 7] =
    ['\u{2800}', '\u{fffc}', '\u{13441}', '\u{13442}', '\u{1d159}', '\u{1da7f}', '\u{1da80}'];

/// Can be seen on its own: a mark without a letter to sit on cannot.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !is_invisible(c)
        && !is_mark(c)
        && c.general_category_group() != GeneralCategoryGroup::Separator
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_of_a_provider_is_cut_and_cleaned_until_it_is_one() {
        let long = "x".repeat(500);
        let wide = "\u{1f469}\u{200d}\u{1f4bb}".repeat(60);
        for (given, expected) in [
            ("Ada", Some("Ada")),
            (" Ada \t King", Some("Ada King")),
            ("Ada #4kq7x2m9", Some("Ada")),
            ("#4kq7", None),
            ("\u{202e}\u{200b}", None),
            ("", None),
            (&long, Some(&long[..NAME_GRAPHEMES_MAX])),
        ] {
            assert_eq!(name_of_provider(given).as_deref(), expected, "{given:?}");
        }
        let wide = name_of_provider(&wide).unwrap();
        assert!(wide.len() <= NAME_BYTES_MAX && name(&wide).is_ok(), "{wide}");
    }

    #[test]
    fn a_name_is_cleaned_by_the_rule() {
        for (typed, expected) in [
            ("Ada", "Ada"),
            ("  Ada \t\r\n Lovelace ", "Ada Lovelace"),
            ("A\u{0}d\u{7}a", "Ada"),
            ("\u{202e}adA", "adA"),
            ("Ada\u{200b}\u{feff}\u{2060}", "Ada"),
            ("\u{200d}Ada\u{200c}", "Ada"),
            ("Ze\u{301}", "Z\u{e9}"),
            ("\u{2764}\u{fe0f}", "\u{2764}\u{fe0f}"),
            ("\u{1f469}\u{200d}\u{1f4bb}", "\u{1f469}\u{200d}\u{1f4bb}"),
            ("\u{645}\u{6cc}\u{200c}\u{62e}", "\u{645}\u{6cc}\u{200c}\u{62e}"),
            ("\u{915}\u{94d}\u{200d}\u{937}", "\u{915}\u{94d}\u{200d}\u{937}"),
            ("\u{2764}\u{fe0f}\u{200d}\u{1f525}", "\u{2764}\u{fe0f}\u{200d}\u{1f525}"),
            ("\u{1f44b}\u{1f3fd}\u{200d}\u{1f4bb}", "\u{1f44b}\u{1f3fd}\u{200d}\u{1f4bb}"),
            ("\u{1f469}\u{200d}\u{200d}\u{1f4bb}", "\u{1f469}\u{200d}\u{1f4bb}"),
            ("\u{645}\u{301}\u{200c}\u{655}\u{200c}\u{645}", "\u{645}\u{655}\u{301}\u{200c}\u{645}"),
            // Joiners that nothing needs, and what then composes.
            ("A\u{200d}d\u{200c}a", "Ada"),
            ("A\u{200c}\u{1f600}\u{200c}\u{1f600}1\u{200d}2", "A\u{1f600}\u{1f600}12"),
            ("\u{645}\u{200d}a", "\u{645}a"),
            ("Ze\u{200d}\u{301}", "Z\u{e9}"),
            // A tower of marks is cut.
            ("Zx\u{323}\u{323}\u{323}\u{323}\u{323}\u{323}y", "Zx\u{323}\u{323}\u{323}\u{323}y"),
            // No tag at the end.
            ("#1234 Ada", "#1234 Ada"),
            ("Ada #4kq", "Ada #4kq"),
            ("C# Java", "C# Java"),
            ("Ada #4kq7x2m9z", "Ada #4kq7x2m9z"),
            ("Ada #4kq7 x", "Ada #4kq7 x"),
            ("<b>&", "<b>&"),
        ] {
            assert_eq!(name(typed).as_deref(), Ok(expected), "{typed:?}");
        }
    }

    #[test]
    fn a_name_that_nobody_can_see_is_refused() {
        for typed in [
            "",
            " ",
            "\u{200b}",
            "\u{200d}",
            "\u{3164}",
            "\u{2800}",
            "\u{202e}\u{2066}",
            "\u{301}",
            "\u{fe0f}",
            "\u{e0041}",
        ] {
            assert_eq!(name(typed), Err(TextError::NameInvisible), "{typed:?}");
        }
    }

    #[test]
    fn what_draws_nothing_is_no_name_and_no_message() {
        let ranges = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x2800..=0x2800,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff0..=0xfffc,
            0x13430..=0x1343f,
            0x13441..=0x13442,
            0x1bca0..=0x1bca3,
            0x1d159..=0x1d159,
            0x1d173..=0x1d17a,
            0x16fe4..=0x16fe4,
            0xe0000..=0xe0fff,
        ];
        for c in ranges.into_iter().flatten().filter_map(char::from_u32) {
            let typed = format!("{c} {c}");
            assert_eq!(name(&typed), Err(TextError::NameInvisible), "U+{:04X}", u32::from(c));
            assert_eq!(content(&typed), Err(TextError::ContentInvisible), "U+{:04X}", u32::from(c));
            if !is_joiner_or_selector(c) && !is_mark(c) {
                assert_eq!(name(&format!("A{c}da")).as_deref(), Ok("Ada"), "U+{:04X}", u32::from(c));
            }
        }
        for drawn in
            ["\u{1d157}", "\u{2801}", "\u{13000}", "\u{1d13d}", "\u{fffd}", "\u{2423}", "\u{3130}a", "."]
        {
            assert!(content(drawn).is_ok(), "{drawn:?}");
        }
    }

    #[test]
    fn a_long_name_is_refused_with_the_limit() {
        assert!(name(&"x".repeat(40)).is_ok());
        assert_eq!(name(&"x".repeat(41)), Err(TextError::NameTooLong { graphemes: 41, bytes: 41 }));
        assert!(name(&"\u{1f600}".repeat(40)).is_ok());
        let error = name(&"\u{1f600}".repeat(10_000)).unwrap_err();
        assert!(error.to_string().contains("the limit is 40 characters and 160 bytes"), "{error}");
        // Few characters to the eye, many bytes.
        let towers = format!("x{}", "\u{323}".repeat(4)).repeat(20);
        assert_eq!(name(&towers), Err(TextError::NameTooLong { graphemes: 20, bytes: 180 }));
    }

    #[test]
    fn a_name_that_ends_like_a_tag_is_refused() {
        for typed in [
            "Ada #4kq7",
            "Ada#4kq7",
            "Ada #4kq7x",
            "Ada #4kq7x2m9",
            "#4kq7",
            "Ada \u{ff03}\u{ff14}kq7",
            "Ada \u{266f}4kq7",
            "Ada #4k\u{301}q7",
            "Ada #\u{fe0f}4kq7",
            "Ada #4\u{43a}q7",
        ] {
            assert_eq!(name(typed), Err(TextError::NameLikeTag), "{typed:?}");
        }
    }

    #[test]
    fn a_content_is_cleaned_by_the_rule() {
        for (typed, expected) in [
            ("a\r\nb\rc\n", "a\nb\nc\n"),
            ("a\tb", "a\tb"),
            ("a\u{0}\u{1b}[31mb\u{85}", "a[31mb"),
            ("x\u{202e}y\u{2066}z", "xyz"),
            ("  kept  ", "  kept  "),
            ("e\u{301}", "e\u{301}"),
        ] {
            assert_eq!(content(typed).as_deref(), Ok(expected), "{typed:?}");
        }
    }

    #[test]
    fn a_content_that_says_nothing_or_too_much_is_refused() {
        for typed in ["", " \n\t", "\u{200b}", "\r", "\u{a0}\u{3000}", "\u{2028}", "\u{0}"] {
            assert_eq!(content(typed), Err(TextError::ContentInvisible), "{typed:?}");
        }
        assert!(content(&"x".repeat(CONTENT_BYTES_MAX)).is_ok());
        assert_eq!(
            content(&"x".repeat(CONTENT_BYTES_MAX + 1)),
            Err(TextError::ContentTooLong { bytes: CONTENT_BYTES_MAX + 1 })
        );
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_carriage_return_and_cleaning_twice_is_cleaning_once(typed in "(?s).{0,60}") {
            if let Ok(clean) = content(&typed) {
                prop_assert!(!clean.contains('\r'));
                prop_assert_eq!(content(&clean), Ok(clean));
            }
            if let Ok(clean) = name(&typed) {
                prop_assert!(!clean.contains(['\r', '\n']));
                prop_assert!(clean.len() <= NAME_BYTES_MAX);
                prop_assert_eq!(name(&clean), Ok(clean));
            }
        }

        #[test]
        fn the_characters_of_the_rule_in_any_order_are_cleaned_once(
            typed in "[ab# \r\n\t\u{301}\u{323}\u{200c}\u{200d}\u{200b}\u{fe0f}\u{3164}\u{202e}\u{1f600}\u{344}\u{1100}\u{1161}\u{645}\u{654}\u{655}\u{9c7}\u{9be}\u{915}\u{94d}]{0,30}"
        ) {
            if let Ok(clean) = name(&typed) {
                prop_assert_eq!(name(&clean), Ok(clean));
            }
            if let Ok(clean) = content(&typed) {
                prop_assert_eq!(content(&clean), Ok(clean));
            }
        }
    }
}
