//! Marks inside of lines: code, links, emphasis.
//!
//! The first mark to begin counts: there are no marks inside of a link that stands in the text, nor inside of
//! code. A backslash is shown unless it stands directly before a mark that would have done something.

use std::collections::HashSet;
use std::ops::Range;

use super::brackets::Brackets;
use super::letters::Kind;
use super::links::{self, Bare};
use super::marks::{Matcher, Part, Run};
use super::ticks::{Ticks, unpadded};
use super::writer::{Element, Writer};

const MARKS: [char; 3] = ['*', '_', '~'];

/// Writes a text without blocks.
pub fn write(text: &str, out: &mut Writer) {
    write_part(text, false, out);
}

/// A piece of a text.
enum Piece<'a> {
    Text(Range<usize>),
    Code(Range<usize>, &'a str),
    Link(Bare<'a>),
    /// A link with a text of its own: that, and its target and host.
    Named(Range<usize>, &'a str, &'a str, String),
    /// A run of marks, by its number.
    Run(Range<usize>, usize),
    /// A backslash that did its work.
    Nothing,
}

fn write_part(text: &str, is_link: bool, out: &mut Writer) {
    let mut scanner = Scanner::new(text, is_link);
    scanner.scan();
    let Scanner { pieces, runs, .. } = scanner;
    let mut begun = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(range) => out.text(&text[range]),
            Piece::Nothing => out.pass_over(),
            Piece::Link(link) => out.bare_link(&link),
            Piece::Code(range, code) => {
                if out.begin(Element::Code) {
                    out.code(code);
                    out.end(Element::Code);
                } else {
                    out.text(&text[range]);
                }
            }
            Piece::Named(range, name, target, host) => {
                if out.may_link() {
                    out.begin_named_link(target);
                    write_part(name, true, out);
                    out.end_named_link(&host);
                } else {
                    out.text(&text[range]);
                }
            }
            Piece::Run(range, number) => write_run(&runs[number], &text[range], &mut begun, out),
        }
    }
}

/// Writes what a run closes and opens, and the marks that do neither.
fn write_run(run: &Run, typed: &str, begun: &mut Vec<bool>, out: &mut Writer) {
    if run.closed.is_empty() && run.opened.is_empty() {
        if run.part == Part::Unescaped {
            out.pass_over();
            return out.text(&typed.replace('\\', ""));
        }
        return out.text(typed);
    }
    let marks = |element: Element| if element == Element::Italic { &typed[..1] } else { &typed[..2] };
    for element in &run.closed {
        if begun.pop().unwrap_or_default() {
            out.end(*element);
        } else {
            out.text(marks(*element));
        }
    }
    out.text(&typed[..run.left]);
    for element in run.opened.iter().rev() {
        let begins = out.begin(*element);
        if !begins {
            out.text(marks(*element));
        }
        begun.push(begins);
    }
}

