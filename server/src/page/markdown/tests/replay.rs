//! Reads the HTML of a message beside the text that was typed: each character that is not shown must be part
//! of a mark whose element is there.

use std::rc::Rc;

/// A part of the HTML.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Open(String, Vec<(String, String)>),
    Close(String),
    Char(char),
}

/// A block that a line is inside of.
#[derive(Debug, Clone, Copy)]
enum Inside {
    Quote,
    List,
    /// Columns that put a line inside of it.
    Item(usize),
}

#[derive(Clone)]
struct Replay {
    source: Rc<[char]>,
    at: usize,
    inside: Vec<Inside>,
    /// The marks of the blocks are not read yet in this line.
    begins_line: bool,
    /// The marks and targets of what is open.
    open: Vec<String>,
}

type Read = Result<(), String>;

/// Returns an error where the HTML shows something else than was typed.
pub fn replay(source: &str, html: &str) -> Read {
    let source = source.chars().collect();
    let replay = Replay { source, at: 0, inside: Vec::new(), begins_line: true, open: Vec::new() };
    replay.run(&parts(html))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn parts(html: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = html;
    loop {
        let (text, after) = rest.split_once('<').unwrap_or((rest, ""));
        parts.extend(unescaped(text).chars().map(Part::Char));
        let Some((tag, after)) = after.split_once('>') else { return parts };
        let name = tag.split(' ').next().unwrap().to_owned();
        let attributes = tag.split("=\"").zip(tag.split("=\"").skip(1));
        let attributes = attributes.map(|(before, value)| {
            let name = before.rsplit(' ').next().unwrap().to_owned();
            (name, unescaped(value.split('"').next().unwrap()))
        });
        parts.push(match name.strip_prefix('/') {
            Some(name) => Part::Close(name.to_owned()),
            None => Part::Open(name, attributes.collect()),
        });
        rest = after;
    }
}

impl Replay {
    fn error(&self, what: &str) -> String {
        let rest: String = self.source[self.at..].iter().take(20).collect();
        format!("{what} at {}: {rest:?}", self.at)
    }

    fn is_at(&self, c: char) -> bool {
        self.source.get(self.at) == Some(&c)
    }

    fn take(&mut self, text: &str) -> Read {
        for c in text.chars() {
            if !self.is_at(c) {
                return Err(self.error(&format!("{c:?} is missing")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn take_all(&mut self, c: char) -> usize {
        let start = self.at;
        while self.is_at(c) {
            self.at += 1;
        }
        self.at - start
    }

    fn spaces(&mut self, columns_max: usize) -> usize {
        let mut columns = 0;
        while let Some(c @ (' ' | '\t')) = self.source.get(self.at) {
            let wide = if *c == '\t' { 4 } else { 1 };
            if columns + wide > columns_max {
                break;
            }
            columns += wide;
            self.at += 1;
        }
        columns
    }

    /// Reads what the blocks put before a line.
    fn line(&mut self) -> Read {
        if !std::mem::take(&mut self.begins_line) {
            return Ok(());
        }
        for inside in self.inside.clone() {
            match inside {
                Inside::List => {}
                Inside::Item(columns) => {
                    self.spaces(columns);
                }
                Inside::Quote => {
                    self.spaces(usize::MAX);
                    self.take(">")?;
                    self.spaces(1);
                }
            }
        }
        Ok(())
    }

    /// Reads the line breaks beside a block. A line of white space or of `>` may be one of them, or a text.
    fn breaks(&mut self) {
        while self.one_break() {}
    }

    /// The same for the end of a block: what is read with each number of breaks, the most first.
    fn ends(mut self) -> Vec<Self> {
        let mut ends = Vec::new();
        loop {
            let mut behind = self.clone();
            behind.inside.pop();
            ends.push(behind.clone());
            while behind.one_break() {
                ends.push(behind.clone());
            }
            if !self.one_break() {
                break;
            }
        }
        ends.reverse();
        ends
    }

    fn one_break(&mut self) -> bool {
        let saved = (self.at, self.begins_line);
        let is_line = self.line().is_ok();
        if is_line && self.at == self.source.len() {
            return self.at > saved.0;
        }
        if !is_line || !self.is_at('\n') {
            (self.at, self.begins_line) = saved;
            return false;
        }
        self.at += 1;
        self.begins_line = true;
        true
    }

    fn text(&mut self, c: char) -> Read {
        self.line()?;
        if !self.is_at(c) && self.is_at('\\') && "*_~`[]>-.".contains(c) {
            self.at += 1;
        }
        self.take(&c.to_string())?;
        self.begins_line = c == '\n';
        Ok(())
    }

    fn run(mut self, parts: &[Part]) -> Read {
        let mut at = 0;
        while let Some(part) = parts.get(at) {
            at += 1;
            match part {
                Part::Char(c) => self.text(*c)?,
                Part::Open(name, attributes) => match name.as_str() {
                    "pre" => {
                        let end = parts[at..].iter().position(|it| *it == Part::Close("pre".into())).unwrap();
                        self.block_of_code(&parts[at + 1..at + end - 1])?;
                        at += end + 1;
                    }
                    "code" => {
                        let end =
                            parts[at..].iter().position(|it| *it == Part::Close("code".into())).unwrap();
                        self.code(&parts[at..at + end])?;
                        at += end + 1;
                    }
                    "blockquote" => {
                        self.breaks();
                        self.line()?;
                        self.inside.push(Inside::Quote);
                        self.spaces(3);
                        self.take(">")?;
                        self.spaces(1);
                    }
                    "ul" | "ol" => self.inside.push(Inside::List),
                    "li" => self.item()?,
                    "span" => {
                        let end =
                            parts[at..].iter().position(|it| *it == Part::Close("span".into())).unwrap();
                        at += end + 1;
                    }
                    "a" => {
                        self.line()?;
                        let href = attributes.iter().find(|(name, _)| name == "href").unwrap().1.clone();
                        let is_named = self.is_at('[');
                        if is_named {
                            self.at += 1;
                        }
                        self.open.push(if is_named { format!("]({href})") } else { String::new() });
                    }
                    _ => {
                        self.line()?;
                        let first = *self.source.get(self.at).ok_or("the end")?;
                        let mark = match name.as_str() {
                            "em" if matches!(first, '*' | '_') => first.to_string(),
                            "strong" if matches!(first, '*' | '_') => first.to_string().repeat(2),
                            "s" => "~~".to_owned(),
                            _ => return Err(self.error(name)),
                        };
                        self.take(&mark)?;
                        self.open.push(mark);
                    }
                },
                Part::Close(name) => match name.as_str() {
                    "blockquote" | "li" | "ul" | "ol" => {
                        let mut first = Ok(());
                        for end in self.ends() {
                            match end.run(&parts[at..]) {
                                Ok(()) => return Ok(()),
                                error => first = first.and(error),
                            }
                        }
                        return first;
                    }
                    _ => {
                        let mark = self.open.pop().unwrap();
                        if !mark.is_empty() {
                            self.line()?;
                        }
                        self.take(&mark)?;
                        // Where it leads has a space before it.
                        at += usize::from(
                            name == "a"
                                && matches!(parts.get(at + 1), Some(Part::Open(name, _)) if name == "span"),
                        );
                    }
                },
            }
        }
        self.breaks();
        if self.at == self.source.len() { Ok(()) } else { Err(self.error("the text goes on")) }
    }

    fn item(&mut self) -> Read {
        self.breaks();
        self.line()?;
        let mut columns = self.spaces(usize::MAX);
        let start = self.at;
        if self.is_at('-') || self.is_at('*') {
            self.at += 1;
        } else {
            while self.source.get(self.at).is_some_and(char::is_ascii_digit) {
                self.at += 1;
            }
            self.take(".")?;
        }
        columns += self.at - start;
        let gap = self.spaces(usize::MAX);
        self.inside.push(Inside::Item(columns + gap));
        if gap > 0 { Ok(()) } else { Err(self.error("no item")) }
    }

    fn code(&mut self, parts: &[Part]) -> Read {
        self.line()?;
        let ticks = "`".repeat(self.take_all('`'));
        let first = parts.first().cloned();
        if self.is_at(' ') && (first != Some(Part::Char(' ')) || self.source.get(self.at + 1) == Some(&' ')) {
            let saved = self.at;
            self.at += 1;
            if self.code_text(parts).and_then(|()| self.take(" ")).and_then(|()| self.take(&ticks)).is_ok() {
                return Ok(());
            }
            self.at = saved;
        }
        self.code_text(parts)?;
        self.take(&ticks)
    }

    fn code_text(&mut self, parts: &[Part]) -> Read {
        parts.iter().try_for_each(|part| {
            let Part::Char(c) = part else { return Err(format!("{part:?} in code")) };
            self.take(&c.to_string())
        })
    }

    fn block_of_code(&mut self, parts: &[Part]) -> Read {
        self.breaks();
        self.line()?;
        let indent = self.spaces(3);
        let mark = *self.source.get(self.at).ok_or("the end")?;
        let fence = self.take_all(mark);
        let rest: String = self.source[self.at..].iter().take_while(|c| **c != '\n').collect();
        let text: String =
            parts.iter().map(|part| if let Part::Char(c) = part { *c } else { '\0' }).collect();
        let words = rest.split_whitespace().count();
        let mut lines: Vec<&str> = text.split('\n').collect();
        if words > 1 {
            // It is code.
            self.take(lines.remove(0))?;
        } else {
            self.at += rest.chars().count();
        }
        if words == 1 && text == rest.trim() {
            // There is nothing but the word.
            lines.clear();
            while self.next_line().is_ok() && !self.is_at(mark) {}
        }
        for line in &lines {
            self.next_line_of(indent)?;
            self.take(line)?;
        }
        if self.is_at('\n') {
            self.next_line()?;
        }
        if self.take_all(mark) < fence {
            return Err(self.error("no end of code"));
        }
        while self.source.get(self.at).is_some_and(|c| c.is_whitespace() && *c != '\n') {
            self.at += 1;
        }
        self.breaks();
        Ok(())
    }

    /// Goes to the text of the next line.
    fn next_line(&mut self) -> Read {
        self.next_line_of(0)?;
        while self.source.get(self.at).is_some_and(|c| c.is_whitespace() && *c != '\n') {
            self.at += 1;
        }
        Ok(())
    }

    fn next_line_of(&mut self, indent: usize) -> Read {
        self.take("\n")?;
        self.begins_line = true;
        self.line()?;
        self.spaces(indent);
        Ok(())
    }
}

#[test]
fn a_character_that_is_lost_or_put_in_is_noticed() {
    for (source, html) in [
        ("ab", "a"),
        ("a", "ab"),
        ("a*b*", "a<em>b</em>c"),
        ("a\\b", "ab"),
        ("*a* b", "<em>a</em>b"),
        ("a*b*", "ab"),
        ("> a", "a"),
        ("- a\n- b", "<ul><li>a</li></ul>"),
        ("**a**", "<em>a</em>"),
        ("[a](http://b.c)", "<a href=\"http://b.d\">a</a>"),
        ("```\na\n```", "<pre><code>b</code></pre>"),
    ] {
        assert!(replay(source, html).is_err(), "{source:?} {html}");
    }
}
