//! JSON on one line, wherever the reader of the line thinks that lines end.
//!
//! JSON escapes LF, CR and the other control characters of ASCII. It leaves U+0085, U+2028 and U+2029 as they
//! are, and parsers that split by Unicode's line ends (Python's `splitlines`, Java's `Scanner`) would cut a
//! text there. Here these three are escaped too.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The line ends of Unicode that JSON leaves as they are, each with its escape.
const LINE_ENDS: [(&str, &[u8]); 3] =
    [("\u{85}", br"\u0085"), ("\u{2028}", br"\u2028"), ("\u{2029}", br"\u2029")];

/// Appends a value as JSON that holds no line end.
pub fn write(value: &impl Serialize, out: &mut Vec<u8>) {
    value
        .serialize(&mut Serializer::with_formatter(out, OneLine))
        .expect("shapes of ours have string keys and no failing parts, and a vector takes all");
}

struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        // The first bytes of the three; few texts have any of them.
        while let Some(at) = memchr::memchr2(0xc2, 0xe2, rest.as_bytes()) {
            let (before, found) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let (character, after) = found.split_at(found.chars().next().map_or(0, char::len_utf8));
            let line_end = LINE_ENDS.iter().find(|(line_end, _)| *line_end == character);
            writer.write_all(line_end.map_or(character.as_bytes(), |(_, escape)| *escape))?;
            rest = after;
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reader_of_lines_finds_an_end_in_a_text_and_every_reader_of_json_finds_the_text() {
        // Python's `str.splitlines` ends a line at each of these.
        let ends = "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}";
        for text in [
            ends.to_owned(),
            format!("a{ends}b"),
            ends.chars().flat_map(|end| [end, '\u{c2}', '\u{e2}', '\u{20ac}', '\u{a0}']).collect(),
            "\u{2027}\u{202a}\u{84}\u{86}\u{10ffff}Gr\u{fc}\u{df}e \u{2764}\u{fe0f}".to_owned(),
            "\"\\\u{2028}\\u2028\"".to_owned(),
            String::new(),
        ] {
            let mut line = Vec::new();
            write(&[(&text, &text)], &mut line);
            let line = String::from_utf8(line).unwrap();
            assert!(!line.contains(|c| ends.contains(c)), "{line:?}");
            let read: Vec<(String, String)> = serde_json::from_str(&line).unwrap();
            assert_eq!(read, [(text.clone(), text)]);
        }
    }

    #[test]
    fn nothing_else_is_escaped() {
        let mut line = Vec::new();
        write(&"Gr\u{fc}\u{df}e \u{2764}\u{fe0f} \u{20ac}\u{a0}", &mut line);
        assert_eq!(String::from_utf8(line).unwrap(), "\"Gr\u{fc}\u{df}e \u{2764}\u{fe0f} \u{20ac}\u{a0}\"");
    }
}