struct Scanner<'a> {
    text: &'a str,
    /// The text is that of a link: there are none inside.
    is_link: bool,
    pieces: Vec<Piece<'a>>,
    runs: Vec<Run>,
    matcher: Matcher,
    ticks: Ticks,
    brackets: Brackets,
    /// Backslashes further on that do something.
    escapes: HashSet<usize>,
    /// The text up to here is in pieces.
    done: usize,
    at: usize,
    letters: usize,
    others: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, is_link: bool) -> Self {
        Self {
            text,
            is_link,
            pieces: Vec::new(),
            runs: Vec::new(),
            matcher: Matcher::default(),
            ticks: Ticks::of(text),
            brackets: if is_link { Brackets::default() } else { Brackets::of(text) },
            escapes: HashSet::new(),
            done: 0,
            at: 0,
            letters: 0,
            others: 0,
        }
    }

    fn scan(&mut self) {
        while let Some(c) = self.text[self.at..].chars().next() {
            let read = match c {
                '\\' => self.escape(),
                '`' => self.code(),
                '[' => self.named_link(false),
                '*' | '_' | '~' => self.run(),
                'h' | 'H' | 'w' | 'W' => self.bare_link(),
                '\n' => {
                    if self.text[self.at + 1..].trim_start_matches([' ', '\t']).starts_with('\n') {
                        self.matcher.clear();
                    }
                    0
                }
                _ => 0,
            };
            self.at += match read {
                // No mark and no link begins inside of a word.
                0 if c.is_ascii_alphanumeric() => self.word(),
                0 => {
                    self.count(c);
                    c.len_utf8()
                }
                read => read,
            };
        }
        self.type_to(self.text.len());
    }

    /// Counts the letters of a word of ASCII, or of its part. Returns its length.
    fn word(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.letters += length;
        length
    }

    fn count(&mut self, c: char) {
        let is_emphasised =
            c.is_alphanumeric() || !c.is_ascii() && matches!(Kind::of(c), Kind::Emoji | Kind::Unspaced);
        self.letters += usize::from(is_emphasised);
        self.others += usize::from(!c.is_ascii_alphanumeric() && c != '_');
    }

    fn type_to(&mut self, at: usize) {
        if at > self.done {
            self.pieces.push(Piece::Text(self.done..at));
        }
        self.done = at;
    }

    /// Puts a piece in the place of the text up to there. Returns its length.
    fn put(&mut self, piece: Piece<'a>, end: usize) -> usize {
        self.type_to(self.at);
        self.pieces.push(piece);
        self.letters += 1;
        self.others += 1;
        self.done = end;
        end - self.at
    }

    fn before(&self, at: usize) -> &'a str {
        &self.text[..at]
    }

    fn escape(&mut self) -> usize {
        let next = self.text[self.at + 1..].chars().next();
        let does_something = match next {
            _ if self.escapes.contains(&self.at) => true,
            Some('`') => self.escaped_code(),
            Some('[' | ']') if self.is_link => true,
            Some('[') => self.named_link(true) > 0,
            Some(c) if MARKS.contains(&c) => return self.run(),
            _ => false,
        };
        if !does_something {
            return 0;
        }
        // The mark itself is text.
        let (at, mark) = (self.at, self.at + 1);
        self.type_to(at);
        self.pieces.push(Piece::Nothing);
        self.done = mark;
        let length = match next {
            Some('`') => self.ticks.at(mark).map_or(1, |run| run.length),
            _ => 1,
        };
        1 + length
    }

    /// Reads marks: `**`, `\**`, `\*\*`.
    fn run(&mut self) -> usize {
        let bytes = &self.text.as_bytes()[self.at..];
        let is_escaped = bytes[0] == b'\\';
        let mark = bytes[usize::from(is_escaped)];
        let (mut end, mut length) = (0, 0);
        loop {
            match &bytes[end..] {
                [first, ..] if *first == mark => end += 1,
                [b'\\', second, ..] if is_escaped && *second == mark => end += 2,
                _ => break,
            }
            length += 1;
        }
        let before = self.before(self.at);
        // A link ends like a word, whatever its last letter is.
        let before = if matches!(self.pieces.last(), Some(Piece::Link(_))) && self.done == self.at {
            "x"
        } else {
            before
        };
        let mut run = Run::new(mark, length, is_escaped, (before, &self.text[self.at + end..]));
        if !run.opens && !run.closes {
            (0..length).for_each(|_| self.count(char::from(mark)));
            return end;
        }
        self.type_to(self.at);
        (run.letters, run.others) = (self.letters, self.others);
        let number = self.runs.len();
        self.pieces.push(Piece::Run(self.at..self.at + end, number));
        self.runs.push(run);
        self.others += usize::from(mark != b'_');
        self.matcher.take(&mut self.runs, number);
        self.done = self.at + end;
        end
    }

    fn code(&mut self) -> usize {
        let Some(ticks) = self.ticks.at(self.at) else { return 0 };
        let length = ticks.length;
        match self.ticks.closing(self.text, self.at, self.at) {
            Some(end) => {
                let code = unpadded(&self.text[self.at + length..end], length);
                self.put(Piece::Code(self.at..end + length, code), end + length)
            }
            None => length,
        }
    }

    fn escaped_code(&mut self) -> bool {
        let Some(end) = self.ticks.closing(self.text, self.at + 1, self.at) else { return false };
        if self.text[..end].ends_with('\\') {
            self.escapes.insert(end - 1);
        }
        true
    }

    fn bare_link(&mut self) -> usize {
        if self.is_link {
            return 0;
        }
        let before = self.before(self.at).chars().next_back();
        match links::at_start(&self.text[self.at..], before) {
            Some(Ok(link)) => {
                let end = self.at + link.text.len();
                self.put(Piece::Link(link), end)
            }
            Some(Err(length)) => {
                let passed = &self.text[self.at..self.at + length];
                passed.chars().for_each(|c| self.count(c));
                length
            }
            None => 0,
        }
    }

    /// Reads `[text](target)`, or says that a backslash keeps it from being one.
    fn named_link(&mut self, is_escaped: bool) -> usize {
        let start = self.at + usize::from(is_escaped);
        let target = |close: Option<usize>| {
            let close = close?;
            let end = self.brackets.round(self.text, close + 1)?;
            let target = &self.text[close + 2..end];
            let name = &self.text[start + 1..close];
            let host = if name.trim().is_empty() { None } else { links::host(target) }?;
            Some((close, end, target, host))
        };
        if is_escaped {
            return usize::from(target(self.brackets.any(start)).is_some());
        }
        if let Some((close, end, target, host)) = target(self.brackets.unescaped(start)) {
            let name = &self.text[start + 1..close];
            return self.put(Piece::Named(self.at..end + 1, name, target, host), end + 1);
        }
        if let Some((close, ..)) = target(self.brackets.any(start))
            && self.text[..close].ends_with('\\')
        {
            self.escapes.insert(close - 1);
        }
        0
    }
}
