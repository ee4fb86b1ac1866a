//! The markup of a message, within its bounds: whatever begins ends, and every text is escaped.

use std::fmt::Write as _;

use maud::{Escaper, PreEscaped};

use super::cache::Rendered;
use super::links::{self, Bare};

/// Links of a message that can be followed. What comes after them stays text: an anchor is many times as long
/// as the shortest link, and everybody in the room gets it.
pub const LINKS_MAX: usize = 50;
/// Other elements of a message; marks after them stay text.
pub const ELEMENTS_MAX: usize = 500;
/// Elements inside of each other. It bounds the work too: each level of blocks reads its lines once more.
pub const DEPTH_MAX: usize = 8;

const INTO_MEMORY: &str = "writing to memory does not fail";

/// An element that a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `**`
    Bold,
    /// `*`
    Italic,
    /// `~~`
    Struck,
    /// Ticks inside of a line.
    Code,
}

impl Element {
    fn name(self) -> &'static str {
        match self {
            Self::Bold => "strong",
            Self::Italic => "em",
            Self::Struck => "s",
            Self::Code => "code",
        }
    }
}

/// An element that has lines of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Lines behind `>`.
    Quote,
    /// Lines between fences.
    Code,
    /// A list of points.
    Points,
    /// A list of numbers, from the first to the last of them.
    Numbers(u32, u32),
    /// An item of a list.
    Item,
}

/// Numbers from here on are too wide for the margin of a list: they stand inside of their lines.
const WIDE_NUMBER_MIN: u32 = 100;

/// Writes the markup of a text.
pub struct Writer {
    out: String,
    depth: usize,
    elements: usize,
    links: usize,
    /// A block begins or ends here: the line breaks beside it are its own.
    beside_block: bool,
    /// Nothing was taken away or put in.
    as_typed: bool,
    /// There are lists or quotes.
    has_sides: bool,
}

impl Writer {
    /// Begins the markup of a text of about this length.
    pub fn new(length: usize) -> Self {
        let out = String::with_capacity(length);
        Self { out, depth: 0, elements: 0, links: 0, beside_block: false, as_typed: true, has_sides: false }
    }

    /// Returns the markup.
    pub fn finish(self) -> Rendered {
        Rendered { markup: PreEscaped(self.out), as_typed: self.as_typed, has_sides: self.has_sides }
    }

    /// Returns true if this many elements may begin here, one inside of the other.
    pub fn may_begin(&self, elements: usize, levels: usize) -> bool {
        self.elements + elements <= ELEMENTS_MAX && self.depth + levels <= DEPTH_MAX
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        let text = if self.beside_block { text.trim_start_matches('\n') } else { text };
        if !text.is_empty() {
            self.beside_block = false;
            escape(text, &mut self.out);
        }
    }

    /// Says that something that was typed is not shown.
    pub fn pass_over(&mut self) {
        self.as_typed = false;
    }

    /// Begins an element inside of a line, if there may be one more.
    pub fn begin(&mut self, element: Element) -> bool {
        let begins = self.may_begin(1, 1);
        if begins {
            self.count();
            self.beside_block = false;
            self.tag("<", element.name());
        }
        begins
    }

    /// Ends the element that began last.
    pub fn end(&mut self, element: Element) {
        self.depth -= 1;
        self.tag("</", element.name());
    }

    /// Begins a block, which [`Self::may_begin`].
    pub fn begin_block(&mut self, block: Block) {
        self.border();
        self.count();
        self.has_sides |= block != Block::Code;
        match block {
            Block::Quote => self.out.push_str("<blockquote>"),
            Block::Code => self.out.push_str("<pre><code>"),
            Block::Points => self.out.push_str("<ul>"),
            Block::Numbers(first, last) => {
                let class = if last < WIDE_NUMBER_MIN { "" } else { " class=\"wide\"" };
                write!(self.out, "<ol start=\"{first}\"{class}>").expect(INTO_MEMORY);
            }
            Block::Item => self.out.push_str("<li>"),
        }
    }

    /// Ends the block that began last.
    pub fn end_block(&mut self, block: Block) {
        // The empty lines at the end of code are code.
        if block != Block::Code {
            self.border();
        }
        self.depth -= 1;
        self.out.push_str(match block {
            Block::Quote => "</blockquote>",
            Block::Code => "</code></pre>",
            Block::Points => "</ul>",
            Block::Numbers(..) => "</ol>",
            Block::Item => "</li>",
        });
        self.beside_block = true;
    }

    /// Writes the text of code, in which line breaks are its own.
    pub fn code(&mut self, text: &str) {
        self.beside_block = false;
        escape(text, &mut self.out);
    }

    /// Writes a link that stands in the text.
    pub fn bare_link(&mut self, link: &Bare<'_>) {
        if self.links == LINKS_MAX {
            return self.text(link.text);
        }
        self.begin_link(link.text, link.is_www);
        escape(link.text, &mut self.out);
        self.out.push_str("</a>");
        if !links::names(link.text, &link.host) {
            self.leads_to(&link.host);
        }
    }

    /// Returns true if one more link can be followed.
    pub fn may_link(&self) -> bool {
        self.links < LINKS_MAX && self.may_begin(1, 1)
    }

    /// Begins a link with a text of its own, which [`Self::may_link`].
    pub fn begin_named_link(&mut self, target: &str) {
        self.count();
        self.begin_link(target, false);
    }

    /// Ends it, and says where it leads.
    pub fn end_named_link(&mut self, host: &str) {
        self.depth -= 1;
        self.out.push_str("</a>");
        self.leads_to(host);
    }

    fn begin_link(&mut self, target: &str, is_www: bool) {
        self.beside_block = false;
        self.links += 1;
        self.out.push_str(if is_www { "<a href=\"https://" } else { "<a href=\"" });
        escape(target, &mut self.out);
        self.out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
    }

    fn leads_to(&mut self, host: &str) {
        self.as_typed = false;
        self.out.push_str(" <span class=\"host\">(");
        escape(host, &mut self.out);
        self.out.push_str(")</span>");
    }

    fn count(&mut self) {
        self.elements += 1;
        self.depth += 1;
        self.as_typed = false;
    }

    fn tag(&mut self, start: &str, name: &str) {
        self.out.extend([start, name, ">"]);
    }

    /// Takes away the line breaks before a block begins or ends.
    fn border(&mut self) {
        self.out.truncate(self.out.trim_end_matches('\n').len());
        self.beside_block = true;
    }
}

fn escape(text: &str, out: &mut String) {
    Escaper::new(out).write_str(text).expect(INTO_MEMORY);
}
