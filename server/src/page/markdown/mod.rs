//! The text of a message with its light formatting: bold, italic, code, code blocks, quotes, links, lists.
//!
//! They are defined by `CommonMark`, read by pulldown-cmark. Everything else that a text can hold (headings,
//! images, HTML, entities, tables, rules) is shown as it was typed, blank lines and indentation too: a text
//! without formatting comes out letter by letter. So markup is taken away only where an element takes its
//! place, and everything that is shown is a piece of the source, escaped.
//!
//! Only links to `http` and `https` can be followed. Where one leads is said beside it unless its own text
//! does: a text that names one site and leads to another is the oldest trick there is. A link that begins
//! with a name or a password of its reader is none.

mod cache;
mod nesting;

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use linkify::{LinkFinder, LinkKind};
use maud::{Escaper, PreEscaped};
use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag};
use url::Url;

pub use self::cache::{CACHED_BYTES_MIN, Rendered};

/// Links of a message that can be followed. What comes after them stays text: an anchor is many times as long
/// as the shortest link, and everybody in the room gets it.
const LINKS_MAX: usize = 50;
/// Bytes of a link's host with its port, as it is written: a name has at most 253 letters of ASCII.
const AUTHORITY_BYTES_MAX: usize = 300;
/// Other elements of a message; markup after them stays text.
const ELEMENTS_MAX: usize = 500;
/// Elements inside of each other.
const DEPTH_MAX: usize = 8;

/// The end of a block of code.
const CODE_END: &str = "</code></pre>";
const INTO_MEMORY: &str = "writing to memory does not fail";

/// Returns the content as people see it. The work is done once for all who see it.
///
/// The time is linear in the length of the text, whatever it holds: a text whose containers nest too deep is
/// not parsed ([`nesting`]), and the parser is linear in all else.
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
    let mut writer = Writer::new(content);
    if nesting::is_shallow(content) {
        for (event, range) in Parser::new_ext(content, Options::empty()).into_offset_iter() {
            writer.take(&event, range);
        }
    }
    writer.finish()
}

/// Something that has begun and not ended.
enum Open {
    /// Its markup is text like any other.
    Typed,
    /// An element inside of a line.
    Inline(&'static str),
    /// An element that has lines of its own.
    Block(&'static str),
    /// A link; where it leads to is said when it ends.
    Link { host: Option<String> },
}

struct Writer<'a> {
    source: &'a str,
    /// Links as they are found in the text, in order: inside of them there is no markup.
    urls: Vec<Range<usize>>,
    out: String,
    /// Shown as it was typed, and not written yet.
    run: Range<usize>,
    /// The source up to here has been dealt with.
    at: usize,
    open: Vec<Open>,
    /// Of `open`: elements, those with lines of their own, and those whose text has no links. Counted, since
    /// a text of nothing but marks of quotes opens as many as it has bytes.
    depth: usize,
    blocks: usize,
    plain: usize,
    elements: usize,
    links: usize,
    /// A block begins or ends here: the line breaks beside it are its own.
    beside_block: bool,
    /// Something can be seen.
    seen: bool,
    /// Nothing was taken away or put in.
    as_typed: bool,
}

impl<'a> Writer<'a> {
    fn new(source: &'a str) -> Self {
        let urls = finder().links(source).map(|link| link.start()..link.end()).collect();
        let (out, open) = (String::with_capacity(source.len()), Vec::new());
        Self {
            source,
            urls,
            out,
            run: 0..0,
            at: 0,
            open,
            depth: 0,
            blocks: 0,
            plain: 0,
            elements: 0,
            links: 0,
            beside_block: false,
            seen: false,
            as_typed: true,
        }
    }

