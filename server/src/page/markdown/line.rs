//! The beginning of a text in one line, for a quote: what is inside of lines stays formatted, blocks and
//! links are their text.

use maud::{Markup, PreEscaped};

/// Elements that stay.
const KEPT: [&str; 4] = ["strong", "em", "s", "code"];
/// Elements that have lines of their own.
const BLOCKS: [&str; 5] = ["pre", "blockquote", "ul", "ol", "li"];

/// Returns the first characters of a text's markup in one line.
pub fn line(markup: &Markup, chars_max: usize) -> Markup {
    let mut line = Line { out: String::new(), room: chars_max, wants_space: false };
    let mut open = Vec::new();
    let mut rest = markup.0.as_str();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '<' => rest.find('>').map_or(rest.len(), |at| at + 1),
            '&' => rest.find(';').map_or(rest.len(), |at| at + 1),
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        if first != '<' {
            if first.is_whitespace() {
                line.wants_space = !line.out.is_empty();
            } else if !line.put(piece) {
                line.out.push('…');
                break;
            }
            continue;
        }
        let tag = piece.trim_matches(['<', '>']);
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        line.wants_space |= BLOCKS.contains(&name) && !line.out.is_empty();
        let Some(kept) = KEPT.into_iter().find(|kept| *kept == name) else { continue };
        if tag.starts_with('/') {
            open.pop();
        } else {
            line.space();
            open.push(kept);
        }
        line.out.push_str(piece);
    }
    for name in open.into_iter().rev() {
        line.out.extend(["</", name, ">"]);
    }
    PreEscaped(line.out)
}

struct Line {
    out: String,
    /// Characters that there is still room for.
    room: usize,
    /// There is white space before what comes next.
    wants_space: bool,
}

impl Line {
    fn space(&mut self) {
        if std::mem::take(&mut self.wants_space) {
            self.put(" ");
        }
    }

    /// Returns false if there is no room.
    fn put(&mut self, character: &str) -> bool {
        self.space();
        if self.room == 0 {
            return false;
        }
        self.out.push_str(character);
        self.room -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::formatted;
    use super::*;

    fn shown(content: &str, chars_max: usize) -> String {
        line(&formatted(content).markup, chars_max).0
    }

    #[test]
    fn what_is_inside_of_lines_stays_formatted_and_blocks_are_text() {
        for (content, html) in [
            ("**b** *i* ~~s~~ `<c>`", "<strong>b</strong> <em>i</em> <s>s</s> <code>&lt;c&gt;</code>"),
            ("> a\n- b\n- c\n```\nd\n  e\n```\nf", "a b c <code>d e</code> f"),
            (" a\n\n\t b ", "a b"),
            (
                "see https://example.com and [x](https://a.example)",
                "see https://example.com and x (a.example)",
            ),
        ] {
            assert_eq!(shown(content, 140), html, "{content:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_its_elements_end() {
        for (content, html) in [
            ("abc", "abc"),
            ("abcd", "abc…"),
            ("**ab *cd* e**", "<strong>ab …</strong>"),
            ("&&&&", "&amp;&amp;&amp;…"),
            ("éééé", "ééé…"),
        ] {
            assert_eq!(shown(content, 3), html.replace("ab …", "ab <em>…</em>"), "{content:?}");
        }
    }
}
