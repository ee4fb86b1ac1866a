//! Makes scripts short: without comments and spaces; and the one that pages of other sites load, with short
//! names for what it declares.
//!
//! There is no parser here, so a name is renamed everywhere or nowhere: only if each of its places shows that it
//! is a variable. One that is also a key of an object, a method or a part of a pattern keeps its name, and so
//! does what stands behind a point. A variable must not have the name of something of the browser's; the linter
//! sees to that (`no-shadow` for `web/embed`). A `/` behind a value is a division, else it begins a regular
//! expression.

use std::collections::{BTreeMap, BTreeSet};

const KEYWORDS: [&str; 34] = [
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "default",
    "delete",
    "do",
    "else",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "get",
    "if",
    "in",
    "instanceof",
    "let",
    "new",
    "null",
    "of",
    "return",
    "static",
    "super",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "void",
];
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Signs of more than one character, the longest first.
const SIGNS: [&str; 20] = [
    "...", "===", "!==", "**=", "??=", "||=", "&&=", "=>", "==", "!=", "<=", ">=", "?.", "??", "||", "&&",
    "**", "++", "--", "+=",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Sign,
    /// A number, a string, a piece of a template or a regular expression.
    Literal,
}

/// A piece of the script.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// A line ended before it.
    is_first: bool,
}

impl Token<'_> {
    fn opens(&self) -> bool {
        matches!(self.text, "(" | "[" | "{") || self.kind == Kind::Literal && self.text.ends_with("${")
    }

    fn closes(&self) -> bool {
        matches!(self.text, ")" | "]" | "}") || self.kind == Kind::Literal && self.text.starts_with('}')
    }
}

/// Returns the same script, short.
pub fn shorten(script: &str) -> Result<String, String> {
    let tokens = tokens(script)?;
    Ok(joined(&tokens, &new_names(&tokens)?))
}

/// Returns the same script without comments and spaces, and with all its names.
pub fn tighten(script: &str) -> Result<String, String> {
    Ok(joined(&tokens(script)?, &BTreeMap::new()))
}

/// Puts the pieces together, and these variables under their new names.
fn joined(tokens: &[Token<'_>], names: &BTreeMap<&str, String>) -> String {
    let mut short = String::new();
    let mut before: Option<Token<'_>> = None;
    for (at, token) in tokens.iter().enumerate() {
        let is_variable = token.kind == Kind::Name && !is_property(tokens, at);
        let text = names.get(token.text).filter(|_| is_variable).map_or(token.text, String::as_str);
        if let Some(before) = before {
            let is_word = |token: &Token<'_>| {
                token.text.starts_with(is_word_char) || token.text.ends_with(is_word_char)
            };
            let is_joined = matches!(before.text, "+" | "-") && before.text == token.text;
            if token.is_first && !matches!(before.text, "{" | "(" | "[" | "," | ";" | "=>" | "=" | "?" | ":")
            {
                short.push('\n');
            } else if is_word(&before)
                && is_word(token)
                && before.kind != Kind::Sign
                && token.kind != Kind::Sign
                || is_joined
            {
                short.push(' ');
            }
        }
        short.push_str(text);
        before = Some(*token);
    }
    short.push('\n');
    short
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#')
}

fn tokens(script: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    // The braces that are open: of a template's value, or others.
    let mut open = Vec::new();
    let mut rest = script;
    let mut is_first = false;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            is_first |= c == '\n';
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if let Some(end) = rest.strip_prefix("/*").and_then(|comment| comment.find("*/")) {
            rest = &rest[end + 4..];
            continue;
        }
        let is_template = c == '`' || c == '}' && open.last() == Some(&true);
        let (kind, length) = if is_template {
            (Kind::Literal, template(rest))
        } else if matches!(c, '\'' | '"') {
            (Kind::Literal, quoted(rest, c))
        } else if c == '/'
            && tokens
                .last()
                .is_none_or(|token| token.kind == Kind::Sign && !matches!(token.text, ")" | "]" | "}"))
        {
            (Kind::Literal, regular_expression(rest))
        } else if is_word_char(c) {
            let end = rest
                .find(|c| !(is_word_char(c) || c == '.' && rest.starts_with(|c: char| c.is_ascii_digit())));
            let kind = if c.is_ascii_digit() { Kind::Literal } else { Kind::Name };
            (kind, end.or(Some(rest.len())))
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            (Kind::Sign, Some(sign.map_or(c.len_utf8(), |sign| sign.len())))
        };
        let length = length.ok_or_else(|| format!("this has no end: {}", &rest[..rest.len().min(60)]))?;
        let token = Token { kind, text: &rest[..length], is_first };
        if token.closes() && matches!(c, '}') {
            open.pop();
        }
        if token.opens() && token.text.ends_with('{') {
            open.push(token.kind == Kind::Literal);
        }
        tokens.push(token);
        is_first = false;
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// The length of a piece of a template: to its end, or to the next value in it.
fn template(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '`' => return Some(at + 1),
            '$' if chars.peek().is_some_and(|(_, c)| *c == '{') => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\n' => return None,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn regular_expression(rest: &str) -> Option<usize> {
    let mut is_class = false;
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => is_class = true,
            ']' => is_class = false,
            '\n' => return None,
            '/' if !is_class => {
                let flags = rest[at + 1..].find(|c: char| !c.is_ascii_lowercase());
                return flags.map(|flags| at + 1 + flags);
            }
            _ => {}
        }
    }
    None
}

fn text<'a>(tokens: &[Token<'a>], at: Option<usize>) -> &'a str {
    at.and_then(|at| tokens.get(at)).map_or("", |token| token.text)
}

