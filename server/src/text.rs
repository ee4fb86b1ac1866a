//! The written rule for what people may type, applied before anything is stored.
//!
//! Every text: CRLF and a lone CR become LF. A CR would end a line of an SSE frame, so none may get in.
//!
//! A message's content: control characters other than LF and TAB are removed, and so are the characters
//! that turn the direction of what follows (U+202A to U+202E, U+2066 to U+2069); the rest stays as typed. It
//! must have something visible and at most [`CONTENT_BYTES_MAX`] bytes.
//!
//! A name: control, format and other invisible characters are removed (a joiner or a variation selector
//! stays between visible characters, where emoji and scripts need it), every run of white space becomes one
//! space, the ends are trimmed, and the result is normalised to NFC. It must have something visible, at
//! most [`NAME_GRAPHEMES_MAX`] characters as people count them, and at most [`NAME_BYTES_MAX`] bytes.

use millchat::CONTENT_BYTES_MAX;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// Longest name, in characters as people count them (grapheme clusters).
pub const NAME_GRAPHEMES_MAX: usize = 40;
/// Longest name, in bytes. A character can be any number of bytes long, so both are limited.
pub const NAME_BYTES_MAX: usize = 160;

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
    Ok(name)
}

/// A message's content by the rule.
pub fn content(typed: &str) -> Result<String, TextError> {
    let content: String = lines(typed)
        .chars()
        .filter(|&c| matches!(c, '\n' | '\t') || !(c.is_control() || turns_direction(c)))
        .collect();
    if content.len() > CONTENT_BYTES_MAX {
        return Err(TextError::ContentTooLong { bytes: content.len() });
    }
    if !content.chars().any(is_visible) {
        return Err(TextError::ContentInvisible);
    }
    Ok(content)
}

/// CRLF and a lone CR become LF.
fn lines(typed: &str) -> String {
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

/// A joiner, or a selector of the variant of the character before it.
fn is_joiner_or_selector(c: char) -> bool {
    is_joiner(c) || matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Takes no ink and no room, or looks like a blank without being white space.
fn is_invisible(c: char) -> bool {
    let category = c.general_category();
    matches!(category, GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::Unassigned)
        // Ignorable by default though their category does not say so: fillers, selectors, the joiner of
        // graphemes; and the blank of Braille.
        || matches!(
            c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
                | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Can be seen on its own: a mark without a letter to sit on cannot.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !is_invisible(c)
        && c.general_category_group() != GeneralCategoryGroup::Mark
        && c.general_category_group() != GeneralCategoryGroup::Separator
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn a_long_name_is_refused_with_the_limit() {
        assert!(name(&"x".repeat(40)).is_ok());
        assert_eq!(name(&"x".repeat(41)), Err(TextError::NameTooLong { graphemes: 41, bytes: 41 }));
        assert!(name(&"\u{1f600}".repeat(40)).is_ok());
        let error = name(&"\u{1f600}".repeat(10_000)).unwrap_err();
        assert!(error.to_string().contains("the limit is 40 characters and 160 bytes"), "{error}");
        // One character to the eye, 201 bytes.
        let tower = format!("a{}", "\u{323}".repeat(100));
        assert!(matches!(name(&tower), Err(TextError::NameTooLong { graphemes: 1, .. })));
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
            typed in "[ab \r\n\t\u{301}\u{323}\u{200c}\u{200d}\u{200b}\u{fe0f}\u{3164}\u{202e}\u{1f600}\u{344}\u{1100}\u{1161}]{0,30}"
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
