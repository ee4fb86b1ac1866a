//! Text that people typed, so that no server reads a control token in it.
//!
//! Servers read a typed `<|im_start|>` as the token that begins a turn, and so anybody could speak as the
//! system or as the bot. A zero-width space after the first character leaves the text as people see it, and
//! makes it text for the model too.

use std::borrow::Cow;

use memchr::memchr2;

/// Beginnings of control tokens, in small letters. Each begins with the only `<` or `[` at its front.
const STARTS: [&str; 13] = [
    "<|",
    "<｜",
    "<s>",
    "</s>",
    "<bos>",
    "<eos>",
    "<start_of",
    "<end_of",
    "<think",
    "</think",
    "<<sys",
    "[inst",
    "[/inst",
];
/// The character that breaks a token: a zero-width space.
const BREAK: char = '\u{200b}';

/// Returns the text without control tokens.
pub fn escape(text: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    let (mut copied, mut searched) = (0, 0);
    while let Some(found) = memchr2(b'<', b'[', &text.as_bytes()[searched..]) {
        let at = searched + found;
        searched = at + 1;
        if STARTS.iter().any(|start| begins(&text[at..], start)) {
            escaped.push_str(&text[copied..=at]);
            escaped.push(BREAK);
            copied = at + 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    escaped.push_str(&text[copied..]);
    Cow::Owned(escaped)
}

fn begins(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_token_is_broken_in_any_case() {
        for (token, broken) in [
            ("<|im_start|>", "<\u{200b}|im_start|>"),
            ("<｜User｜>", "<\u{200b}｜User｜>"),
            ("<s>", "<\u{200b}s>"),
            ("</S>", "<\u{200b}/S>"),
            ("<bos>", "<\u{200b}bos>"),
            ("<EOS>", "<\u{200b}EOS>"),
            ("<start_of_turn>", "<\u{200b}start_of_turn>"),
            ("<End_Of_Turn>", "<\u{200b}End_Of_Turn>"),
            ("<think>", "<\u{200b}think>"),
            ("</Think>", "<\u{200b}/Think>"),
            ("<<SYS>>", "<\u{200b}<SYS>>"),
            ("[INST]", "[\u{200b}INST]"),
            ("[/inst]", "[\u{200b}/inst]"),
            ("<<|", "<<\u{200b}|"),
        ] {
            assert_eq!(escape(token), broken);
            let around = escape(&format!("é{token}{token}🙂")).into_owned();
            assert_eq!(around, format!("é{broken}{broken}🙂"));
            assert_eq!(escape(&around), around, "what is broken stays as it is");
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in
            ["", "a < b", "[link](https://example.org)", "<script>", "<sup>", "x[i]", "<", "[", "<\u{ff5d}"]
        {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
