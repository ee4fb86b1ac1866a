//! The words that the author of a text says themselves: outside of code, quotes and links, in which nobody is
//! mentioned. The page's script knows the same by the elements.

use maud::Markup;

/// Elements whose words are not the author's, or name nobody.
const NOT_SPOKEN: [&str; 5] = ["code", "pre", "blockquote", "a", "span"];
/// Elements beside which a text ends.
const BLOCKS: [&str; 3] = ["ul", "ol", "li"];
/// Characters that the writer of the markup escapes.
const ENTITIES: [(&str, char); 4] = [("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&amp;", '&')];

/// Returns the pieces of a text that are spoken: each is what stands together in it.
pub fn spoken(markup: &Markup) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut piece, mut depth) = (String::new(), 0_usize);
    let mut rest = markup.0.as_str();
    while let Some(at) = rest.find(['<', '&']) {
        let (text, from) = rest.split_at(at);
        if depth == 0 {
            piece.push_str(text);
        }
        if let Some((entity, character)) = ENTITIES.iter().find(|(entity, _)| from.starts_with(entity)) {
            if depth == 0 {
                piece.push(*character);
            }
            rest = &from[entity.len()..];
            continue;
        }
        let end = from.find('>').map_or(from.len(), |end| end + 1);
        let tag = from[..end].trim_matches(['<', '>']);
        rest = &from[end..];
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        let is_apart = NOT_SPOKEN.contains(&name);
        if is_apart {
            depth = if tag.starts_with('/') { depth.saturating_sub(1) } else { depth + 1 };
        }
        if is_apart || BLOCKS.contains(&name) {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if depth == 0 {
        piece.push_str(rest);
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::super::formatted;
    use super::*;

    #[test]
    fn what_is_in_code_quotes_and_links_is_not_spoken() {
        for (content, pieces) in [
            ("a <b> & \"c\"", &["a <b> & \"c\""][..]),
            ("**a** *b*~~c~~", &["a bc"]),
            ("a `b` c", &["a ", " c"]),
            ("a\n```\nb\n```\nc", &["a", "c"]),
            ("> a\n> `b`\nc", &["c"]),
            ("- a\n- b\nc", &["a", "b", "c"]),
            ("see https://a.example/@b [c](https://d.example) e", &["see ", " ", " ", " e"]),
            ("`a`", &[]),
        ] {
            assert_eq!(spoken(&formatted(content).markup), pieces, "{content:?}");
        }
    }
}
