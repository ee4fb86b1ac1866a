//! Code, quotes and lists: what takes whole lines. Everything else is text, whose marks are read by
//! [`super::inline`].
//!
//! A block needs its own mark in each of its lines, so a line without one is what its writer says next. Each
//! line is read once for each block that it is in, of which there are at most as many as elements may nest.

use super::inline;
use super::letters::is_unspaced;
use super::list::{Item, List};
use super::writer::{Block, Writer};

/// Fewest marks of a fence.
const FENCE_MARKS_MIN: usize = 3;
/// Most marks of a fence. The end of each length is looked for once in all lines that follow.
const FENCE_MARKS_MAX: usize = 16;
/// Spaces before a mark; what is further in is a text that its writer put there.
const INDENT_MAX: usize = 3;

/// Writes lines.
pub fn write(lines: &[&str], is_item: bool, out: &mut Writer) {
    let mut reader =
        Reader { lines, is_item, text: String::new(), fences: Fences::default(), escaped_end: None };
    let mut at = 0;
    while at < lines.len() {
        let read = if out.may_begin(1, 1) { reader.block(at, out) } else { 0 };
        if read == 0 {
            reader.type_line(lines[at]);
        }
        at += read.max(1);
    }
    reader.flush(out);
}

struct Reader<'a> {
    lines: &'a [&'a str],
    /// The lines are of an item of a list: one item is a list there.
    is_item: bool,
    /// Lines of text that are not written yet, each with its break.
    text: String,
    fences: Fences,
    /// The line that would end code, had a backslash not kept it from beginning.
    escaped_end: Option<usize>,
}

impl<'a> Reader<'a> {
    fn type_line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn flush(&mut self, out: &mut Writer) {
        let text = std::mem::take(&mut self.text);
        if let Some(text) = text.strip_suffix('\n') {
            inline::write(text, out);
        }
    }

    /// Writes the block that begins in a line, if one does. Returns its number of lines.
    fn block(&mut self, at: usize, out: &mut Writer) -> usize {
        let line = self.lines[at];
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent > INDENT_MAX && !self.is_item {
            return 0;
        }
        match line.as_bytes().get(indent) {
            Some(b'`' | b'~') => self.code(at, indent, out),
            Some(b'>') => self.quote(at, out),
            Some(b'\\') if self.is_escape(at, &line[indent + 1..]) => {
                self.text.push_str(&line[..indent]);
                self.type_line(&line[indent + 1..]);
                out.pass_over();
                1
            }
            Some(b'-' | b'*' | b'0'..=b'9' | b'\\') => self.list(at, out),
            _ => 0,
        }
    }

    /// Returns true if a block would begin or end with this rest of a line, which a backslash is before.
    fn is_escape(&mut self, at: usize, rest: &str) -> bool {
        if is_quoted(rest) || self.escaped_end == Some(at) {
            return true;
        }
        let Some(fence) = Fence::of(rest) else { return false };
        let escaped_end = self.fences.escaped_end(self.lines, at, &fence);
        self.escaped_end = escaped_end.or(self.escaped_end);
        escaped_end.is_some() || self.fences.end(self.lines, at, &fence).is_some()
    }

    fn code(&mut self, at: usize, indent: usize, out: &mut Writer) -> usize {
        let Some(fence) = Fence::of(self.lines[at].trim_start()) else { return 0 };
        let Some(end) = self.fences.end(self.lines, at, &fence) else { return 0 };
        let (last, closing) = end;
        let mut lines: Vec<&str> = Vec::with_capacity(last - at);
        lines.extend(fence.first_line);
        let unindented = |line: &'a str| {
            let spaces = line.bytes().take(indent).take_while(|byte| *byte == b' ').count();
            &line[spaces..]
        };
        lines.extend(self.lines[at + 1..last].iter().map(|line| unindented(line)));
        lines.extend((!closing.is_empty()).then(|| unindented(closing)));
        // A word behind a fence names a language, unless it is all there is.
        if lines.iter().all(|line| line.trim().is_empty()) {
            lines = fence.language.into_iter().collect();
        }
        if lines.is_empty() {
            return 0;
        }
        self.flush(out);
        out.begin_block(Block::Code);
        out.code(&lines.join("\n"));
        out.end_block(Block::Code);
        last + 1 - at
    }

    fn quote(&mut self, at: usize, out: &mut Writer) -> usize {
        let first = self.lines[at].trim_start();
        if !is_quoted(first) {
            return 0;
        }
        let mut quoted = Vec::new();
        for line in &self.lines[at..] {
            let Some(rest) = line.trim_start().strip_prefix('>') else { break };
            if !quoted.is_empty()
                && !rest.trim().is_empty()
                && !is_quoted(line.trim_start())
                && !rest.starts_with('>')
            {
                break;
            }
            quoted.push(rest.strip_prefix(' ').unwrap_or(rest));
        }
        let last = at + quoted.len();
        // More than five: a comparison, which nobody answers.
        let is_number = quoted.len() == 1 && quoted[0].trim_start().starts_with(|c: char| c.is_ascii_digit());
        if is_number && self.lines[last..].iter().all(|line| line.trim().is_empty()) {
            return 0;
        }
        self.flush(out);
        out.begin_block(Block::Quote);
        write(&quoted, false, out);
        out.end_block(Block::Quote);
        quoted.len()
    }

    fn list(&mut self, at: usize, out: &mut Writer) -> usize {
        // What follows the mark of an item is its text.
        let Some(first) = Item::of(self.lines[at]).filter(|_| !self.is_item || at > 0) else { return 0 };
        let list = List::read(&self.lines[at..], first);
        if list.is_single() && !(self.is_item && first.is_point()) {
            return 0;
        }
        let is_shown = !list.is_of_numbers() && out.may_begin(1 + list.items.len(), 2);
        if !is_shown || list.is_escaped() {
            for (item, lines) in &list.items {
                let (first, others) = lines.split_first().expect("an item has a line");
                match item.unescaped(first).filter(|_| is_shown) {
                    Some(unescaped) => self.type_line(&unescaped),
                    None => self.type_line(first),
                }
                for line in others {
                    self.type_line(line);
                }
            }
            if is_shown {
                out.pass_over();
            }
            return list.length;
        }
        self.flush(out);
        let block = list.block();
        out.begin_block(block);
        for (item, lines) in &list.items {
            out.begin_block(Block::Item);
            write(&item.inner(lines), true, out);
            out.end_block(Block::Item);
        }
        out.end_block(block);
        list.length
    }
}

