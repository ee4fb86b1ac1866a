//! The text of an answer as it is posted.

use crate::sanitize;

/// Longest text of an answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// The end of an answer that was cut.
const CUT: &str = " …";

/// Returns the text to post, by the rule for what people type, or `None` if nothing of it is visible. An
/// answer that was cut, or is longer than [`ANSWER_BYTES_MAX`], ends in ` …`.
pub fn finished(text: &str, name: &str, is_cut: bool) -> Option<String> {
    let text = without_name(text, name).trim_end();
    let is_cut = is_cut || text.len() > ANSWER_BYTES_MAX;
    let end = if is_cut { text.floor_char_boundary(ANSWER_BYTES_MAX - CUT.len()) } else { text.len() };
    let content = sanitize::content(text[..end].trim_end()).ok()?;
    Some(if is_cut { content + CUT } else { content })
}

/// Returns a text without the `NAME:` with which models begin, as they see it before the words of others, in
/// upper or lower case.
pub fn without_name<'a>(text: &'a str, name: &str) -> &'a str {
    let text = text.trim_start();
    let mut rest = text.chars();
    for expected in name.chars() {
        if !rest.next().is_some_and(|c| c.to_lowercase().eq(expected.to_lowercase())) {
            return text;
        }
    }
    rest.as_str().strip_prefix(':').map_or(text, str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_name_is_removed_once() {
        for (text, expected) in [
            ("Ollama: yes", "yes"),
            (" \noLLAMA:yes", "yes"),
            ("Ollama: Ollama: yes", "Ollama: yes"),
            ("Ollama says: yes", "Ollama says: yes"),
            ("Ollam", "Ollam"),
            ("Ada: yes", "Ada: yes"),
            ("Ollama:", ""),
        ] {
            assert_eq!(without_name(text, "Ollama"), expected, "{text}");
        }
        assert_eq!(without_name("ÖLAMÄ ß: x", "Ölamä ß"), "x");
    }

    #[test]
    fn an_answer_that_is_cut_says_so_and_keeps_its_limit() {
        assert_eq!(finished("yes, because ", "Ollama", true).unwrap(), "yes, because …");
        assert_eq!(finished("yes ", "Ollama", false).unwrap(), "yes");
        let fits = "x".repeat(ANSWER_BYTES_MAX);
        assert_eq!(finished(&fits, "Ollama", false).unwrap(), fits);
        for long in [fits.clone() + "x", "🙂".repeat(ANSWER_BYTES_MAX / 4 + 1)] {
            let cut = finished(&long, "Ollama", false).unwrap();
            assert!(cut.len() <= ANSWER_BYTES_MAX && cut.len() > ANSWER_BYTES_MAX - 8, "{}", cut.len());
            assert!(cut.ends_with(CUT) && long.starts_with(cut.trim_end_matches(CUT)));
        }
    }

    #[test]
    fn an_answer_without_visible_text_is_none_and_the_rest_is_cleaned() {
        for empty in ["", " \n ", "Ollama: ", "\u{200b}", "\u{202e}"] {
            assert_eq!(finished(empty, "Ollama", true), None, "{empty:?}");
        }
        let hostile =
            " <script>alert(1)</script>\ndata: x\rid: 5\n\n@bot\u{202e} [bank](https://evil.example)😀";
        let cleaned = "<script>alert(1)</script>\ndata: x\nid: 5\n\n@bot [bank](https://evil.example)😀";
        assert_eq!(finished(hostile, "Ollama", false).unwrap(), cleaned);
    }
}
