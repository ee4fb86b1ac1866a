//! Marks of emphasis: which of them open and close something, and which two belong together.
//!
//! A mark inside of a word is a letter, and so is one in a face, a path, a pattern or a sum. So a mark opens
//! only behind white space or what people put before a word, and closes only before the like. In a language
//! without spaces the next word can follow directly.
//!
//! Each mark is put on the stack once and taken off once, so the work is linear in the number of marks.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::letters::Kind;
use super::writer::Element;

/// More marks in a row than these are a line that somebody drew.
pub const MARKS_MAX: usize = 3;

/// The part that a run has among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The run may open and close.
    Any,
    /// The run would have done so without its backslash, which goes.
    Unescaped,
    /// None: nothing that could be emphasised is between it and the one that it belongs to.
    None,
}

/// The same mark, once or more.
#[derive(Debug)]
pub struct Run {
    /// The mark.
    pub mark: u8,
    /// Number of marks.
    pub length: usize,
    /// A backslash is before it.
    pub is_escaped: bool,
    /// The text before it, up to here, has this many letters.
    pub letters: usize,
    /// The text before it, up to here, has this many characters that no identifier has.
    pub others: usize,
    /// It can open.
    pub opens: bool,
    /// It can close.
    pub closes: bool,
    /// The part that it has.
    pub part: Part,
    /// The elements that it closes, in this order.
    pub closed: Vec<Element>,
    /// The elements that it opens, the innermost first.
    pub opened: Vec<Element>,
    /// Marks of it that do nothing yet.
    pub left: usize,
}

impl Run {
    /// Makes a run between two characters.
    pub fn new(mark: u8, length: usize, is_escaped: bool, (before, after): (&str, &str)) -> Self {
        let is_mark = if mark == b'~' { length == 2 } else { length <= MARKS_MAX };
        // A mark in quotation marks is spoken of.
        let is_cited = matches!((before.chars().next_back(), after.chars().next()),
            (Some(before @ ('"' | '\'' | '`')), Some(after)) if before == after);
        let is_mark = is_mark && !is_cited;
        Self {
            mark,
            length,
            is_escaped,
            letters: 0,
            others: 0,
            opens: is_mark && may_follow_opening(after) && may_precede_opening(mark, length, before, after),
            closes: is_mark && may_precede_closing(before) && may_follow_closing(mark, length, before, after),
            part: Part::Any,
            closed: Vec::new(),
            opened: Vec::new(),
            left: length,
        }
    }

    fn element(&self, length: usize) -> Element {
        match (self.mark, length) {
            (b'~', _) => Element::Struck,
            (_, 1) => Element::Italic,
            _ => Element::Bold,
        }
    }

    /// The elements that this many marks stand for, the innermost first.
    fn elements(&self, length: usize) -> Vec<Element> {
        if length == MARKS_MAX { vec![Element::Italic, Element::Bold] } else { vec![self.element(length)] }
    }
}

fn may_follow_opening(after: &str) -> bool {
    let mut next = after.chars();
    let Some(first) = next.next() else { return false };
    match first {
        // The end of a name: `*.rs`.
        '.' => !next.next().is_some_and(char::is_alphanumeric),
        // A face or a path, or what stands behind something.
        ')' | ']' | '}' | ',' | ';' | ':' | '!' | '?' | '/' | '\\' | '^' | '=' | '%' | '|' | '<' | '>' => {
            false
        }
        _ if first.is_ascii() => !first.is_ascii_whitespace(),
        _ => Kind::of(first) != Kind::Space,
    }
}

fn may_precede_closing(before: &str) -> bool {
    match before.chars().next_back() {
        None | Some('(' | '[' | '{' | '<' | '/' | '\\' | '^' | '=') => false,
        Some(last) => !last.is_whitespace(),
    }
}

fn may_precede_opening(mark: u8, length: usize, before: &str, after: &str) -> bool {
    let Some(last) = before.chars().next_back() else { return true };
    let next = after.chars().next();
    match last {
        // The cheek of a face is none: `(*´ω`*)`.
        '(' | '（' => next.is_some_and(starts_text),
        '[' | '{' | '<' | '>' | '"' | '\'' | ',' | '|' | '*' | '_' | '`' => true,
        '~' => before.ends_with("~~"),
        // A path, a sum.
        '/' | '\\' | ')' | ']' | '}' => false,
        _ if last.is_ascii_punctuation() => is_clear(mark, length),
        _ => match Kind::of(last) {
            Kind::Space | Kind::Punctuation | Kind::Emoji => true,
            Kind::Unspaced => mark != b'_',
            Kind::Word => mark != b'_' && next.is_some_and(needs_no_space),
            Kind::Symbol => is_clear(mark, length),
        },
    }
}

/// Returns true if what people write can begin so: with a letter, a mark, a bracket, a quotation mark or a
/// sign.
fn starts_text(c: char) -> bool {
    match c {
        '*' | '_' | '~' | '`' | '+' | '-' | '#' | '@' | '$' | '"' | '\'' | '(' | '[' => true,
        _ if c.is_ascii_punctuation() => false,
        _ => match Kind::of(c) {
            Kind::Word | Kind::Unspaced | Kind::Emoji => true,
            Kind::Punctuation => {
                let opening = [GeneralCategory::OpenPunctuation, GeneralCategory::InitialPunctuation];
                opening.contains(&c.general_category())
            }
            Kind::Space | Kind::Symbol => false,
        },
    }
}