/// Returns true for a line of a quote, without the spaces before it. A mark and a space begin one, or a mark
/// and words: much else that begins with the mark is a face, a prompt or the end of something.
fn is_quoted(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('>') else { return false };
    let text = rest.trim();
    match rest.chars().next() {
        Some(' ') => !text.is_empty(),
        Some(c) if c.is_alphabetic() => text.contains(|c: char| c.is_whitespace() || is_unspaced(c)),
        _ => false,
    }
}

/// The line that begins a block of code.
struct Fence<'a> {
    mark: u8,
    length: usize,
    /// A word behind the marks.
    language: Option<&'a str>,
    /// More than a word: it is code.
    first_line: Option<&'a str>,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let mark = *line.as_bytes().first().filter(|mark| matches!(mark, b'`' | b'~'))?;
        let length = marks(line, mark);
        let rest = &line[length..];
        if !(FENCE_MARKS_MIN..=FENCE_MARKS_MAX).contains(&length) || rest.as_bytes().contains(&mark) {
            return None;
        }
        let words = rest.split_whitespace().count();
        let (language, first_line) = match words {
            0 => (None, None),
            1 => (Some(rest.trim()), None),
            _ => (None, Some(rest)),
        };
        Some(Self { mark, length, language, first_line })
    }
}

fn marks(line: &str, mark: u8) -> usize {
    line.bytes().take_while(|byte| *byte == mark).count()
}

/// Ends of code that were looked for in vain, so that nobody looks again: shorter fences may be there, longer
/// ones are not.
#[derive(Default)]
struct Fences {
    ticks: InVain,
    waves: InVain,
}

#[derive(Default)]
struct InVain {
    /// A fence of this length is in no line alone.
    alone: Option<usize>,
    /// Nor does a line end with one.
    at_all: Option<usize>,
    /// It is in no line alone behind a backslash.
    escaped: Option<usize>,
}

impl Fences {
    fn in_vain(&mut self, fence: &Fence<'_>) -> &mut InVain {
        if fence.mark == b'`' { &mut self.ticks } else { &mut self.waves }
    }

    /// Returns the line of nothing but a backslash and the fence.
    fn escaped_end(&mut self, lines: &[&str], at: usize, fence: &Fence<'_>) -> Option<usize> {
        let in_vain = self.in_vain(fence);
        if in_vain.escaped.is_some_and(|length| fence.length >= length) {
            return None;
        }
        let is_end = |line: &&str| {
            line.trim().strip_prefix('\\').is_some_and(|text| {
                let length = marks(text, fence.mark);
                length >= fence.length && length == text.len()
            })
        };
        let end = lines[at + 1..].iter().position(is_end);
        if end.is_none() {
            in_vain.escaped = Some(fence.length);
        }
        end.map(|behind| at + 1 + behind)
    }

    /// Returns the line that ends the code, and what of it is code: a line of nothing but the fence, or else
    /// the first one that ends with it.
    fn end<'a>(&mut self, lines: &[&'a str], at: usize, fence: &Fence<'_>) -> Option<(usize, &'a str)> {
        let in_vain = self.in_vain(fence);
        let is_in_vain = |known: Option<usize>| known.is_some_and(|length| fence.length >= length);
        if is_in_vain(in_vain.at_all) {
            return None;
        }
        let is_behind_code = is_in_vain(in_vain.alone);
        let mut ends_code = None;
        for (n, line) in lines.iter().enumerate().skip(at + 1) {
            let text = line.trim();
            let length = marks(text, fence.mark);
            if length >= fence.length && length == text.len() {
                return Some((n, ""));
            }
            if fence.mark == b'`' && ends_code.is_none() {
                let code = line.trim_end().trim_end_matches('`');
                let is_end = line.trim_end().len() - code.len() >= fence.length && !code.trim().is_empty();
                ends_code = is_end.then_some((n, code));
            }
            if is_behind_code && ends_code.is_some() {
                return ends_code;
            }
        }
        in_vain.alone = Some(fence.length);
        if ends_code.is_none() {
            in_vain.at_all = Some(fence.length);
        }
        ends_code
    }
}
