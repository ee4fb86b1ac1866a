//! The depth to which the containers of a text may nest, found before the parser sees the text.
//!
//! The parser visits every open container for each line, so nesting multiplies its work: 32,000 marks of a
//! quote before 16,000 short lines are a third of a second. What nests deeper than [`NESTING_MAX`] is not
//! parsed.
//!
//! The figure is an upper bound, by the rules of `CommonMark`. A container begins with a mark at the
//! beginning of a line, behind what continues the containers around it: `>` for a quote, at least two columns
//! for an item of a list. A line without marks may continue a paragraph inside of all containers, and closes
//! them after a blank line.

/// Quotes and lists inside of each other. People see [`super::DEPTH_MAX`] of them.
pub const NESTING_MAX: usize = 16;
/// Columns that a tab can stand for.
const TAB_COLUMNS: usize = 4;
/// Fewest columns that continue an item of a list.
const ITEM_COLUMNS: usize = 2;

/// Returns true if no line of the text nests deeper than [`NESTING_MAX`].
pub fn is_shallow(text: &str) -> bool {
    let mut open = 0;
    let mut after_blank = false;
    for line in text.lines() {
        let prefix = Prefix::of(line);
        let is_blank = prefix.is_blank();
        if !is_blank {
            let depth = prefix.depth(open);
            // Unless it follows a blank line, it may continue the paragraph of the line before it.
            open = if after_blank { depth } else { depth.max(open) };
        }
        after_blank = is_blank;
        if open > NESTING_MAX {
            return false;
        }
    }
    true
}

/// The marks and the white space of a line before its own text.
#[derive(Default)]
struct Prefix {
    /// Columns of white space that can continue items.
    columns: usize,
    /// Marks of quotes: each continues one, or begins one.
    quotes: usize,
    /// Marks of items, which begin one each.
    items: usize,
    /// The line has a text of its own.
    has_text: bool,
}

impl Prefix {
    fn of(line: &str) -> Self {
        let mut prefix = Self::default();
        let mut rest = line.as_bytes();
        while let [first, tail @ ..] = rest {
            rest = match first {
                b' ' | b'\t' => {
                    // Behind the mark of an item nothing is continued.
                    let columns = if *first == b' ' { 1 } else { TAB_COLUMNS };
                    prefix.columns += if prefix.items == 0 { columns } else { 0 };
                    tail
                }
                b'>' => {
                    prefix.quotes += 1;
                    tail
                }
                _ => {
                    let Some(tail) = after_item_mark(rest) else {
                        prefix.has_text = true;
                        break;
                    };
                    prefix.items += 1;
                    tail
                }
            };
        }
        prefix
    }

    fn is_blank(&self) -> bool {
        !self.has_text && self.quotes == 0 && self.items == 0
    }

    /// Returns the containers around the line's text at most, when so many are open before it.
    fn depth(&self, open: usize) -> usize {
        let continued = (self.columns / ITEM_COLUMNS).min(open);
        continued + self.quotes + self.items
    }
}

/// Returns what follows the mark of a list's item, if the line goes on with one.
fn after_item_mark(line: &[u8]) -> Option<&[u8]> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let tail = match line.get(digits..)? {
        [b'-' | b'+' | b'*', tail @ ..] if digits == 0 => tail,
        [b'.' | b')', tail @ ..] if digits > 0 => tail,
        _ => return None,
    };
    matches!(tail.first(), None | Some(b' ' | b'\t')).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_shallow() {
        for text in [
            String::new(),
            "a\n\nb".into(),
            "- a\n  - b\n    - c\n\nend".into(),
            "> > > quoted\n> > more\n".repeat(1_000),
            "- item\n".repeat(5_000),
            "1. one\n2. two\n\n".repeat(2_000),
            format!("```\n{}x\n```", " ".repeat(400)),
            format!("{}x\n", "\t".repeat(100)).repeat(100),
            "-".repeat(1_000),
            "* * * * *\n\n".repeat(300),
            ">".repeat(NESTING_MAX),
        ] {
            assert!(is_shallow(&text), "{:?}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn what_nests_deeper_than_the_limit_is_not() {
        let deep = NESTING_MAX + 1;
        let stairs = |mark: &str, step: &str| {
            (0..deep).map(|level| step.repeat(level) + mark + " a\n").collect::<String>()
        };
        for text in [
            ">".repeat(deep),
            "> ".repeat(deep),
            "- ".repeat(deep),
            "1. ".repeat(deep),
            format!("{}a\nb", ">- ".repeat(deep / 2 + 1)),
            stairs("-", "  "),
            stairs("+", "\t"),
            stairs("7)", "   "),
            stairs(">", ">"),
            stairs("-", "  ").replace('\n', "\n\n"),
        ] {
            assert!(!is_shallow(&text), "{text:?}");
        }
    }
}