/// Returns true for marks that mean nothing else, so that a sign beside them is no reason for doubt.
fn is_clear(mark: u8, length: usize) -> bool {
    mark != b'_' && length >= 2
}

/// Returns true for letters and punctuation of a language without spaces.
fn needs_no_space(c: char) -> bool {
    match Kind::of(c) {
        Kind::Unspaced => true,
        Kind::Punctuation => matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff65}'),
        _ => false,
    }
}

fn may_follow_closing(mark: u8, length: usize, before: &str, after: &str) -> bool {
    let mut next = after.chars();
    let Some(first) = next.next() else { return true };
    let goes_on = next.next().is_some_and(char::is_alphanumeric);
    match first {
        // The middle of a path or a pattern.
        '.' | ':' | '-' | '/' if length == 1 || mark == b'_' => !(goes_on || mark == b'_' && first == '/'),
        ')' | ']' | '}' | '<' | '>' | '"' | '\'' | '.' | ',' | ';' | ':' | '!' | '?' | '-' | '/' | '|'
        | '*' | '_' | '~' | '`' | '\\' => true,
        '(' | '[' | '=' => mark != b'_',
        _ if first.is_ascii_punctuation() => is_clear(mark, length),
        _ => match Kind::of(first) {
            Kind::Space | Kind::Punctuation | Kind::Emoji => true,
            Kind::Unspaced => mark != b'_',
            Kind::Word => mark != b'_' && before.chars().next_back().is_some_and(needs_no_space),
            Kind::Symbol => is_clear(mark, length),
        },
    }
}

/// Finds the runs that belong together.
#[derive(Default)]
pub struct Matcher {
    /// Runs that are open, by their numbers.
    open: Vec<usize>,
    /// The open ones of each sort: its mark, and its marks that are left.
    counts: [[usize; MARKS_MAX + 1]; 3],
}

impl Matcher {
    /// Takes the run with this number.
    pub fn take(&mut self, runs: &mut [Run], number: usize) {
        if runs[number].closes {
            self.close(runs, number);
        }
        let run = &runs[number];
        if run.opens && run.left == run.length && run.part == Part::Any {
            self.count(run, true);
            self.open.push(number);
        }
    }

    /// Forgets what is open: nothing reaches over an empty line.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn close(&mut self, runs: &mut [Run], number: usize) {
        let is_done = |run: &Run| run.left == 0 || run.part != Part::Any;
        while !is_done(&runs[number]) && self.has_partner(&runs[number]) {
            let opener = self.open[self.open.len() - 1];
            if pair(&runs[opener], &runs[number]) == 0 {
                // It is inside of what ends here.
                self.pop(runs);
                continue;
            }
            self.join(runs, opener, number);
        }
    }

    fn join(&mut self, runs: &mut [Run], opener: usize, closer: usize) {
        let length = pair(&runs[opener], &runs[closer]);
        let (one, other) = (&runs[opener], &runs[closer]);
        let is_identifier = one.mark == b'_' && length >= 2 && one.others == other.others;
        if one.letters == other.letters || is_identifier {
            // Nothing that could be emphasised: a face, or `__init__`.
            self.pop(runs);
            runs[closer].part = Part::None;
            return;
        }
        if one.is_escaped || other.is_escaped {
            let opener_is_escaped = one.is_escaped;
            if other.is_escaped {
                runs[closer].part = Part::Unescaped;
            }
            if opener_is_escaped {
                runs[opener].part = Part::Unescaped;
                self.pop(runs);
            }
            return;
        }
        self.pop(runs);
        let elements = runs[opener].elements(length);
        runs[opener].opened.extend(&elements);
        runs[closer].closed.extend(&elements);
        runs[opener].left -= length;
        runs[closer].left -= length;
        if runs[opener].left > 0 {
            self.count(&runs[opener], true);
            self.open.push(opener);
        }
    }

    fn pop(&mut self, runs: &[Run]) {
        if let Some(last) = self.open.pop() {
            self.count(&runs[last], false);
        }
    }

    fn count(&mut self, run: &Run, more: bool) {
        let count = &mut self.counts[sort(run.mark)][run.left];
        *count = if more { *count + 1 } else { *count - 1 };
    }

    fn has_partner(&self, run: &Run) -> bool {
        let counts = &self.counts[sort(run.mark)];
        match run.left {
            MARKS_MAX => counts.iter().any(|count| *count > 0),
            left => counts[left] > 0 || counts[MARKS_MAX] > 0,
        }
    }
}

/// Returns the number of marks that two runs have for each other: those of the shorter one, if it fits.
fn pair(opener: &Run, closer: &Run) -> usize {
    let (one, other) = (opener.left, closer.left);
    if opener.mark != closer.mark {
        0
    } else if one == other || one == MARKS_MAX {
        other
    } else if other == MARKS_MAX {
        one
    } else {
        0
    }
}

fn sort(mark: u8) -> usize {
    match mark {
        b'*' => 0,
        b'_' => 1,
        _ => 2,
    }
}
