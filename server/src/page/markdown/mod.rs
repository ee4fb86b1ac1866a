//! The text of a message with its light formatting: bold, italic, struck, code, quotes, lists, links.
//!
//! The rule is in `docs/page.md`, with its table of texts; the tests read that table. It is what people mean
//! in a chat: a character is a mark only where an element takes its place, and everything else is shown as it
//! was typed. Whatever is shown is a piece of the source, escaped.
//!
//! [`blocks`] reads lines, [`list`] the items of lists; [`inline`] reads the marks inside of lines.
//! [`marks`], [`ticks`] and [`brackets`] say which of them belong together; [`links`] knows where a link ends
//! and which may be followed. What is shown goes through a [`writer::Writer`], which keeps the bounds. Each
//! part is linear in the length of the text.
//!
//! Only links to `http` and `https` can be followed. Where one leads is said beside it unless its own text
//! does: a text that names one site and leads to another is the oldest trick there is. A link that begins
//! with a name or a password of its reader is none.

mod blocks;
mod brackets;
mod cache;
mod inline;
mod letters;
mod line;
mod links;
mod list;
mod marks;
mod spoken;
mod ticks;
mod writer;

use std::sync::Arc;

use self::writer::Writer;

pub use self::cache::{CACHED_BYTES_MIN, Rendered};
pub use self::letters::is_unspaced;
pub use self::line::line;
pub use self::spoken::spoken;

/// Returns the content as people see it. The work is done once for all who see it.
pub fn formatted(content: &str) -> Arc<Rendered> {
    cache::rendered(content, render)
}

/// Returns the most bytes that the text takes in a row: shown, and as typed for its author to edit. Elements
/// and links are bounded by themselves.
pub fn row_bytes_max(content: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' => 6,
        b'&' => 5,
        b'<' | b'>' => 4,
        _ => 1,
    };
    2 * content.bytes().map(escaped).sum::<usize>()
}

fn render(content: &str) -> Rendered {
    let mut writer = Writer::new(content.len());
    let lines: Vec<&str> = content.split('\n').collect();
    blocks::write(&lines, false, &mut writer);
    writer.finish()
}

#[cfg(test)]
mod tests;
