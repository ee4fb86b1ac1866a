//! Folding: what differs only in case, accents or width becomes the same.
//!
//! Compatibility forms are decomposed (NFKD), accents are taken away, case is folded in full (ß is ss, the
//! final sigma is a sigma), and the rest is composed again (NFC). Taken away are the marks that are accents:
//! those of Latin, Greek, Cyrillic, Arabic, Hebrew and Syriac. The vowels of Thai or Devanagari, which are
//! marks too, stay, and so do the voicing marks of Japanese: か and が are two letters. Hiragana and katakana
//! stay apart. The Turkish i, with its dot or without, is an i: who writes `ISTANBUL` finds `İstanbul`,
//! `ıstanbul` and `istanbul`.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript as _};

/// Appends the folded form of a text.
pub(super) fn fold(text: &str, out: &mut String) {
    if text.is_ascii() {
        let from = out.len();
        out.push_str(text);
        out[from..].make_ascii_lowercase();
        return;
    }
    let kept = text.nfkd().filter(|c| !is_accent(*c) && !is_invisible(*c));
    out.extend(kept.flat_map(fold_case).map(straighten).nfc());
}

/// Folds case in full, by way of the upper case. The small form comes first: `ẞ` has no other upper case.
fn fold_case(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// An apostrophe is one however it was typed.
fn straighten(c: char) -> char {
    if matches!(c, '\u{2018}' | '\u{2019}' | '\u{2bc}') { '\'' } else { c }
}

fn is_accent(c: char) -> bool {
    let of_letters = || {
        use Script::{Arabic, Cyrillic, Greek, Hebrew, Inherited, Latin, Syriac};
        matches!(c.script(), Inherited | Latin | Greek | Cyrillic | Arabic | Hebrew | Syriac)
    };
    // The voicing marks of Japanese make another letter.
    !matches!(c, '\u{3099}' | '\u{309a}') && is_combining_mark(c) && of_letters()
}

/// Returns true for what shows nothing, or only stretches a word: soft hyphens, joiners, marks of direction,
/// the Arabic tatweel.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{640}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_case_accents_or_width_is_the_same() {
        for same in [
            &["straße", "STRASSE", "Straße", "STRAẞE"][..],
            &["café", "CAFÉ", "cafe", "cafe\u{301}"],
            &["istanbul", "İSTANBUL", "ISTANBUL", "ıstanbul"],
            &["σοφος", "ΣΟΦΟΣ", "σοφός"],
            &["ёлка", "ЕЛКА", "елка"],
            &["قلم", "قَلَم", "قـلـم"],
            &["احمد", "أحمد"],
            &["שלום", "שָׁלוֹם"],
            &["ガム", "ｶﾞﾑ", "カ\u{3099}ム"],
            &["abc123", "ＡＢＣ１２３"],
            &["office", "oﬃce"],
            &["don't", "don’t", "DON\u{2bc}T"],
            &["zusammen", "zu\u{ad}sammen", "zu\u{200d}sammen"],
            &["한국어", "\u{1112}\u{1161}\u{11ab}국어"],
            &["việt", "VIỆT", "viet"],
        ] {
            let forms: std::collections::HashSet<String> = same.iter().map(|text| folded(text)).collect();
            assert_eq!(forms.len(), 1, "{same:?}: {forms:?}");
        }
    }

    #[test]
    fn letters_that_differ_stay_apart() {
        for apart in
            [&["か", "が", "カ", "ガ"][..], &["กิน", "กัน", "กน"], &["दिन", "दान"], &["a", "ä2"], &["하", "한"]]
        {
            let forms: std::collections::HashSet<String> = apart.iter().map(|text| folded(text)).collect();
            assert_eq!(forms.len(), apart.len(), "{apart:?}: {forms:?}");
        }
    }

    fn folded(text: &str) -> String {
        let mut out = String::new();
        fold(text, &mut out);
        out
    }
}
