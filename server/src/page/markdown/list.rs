//! Lists: lines that begin with `-`, `*` or a number and a point.
//!
//! One such line is a sum, a date, a temperature, a remark: a list has two of them at least, and numbers
//! follow each other. Its text shows all that was typed, so a mark that an element cannot show (`+`, `1)`, a
//! number with a zero before it) is text.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::writer::Block;

/// Columns from a mark to what is inside of its item, at least.
const INNER_COLUMNS_MIN: usize = 2;
/// Columns that a tab stands for.
const TAB_COLUMNS: usize = 4;
/// Longest number of an item.
const DIGITS_MAX: usize = 9;

/// The beginning of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Point(u8),
    Number(u32),
}

/// An item by its first line.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Columns before its mark.
    indent: usize,
    mark: Mark,
    /// Beginning of its text, in bytes of the line.
    text_at: usize,
    /// The backslash before its mark.
    escape: Option<usize>,
    /// Its text begins as a number or a price.
    is_number: bool,
}

impl Item {
    /// Reads the first line of an item, if it is one.
    pub fn of(line: &str) -> Option<Self> {
        let start = line.len() - line.trim_start_matches([' ', '\t']).len();
        let bytes = line.as_bytes();
        let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut at = start + digits;
        let escape = (bytes.get(at) == Some(&b'\\')).then_some(at);
        at += usize::from(escape.is_some());
        let mark = match bytes.get(at)? {
            mark @ (b'-' | b'*') if digits == 0 => Mark::Point(*mark),
            b'.' if (1..=DIGITS_MAX).contains(&digits) && (digits == 1 || bytes[start] != b'0') => {
                Mark::Number(line[start..start + digits].parse().ok()?)
            }
            _ => return None,
        };
        let rest = &line[at + 1..];
        let text = rest.trim_start_matches([' ', '\t']);
        // A line of nothing but marks is drawn, not listed.
        let is_marks =
            text.starts_with(['-', '*', '+']) && !text[1..].starts_with(|c: char| !c.is_whitespace());
        if text.len() == rest.len() || text.trim().is_empty() || is_marks {
            return None;
        }
        let first = text.chars().next()?;
        let is_number = first.is_numeric() || first.general_category() == GeneralCategory::CurrencySymbol;
        Some(Self {
            indent: columns(&line[..start]),
            mark,
            text_at: line.len() - text.len(),
            escape,
            is_number,
        })
    }

    /// Returns the lines of the item without its mark and without what puts them inside of it.
    pub fn inner<'a>(&self, lines: &[&'a str]) -> Vec<&'a str> {
        let (first, others) = lines.split_first().expect("an item has a line");
        let width = columns(&first[..self.text_at]);
        let mut inner = vec![&first[self.text_at..]];
        inner.extend(others.iter().map(|line| without_columns(line, width)));
        inner
    }

    /// Returns the first line without the backslash that keeps it from being an item.
    pub fn unescaped(&self, line: &str) -> Option<String> {
        self.escape.map(|at| format!("{}{}", &line[..at], &line[at + 1..]))
    }

    /// Returns true if its mark is not a number: one alone can be an item inside of another.
    pub fn is_point(&self) -> bool {
        matches!(self.mark, Mark::Point(_))
    }

    /// Returns true if it can stand below that item in the same list.
    fn follows(&self, last: &Self) -> bool {
        match (last.mark, self.mark) {
            (Mark::Point(last), Mark::Point(mark)) => last == mark,
            (Mark::Number(last), Mark::Number(number)) => number == last + 1,
            _ => false,
        }
    }
}

/// Items in a row, each with its lines.
pub struct List<'a> {
    /// The items.
    pub items: Vec<(Item, &'a [&'a str])>,
    /// Lines of all of them.
    pub length: usize,
    /// There are points inside of items.
    has_inner: bool,
}

impl<'a> List<'a> {
    /// Reads the list that begins with this item.
    pub fn read(lines: &'a [&'a str], first: Item) -> Self {
        let mut starts = vec![(first, 0)];
        let mut has_inner = false;
        let (mut last, mut at, mut length) = (first, 1, 1);
        while let Some(line) = lines.get(at) {
            if line.trim().is_empty() {
                // One empty line may be between two items, or inside of one.
                match lines.get(at + 1) {
                    Some(next) if !next.trim().is_empty() => at += 1,
                    _ => break,
                }
            }
            let line = lines[at];
            let item = Item::of(line);
            if columns_before(line) >= first.indent + INNER_COLUMNS_MIN {
                has_inner |= item.is_some_and(|item| item.is_point());
            } else if let Some(item) = item.filter(|item| item.indent >= first.indent && item.follows(&last))
            {
                starts.push((item, at));
                last = item;
            } else {
                break;
            }
            at += 1;
            length = at;
        }
        let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([length]);
        let items =
            starts.iter().zip(ends).map(|((item, start), end)| (*item, &lines[*start..end])).collect();
        Self { items, length, has_inner }
    }

    /// Returns true if it is one line, with what belongs to it.
    pub fn is_single(&self) -> bool {
        self.items.len() == 1 && !self.has_inner
    }

    /// Returns true if a backslash keeps one of its items from being one.
    pub fn is_escaped(&self) -> bool {
        self.items.iter().any(|(item, _)| item.escape.is_some())
    }

    /// Returns true if its marks can be signs of numbers.
    pub fn is_of_numbers(&self) -> bool {
        self.items.iter().all(|(item, _)| item.mark == Mark::Point(b'-') && item.is_number)
    }

    /// Returns the element of the list.
    pub fn block(&self) -> Block {
        match (self.items.first().map(|(item, _)| item.mark), self.items.last().map(|(item, _)| item.mark)) {
            (Some(Mark::Number(first)), Some(Mark::Number(last))) => Block::Numbers(first, last),
            _ => Block::Points,
        }
    }
}

/// Returns the columns that a text of ASCII takes.
fn columns(text: &str) -> usize {
    text.bytes().map(|byte| if byte == b'\t' { TAB_COLUMNS } else { 1 }).sum()
}

fn columns_before(line: &str) -> usize {
    columns(&line[..line.len() - line.trim_start_matches([' ', '\t']).len()])
}

/// Returns the line without white space of at most this many columns.
fn without_columns(line: &str, width: usize) -> &str {
    let mut taken = 0;
    for (at, byte) in line.bytes().enumerate() {
        taken += match byte {
            b' ' => 1,
            b'\t' => TAB_COLUMNS,
            _ => return &line[at..],
        };
        if taken > width {
            return &line[at..];
        }
    }
    ""
}