    fn take(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                self.pass_to(range.start);
                self.begin(tag, &range);
            }
            Event::End(_) => {
                self.pass_to(range.end);
                self.end();
            }
            Event::Text(_) => {
                // A character after a backslash is no markup and is shown without the backslash.
                if self.source.get(self.at..range.start) == Some("\\") {
                    self.at = range.start;
                    self.as_typed = false;
                }
                self.pass_to(range.start);
                self.type_to(range.end);
            }
            Event::Code(code) if self.may_begin(&range) => {
                self.pass_to(range.start);
                self.flush();
                self.elements += 1;
                self.as_typed = false;
                self.seen = true;
                self.out.push_str("<code>");
                escape(code, &mut self.out);
                self.out.push_str("</code>");
                self.at = range.end;
                self.run = self.at..self.at;
            }
            Event::HardBreak => {
                self.pass_to(range.start);
                if self.source[range.clone()].starts_with('\\') {
                    self.at += 1;
                    self.as_typed = false;
                }
                self.type_to(range.end);
            }
            // A break of a line, HTML and all else stays unchanged.
            _ => {
                self.pass_to(range.start);
                self.type_to(range.end);
            }
        }
    }

    fn finish(mut self) -> Rendered {
        self.pass_to(self.source.len());
        self.flush();
        if !self.seen {
            self.out.clear();
            escape(self.source, &mut self.out);
            self.as_typed = true;
        }
        Rendered { markup: PreEscaped(self.out), as_typed: self.as_typed }
    }

    /// Shows the source up to there as it was typed.
    fn type_to(&mut self, to: usize) {
        if to <= self.at {
            return;
        }
        if self.run.end != self.at {
            self.flush();
            self.run.start = self.at;
        }
        self.run.end = to;
        self.at = to;
    }

    /// Passes over what no event is about: markup of an element, of which only the breaks between lines are
    /// left, or anything else, which stays.
    fn pass_to(&mut self, to: usize) {
        if to <= self.at {
            return;
        }
        if matches!(self.open.last(), None | Some(Open::Typed)) {
            let begins_line = self.source[..self.at].ends_with('\n') && self.blocks > 0;
            if begins_line && self.source[self.at..to].bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'>'))
            {
                // What a quote or a list puts before each of its lines.
                self.at = to;
            }
            return self.type_to(to);
        }
        let passed = &self.source[self.at..to];
        if matches!(self.open.last(), Some(Open::Block("</ul>" | "</ol>" | "</li>" | "</blockquote>")))
            && passed.contains(char::is_alphabetic)
        {
            // No marker has letters: it defines what links elsewhere may refer to, which is nothing here.
            return self.type_to(to);
        }
        let breaks = passed.matches('\n').count();
        self.flush();
        if !self.beside_block {
            self.out.extend(std::iter::repeat_n('\n', breaks));
        }
        self.at = to;
    }

    /// Returns true if an element may begin here.
    fn may_begin(&self, range: &Range<usize>) -> bool {
        if self.elements == ELEMENTS_MAX || self.depth == DEPTH_MAX {
            return false;
        }
        let before = self.urls.partition_point(|url| url.start < range.start);
        before.checked_sub(1).is_none_or(|last| range.start >= self.urls[last].end)
    }

    fn begin(&mut self, tag: &Tag<'_>, range: &Range<usize>) {
        let opened = if self.may_begin(range) { self.element(tag, range) } else { Open::Typed };
        if !matches!(opened, Open::Typed) {
            self.elements += 1;
            self.as_typed = false;
        }
        self.count(&opened, 1);
        self.open.push(opened);
    }

    /// One more is open, or one less.
    fn count(&mut self, opened: &Open, more: isize) {
        let (depth, block, plain) = match opened {
            Open::Typed => (0, 0, 0),
            Open::Inline(_) => (1, 0, 0),
            Open::Block(end) => (1, 1, isize::from(*end == CODE_END)),
            Open::Link { .. } => (1, 0, 1),
        };
        for (count, of_it) in [(&mut self.depth, depth), (&mut self.blocks, block), (&mut self.plain, plain)]
        {
            *count = count.saturating_add_signed(of_it * more);
        }
    }

    /// Writes the beginning of what a tag is shown as.
    fn element(&mut self, tag: &Tag<'_>, range: &Range<usize>) -> Open {
        match tag {
            Tag::Strong => self.inline("<strong>", "</strong>"),
            Tag::Emphasis => self.inline("<em>", "</em>"),
            Tag::BlockQuote(_) => self.block("<blockquote>", "</blockquote>"),
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => self.block("<pre><code>", CODE_END),
            Tag::List(None) => self.block("<ul>", "</ul>"),
            Tag::List(Some(first)) => self.block(&format!("<ol start=\"{first}\">"), "</ol>"),
            // Outside of its list, which was one too many, it is none.
            Tag::Item if matches!(self.open.last(), Some(Open::Block("</ul>" | "</ol>"))) => {
                self.block("<li>", "</li>")
            }
            Tag::Link { link_type: LinkType::Inline | LinkType::Autolink, dest_url, .. } => {
                let Some(host) = host(dest_url).filter(|_| self.links < LINKS_MAX) else {
                    return Open::Typed;
                };
                self.flush();
                self.links += 1;
                anchor(dest_url, &mut self.out);
                let says_so = self.source[range.clone()].trim_matches(['<', '>']) == &**dest_url;
                Open::Link { host: (!says_so || !names(dest_url, &host)).then_some(host) }
            }
            _ => Open::Typed,
        }
    }

    fn inline(&mut self, begin: &str, end: &'static str) -> Open {
        self.flush();
        self.out.push_str(begin);
        Open::Inline(end)
    }

    fn block(&mut self, begin: &str, end: &'static str) -> Open {
        self.border();
        self.out.push_str(begin);
        Open::Block(end)
    }

    /// A block begins or ends here.
    fn border(&mut self) {
        self.flush();
        self.out.truncate(self.out.trim_end_matches('\n').len());
        self.beside_block = true;
    }

    fn end(&mut self) {
        // What is written before its end is still inside.
        let ended = self.open.pop();
        if !matches!(ended, None | Some(Open::Typed)) {
            match ended {
                Some(Open::Block(_)) => self.border(),
                _ => self.flush(),
            }
        }
        if let Some(ended) = &ended {
            self.count(ended, -1);
        }
        match ended {
            None | Some(Open::Typed) => {}
            Some(Open::Inline(end) | Open::Block(end)) => self.out.push_str(end),
            Some(Open::Link { host }) => {
                self.out.push_str("</a>");
                if let Some(host) = host {
                    leads_to(&host, &mut self.out);
                }
            }
        }
    }

    /// Writes what was typed, with the links in it, unless it is a link's text or code.
    fn flush(&mut self) {
        let run = std::mem::replace(&mut self.run, self.at..self.at);
        let mut text = &self.source[run];
        if self.beside_block {
            text = text.trim_start_matches('\n');
        }
        if text.is_empty() {
            return;
        }
        self.beside_block = false;
        self.seen |= text.contains(|c: char| !c.is_whitespace());
        if self.plain > 0 {
            return escape(text, &mut self.out);
        }
        for span in finder().spans(text) {
            let piece = span.as_str();
            let host = span.kind().filter(|_| self.links < LINKS_MAX).and_then(|_| host(piece));
            let Some(host) = host else {
                escape(piece, &mut self.out);
                continue;
            };
            self.links += 1;
            anchor(piece, &mut self.out);
            escape(piece, &mut self.out);
            self.out.push_str("</a>");
            if !names(piece, &host) {
                self.as_typed = false;
                leads_to(&host, &mut self.out);
            }
        }
    }
}

