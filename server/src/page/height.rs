//! The height of a text in a row, as the server estimates it: a tall one is shown in part, with a control
//! that shows all of it.
//!
//! The styles cut off at 16 lines. What counts as tall has more lines by far, so that the control always has
//! something to show. It is a checkbox, so it works before the script runs and without it, and the text that
//! is cut off is in the page: a search finds it.

use super::markdown::is_unspaced;

/// Lines up to which a text is shown whole.
const LINES_MAX: usize = 24;
/// Letters of a line where there is room.
const WIDE_COLUMNS: usize = 105;
/// Letters of a line on a phone.
const NARROW_COLUMNS: usize = 42;

/// The height of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Height {
    /// It is shown whole.
    Low,
    /// It is tall on a narrow screen.
    TallIfNarrow,
    /// It is tall.
    Tall,
}

impl Height {
    /// Estimates the height of a text.
    pub fn of(content: &str) -> Self {
        // Each letter is a column at least, and each line begins a new one.
        if content.len() < LINES_MAX {
            return Self::Low;
        }
        let (mut wide, mut narrow) = (0, 0);
        let mut is_code = false;
        for line in content.lines() {
            is_code ^= line.trim_start().starts_with("```");
            // Lines of code do not wrap.
            let columns = if is_code { 0 } else { columns(line) };
            wide += columns.div_ceil(WIDE_COLUMNS).max(1);
            narrow += columns.div_ceil(NARROW_COLUMNS).max(1);
        }
        match (wide > LINES_MAX, narrow > LINES_MAX) {
            (true, _) => Self::Tall,
            (_, true) => Self::TallIfNarrow,
            _ => Self::Low,
        }
    }
}

fn columns(line: &str) -> usize {
    line.chars().map(|c| if is_unspaced(c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_tall_by_its_lines_as_they_are_shown() {
        for (content, height) in [
            ("a".into(), Height::Low),
            ("a\n".repeat(LINES_MAX), Height::Low),
            ("a\n".repeat(LINES_MAX + 1), Height::Tall),
            ("word ".repeat(WIDE_COLUMNS * LINES_MAX / 5), Height::TallIfNarrow),
            ("word ".repeat(WIDE_COLUMNS * LINES_MAX / 5 + 1), Height::Tall),
            ("太".repeat(WIDE_COLUMNS * LINES_MAX / 2 + 1), Height::Tall),
            (format!("```\n{}\n```", "x".repeat(10_000)), Height::Low),
            ("word ".repeat(NARROW_COLUMNS * LINES_MAX / 5), Height::Low),
        ] {
            assert_eq!(Height::of(&content), height, "{:?}", &content[..content.len().min(40)]);
        }
    }
}
