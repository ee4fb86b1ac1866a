//! Ticks: where code begins and ends inside of a line.

use std::collections::HashMap;

use super::letters::Kind;

/// Returns code without the spaces that keep ticks at its ends from its marks.
pub fn unpadded(code: &str, ticks: usize) -> &str {
    let inner = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' '));
    match inner {
        Some(inner) if ticks > 1 || !inner.trim().is_empty() => inner,
        _ => code,
    }
}

/// Ticks in a row.
#[derive(Debug, Clone, Copy)]
pub struct TickRun {
    at: usize,
    /// Number of ticks.
    pub length: usize,
    /// Breaks of lines before it.
    line: usize,
    /// The next one of this length, by its number.
    next: Option<usize>,
}

/// All ticks of a text.
pub struct Ticks(Vec<TickRun>);

impl Ticks {
    /// Finds them.
    pub fn of(text: &str) -> Self {
        let mut runs: Vec<TickRun> = Vec::new();
        if !text.contains('`') {
            return Self(runs);
        }
        let mut line = 0;
        for (at, byte) in text.bytes().enumerate() {
            match (byte, runs.last_mut()) {
                (b'\n', _) => line += 1,
                (b'`', Some(run)) if run.at + run.length == at => run.length += 1,
                (b'`', _) => runs.push(TickRun { at, length: 1, line, next: None }),
                _ => {}
            }
        }
        let mut next = HashMap::new();
        for number in (0..runs.len()).rev() {
            runs[number].next = next.insert(runs[number].length, number);
        }
        Self(runs)
    }

    /// Returns the ticks that begin there.
    pub fn at(&self, at: usize) -> Option<TickRun> {
        self.0.binary_search_by_key(&at, |run| run.at).ok().map(|number| self.0[number])
    }

    /// Returns where the ticks are that end the code which ticks begin; `before` is where the text before
    /// them ends. A tick in a word begins none.
    pub fn closing(&self, text: &str, at: usize, before: usize) -> Option<usize> {
        let run = self.at(at)?;
        let end = self.0[run.next?];
        let before = text[..before].chars().next_back();
        let may_begin = match before {
            None => true,
            Some(c) if c.is_ascii() => !c.is_ascii_alphanumeric(),
            Some(c) => !matches!(Kind::of(c), Kind::Word | Kind::Symbol),
        };
        // The end of a face: `(´・ω・`)`.
        let may_begin = may_begin
            && (!text[at + run.length..].starts_with(')')
                || before.is_none_or(|c| c == '(' || c.is_whitespace()));
        let has_text = !text[at + run.length..end.at].trim().is_empty();
        (may_begin && run.line == end.line && has_text).then_some(end.at)
    }
}