fn finder() -> LinkFinder {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    finder
}

/// Returns the host of a link that may be followed, as a resolver would be asked for it; `None` for any other
/// link. To parse the host costs the square of its length, so no longer one is parsed than can be.
fn host(link: &str) -> Option<String> {
    let authority = link.split_once("//").map_or(link, |(_, rest)| rest).split(['/', '?', '#']).next()?;
    if authority.len() > AUTHORITY_BYTES_MAX {
        return None;
    }
    let url = Url::parse(link).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_bare = url.username().is_empty() && url.password().is_none();
    (is_web && is_bare).then(|| url.host_str().map(str::to_owned)).flatten()
}

/// Returns true if the link itself names this host, letter by letter.
fn names(link: &str, host: &str) -> bool {
    let after_scheme = link.split_once("//").map_or("", |(_, rest)| rest);
    after_scheme.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(host))
}

fn anchor(link: &str, out: &mut String) {
    out.push_str("<a href=\"");
    escape(link, out);
    out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
}

fn leads_to(host: &str, out: &mut String) {
    out.push_str(" <span class=\"host\">(");
    escape(host, out);
    out.push_str(")</span>");
}

fn escape(text: &str, out: &mut String) {
    Escaper::new(out).write_str(text).expect(INTO_MEMORY);
}

#[cfg(test)]
mod tests;
