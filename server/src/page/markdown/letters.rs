//! Characters by what they mean beside a mark: some languages put spaces between words, others none.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// A character beside a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// White space, or no character at all.
    Space,
    /// A letter, digit or accent of a language that puts spaces between words.
    Word,
    /// A letter of a language that does not.
    Unspaced,
    /// Brackets, quotation marks, dashes, points.
    Punctuation,
    /// A picture.
    Emoji,
    /// Anything else: signs of mathematics, arrows, the parts of a face.
    Symbol,
}

/// First of the signs that people use as pictures; those before are mathematics, arrows, boxes and shapes.
const FIRST_PICTURE: char = '\u{2600}';
/// First of the tones of skin.
const FIRST_TONE: char = '\u{1f3fb}';

impl Kind {
    /// Returns the kind of a character. Rules for the punctuation of ASCII name each character.
    pub fn of(c: char) -> Self {
        if c.is_whitespace() {
            return Self::Space;
        }
        if is_unspaced(c) {
            return Self::Unspaced;
        }
        if c.is_alphanumeric() {
            return Self::Word;
        }
        match c {
            // They join or vary a picture.
            '\u{200d}' | '\u{fe0f}' => return Self::Emoji,
            // Arms of a shrug.
            '\u{203e}' | '\u{ffe3}' => return Self::Symbol,
            _ => {}
        }
        match (c.general_category(), c.general_category_group()) {
            (GeneralCategory::OtherSymbol, _) if c >= FIRST_PICTURE => Self::Emoji,
            (GeneralCategory::ModifierSymbol, _) if c >= FIRST_TONE => Self::Emoji,
            (_, GeneralCategoryGroup::Mark) => Self::Word,
            (_, GeneralCategoryGroup::Punctuation) => Self::Punctuation,
            _ => Self::Symbol,
        }
    }
}

/// Returns true for a letter of a script that is written without spaces between words, or (Korean) with
/// endings that follow a name directly.
pub fn is_unspaced(c: char) -> bool {
    let in_block = matches!(c,
        // Thai, Lao, Tibetan, Myanmar; Khmer.
        '\u{e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Hangul.
        | '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        // Han, kana, Bopomofo, Yi and what belongs to them.
        | '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}'
        | '\u{20000}'..='\u{3ffff}');
    in_block && (c.is_alphanumeric() || c.general_category_group() == GeneralCategoryGroup::Mark)
}