fn is_property(tokens: &[Token<'_>], at: usize) -> bool {
    matches!(text(tokens, at.checked_sub(1)), "." | "?.")
}

/// The places of the brackets that belong together, from the opening one to the other.
fn pairs(tokens: &[Token<'_>]) -> Result<BTreeMap<usize, usize>, String> {
    let (mut open, mut pairs) = (Vec::new(), BTreeMap::new());
    for (at, token) in tokens.iter().enumerate() {
        if token.closes() {
            pairs.insert(open.pop().ok_or("a bracket is closed that is not open")?, at);
        }
        if token.opens() {
            open.push(at);
        }
    }
    if open.is_empty() { Ok(pairs) } else { Err("a bracket is not closed".into()) }
}

/// Returns new names for the variables that may have one, the shortest for those that occur most often.
fn new_names<'a>(tokens: &[Token<'a>]) -> Result<BTreeMap<&'a str, String>, String> {
    let pairs = pairs(tokens)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut declared, mut fixed) = (BTreeSet::new(), BTreeSet::new());
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.closes() {
            open.pop();
        }
        let (before, after) = (text(tokens, at.checked_sub(1)), text(tokens, Some(at + 1)));
        if token.kind == Kind::Name && !is_property(tokens, at) {
            *counts.entry(token.text).or_default() += 1;
            let is_in_braces = open.last().is_some_and(|at| text(tokens, Some(*at)) == "{");
            let is_short = is_in_braces && matches!(before, "{" | ",") && matches!(after, "," | "}" | "=");
            let end = pairs.get(&(at + 1)).filter(|_| after == "(" && before != "function");
            let is_method = end.is_some_and(|end| text(tokens, Some(end + 1)) == "{");
            let is_field = matches!(before, "get" | "static")
                || (is_in_braces && matches!(before, ";" | "}") && after == "=");
            if after == ":" || is_short || is_method || is_field {
                fixed.insert(token.text);
            }
            if matches!(before, "const" | "let" | "function" | "class") {
                declared.insert(token.text);
            }
        }
        if token.text == "(" && token.kind == Kind::Sign {
            let end = pairs[&at];
            let is_function =
                [before, text(tokens, at.checked_sub(2))].contains(&"function") || before == "catch";
            if is_function || text(tokens, Some(end + 1)) == "=>" {
                declared.extend(parameters(tokens, &pairs, at + 1, end));
            }
        }
        if token.opens() {
            open.push(at);
        }
    }
    let is_free = |name: &&&str| name.len() > 1 && !fixed.contains(**name) && !KEYWORDS.contains(*name);
    let mut names: Vec<&str> = declared.iter().filter(is_free).copied().collect();
    names.sort_by_key(|name| (std::cmp::Reverse(counts[name]), *name));
    let used = |name: &str| counts.contains_key(name) || KEYWORDS.contains(&name);
    let letters = || LETTERS.iter().map(|letter| char::from(*letter));
    let one = letters().map(String::from);
    let two = letters().flat_map(|first| letters().map(move |second| [first, second].iter().collect()));
    Ok(names.into_iter().zip(one.chain(two).filter(|name| !used(name))).collect())
}

/// The names between the brackets of a function that are no patterns.
fn parameters<'a>(
    tokens: &[Token<'a>],
    pairs: &BTreeMap<usize, usize>,
    start: usize,
    end: usize,
) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let mut at = start;
    while at < end {
        if tokens[at].kind == Kind::Name && matches!(text(tokens, Some(at - 1)), "(" | "," | "...") {
            names.insert(tokens[at].text);
        }
        at = pairs.get(&at).copied().unwrap_or(at) + 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_become_short_and_nothing_else_changes() {
        for (script, short) in [
            ("const count = 1;\nconst other = count + + 2;\n", "const a=1;const b=a+ +2;\n"),
            (
                "function take(first, ...others) {\n  return first.others;\n}\n",
                "function c(a,...b){return a.others;}\n",
            ),
            // A key of an object, a part of a pattern, a method and a field keep their names.
            ("const name = 1;\nput({ name });\n", "const name=1;put({name});\n"),
            ("const { kind } = data;\ntake(kind);\n", "const{kind}=data;take(kind);\n"),
            ("const open = 1;\nput({ open: 2 });\n", "const open=1;put({open:2});\n"),
            ("const shut = { shut() { return shut; } };\n", "const shut={shut(){return shut;}};\n"),
            // Texts are what they are, and what stands in a template is code.
            (
                "const page = 'page  page';\nsay(`page ${page} page`);\n",
                "const a='page  page';say(`page ${a} page`);\n",
            ),
            ("const form = /[/'] form/gi.test(text);\n", "const a=/[/'] form/gi.test(text);\n"),
            ("const half = (a + b) / 2 / c;\n", "const d=(a+b)/2/c;\n"),
            ("(value) => /** @type {any} */ (value);\n", "(a)=>(a);\n"),
            // Lines end statements.
            ("if (x) {\n  run();\n}\nrun();\n", "if(x){run();}\nrun();\n"),
        ] {
            assert_eq!(shorten(script).as_deref(), Ok(short));
        }
    }

    #[test]
    fn a_script_without_its_spaces_has_all_its_names() {
        let script = "const count = 1;\nsay({ count }, /** @type {any} */ (`${count} new`));\n";
        assert_eq!(tighten(script).as_deref(), Ok("const count=1;say({count},(`${count} new`));\n"));
    }

    #[test]
    fn what_has_no_end_is_refused() {
        for script in ["say('text);\n", "say(`text);\n", "say(/text);\n", "run(;\n", "run());\n"] {
            assert!(shorten(script).is_err(), "{script}");
        }
    }
}
