//! Brackets: which belong together. All pairs are found in one pass, so that a bracket without an end costs
//! nothing more.

use std::collections::HashMap;

/// Brackets that belong together.
#[derive(Default)]
pub struct Brackets {
    /// Square ones, without those behind a backslash.
    unescaped: HashMap<usize, usize>,
    /// All square ones.
    any: HashMap<usize, usize>,
    /// Round ones without white space between them.
    round: HashMap<usize, usize>,
}

impl Brackets {
    /// Finds them, if there can be a link.
    pub fn of(text: &str) -> Self {
        let mut all = Self::default();
        if !text.contains("](") {
            return all;
        }
        let (mut unescaped, mut any, mut round) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = 0;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'[' => {
                    any.push(at);
                    if before != b'\\' {
                        unescaped.push(at);
                    }
                }
                b']' => {
                    all.any.extend(any.pop().map(|open| (open, at)));
                    if before != b'\\' {
                        all.unescaped.extend(unescaped.pop().map(|open| (open, at)));
                    }
                }
                b'(' => round.push(at),
                b')' => all.round.extend(round.pop().map(|open| (open, at))),
                _ if byte.is_ascii_whitespace() => round.clear(),
                _ => {}
            }
            before = byte;
        }
        all
    }

    /// Returns the end of square ones, neither of which a backslash is before.
    pub fn unescaped(&self, open: usize) -> Option<usize> {
        self.unescaped.get(&open).copied()
    }

    /// Returns the end of square ones.
    pub fn any(&self, open: usize) -> Option<usize> {
        self.any.get(&open).copied()
    }

    /// Returns the end of round ones without white space between them.
    pub fn round(&self, text: &str, at: usize) -> Option<usize> {
        if text.as_bytes().get(at) == Some(&b'(') { self.round.get(&at).copied() } else { None }
    }
}
