//! Links: where one begins and ends in a text, and which may be followed.
//!
//! A link ends where people's text goes on, also without a space. So a host of ASCII ends before a letter of
//! a language without spaces (`https://example.comです`), and such letters are of the path only where a part
//! of it begins with them (`/wiki/日本`). Punctuation of other scripts ends a link; that of ASCII does at
//! its end.

use url::Url;

use super::letters::{Kind, is_unspaced};

/// Bytes of a link's host with its port, as it is written: a name has at most 253 letters of ASCII.
const AUTHORITY_BYTES_MAX: usize = 300;
const SCHEMES: [&str; 2] = ["https://", "http://"];
/// The beginning of a link whose scheme nobody typed.
const WWW: &str = "www.";

/// A link as it stands in a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Bare<'a> {
    /// Its letters.
    pub text: &'a str,
    /// True if the scheme is missing.
    pub is_www: bool,
    /// Its host, as a resolver would be asked for it.
    pub host: String,
}

/// Returns how the text goes on: with a link, or with this many bytes that hold no link, if they look like one.
pub fn at_start(text: &str, before: Option<char>) -> Option<Result<Bare<'_>, usize>> {
    let first = text.as_bytes().first()?;
    if !matches!(first, b'h' | b'H' | b'w' | b'W') || before.is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    if let Some(scheme) = SCHEMES.into_iter().find(|scheme| begins(text, scheme)) {
        return Some(link(text, scheme.len(), before));
    }
    // Within a path, a name or an address it is none.
    let is_www =
        begins(text, WWW) && !before.is_some_and(|c| matches!(c, '/' | '.' | '-' | '_' | '@' | '\\' | ':'));
    is_www.then(|| link(text, 0, before))
}

fn begins(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Reads a link whose host begins at `start`.
fn link(text: &str, start: usize, before: Option<char>) -> Result<Bare<'_>, usize> {
    let is_www = start == 0;
    let authority = start + authority(&text[start..], is_www);
    if text[authority..].starts_with('@') || text[start..authority].contains('@') {
        return Err(authority);
    }
    let named = &text[start..authority];
    let name = named.split(':').next().unwrap_or_default();
    if is_www && !name.rsplit_once('.').is_some_and(|(rest, top)| rest.len() >= WWW.len() && is_top(top)) {
        return Err(authority.max(1));
    }
    // Before the path is read, which would be read again.
    let host = if is_www { host(&format!("https://{named}")) } else { host(&text[..authority]) };
    let host = host.ok_or(authority.max(1))?;
    let end = authority + path(&text[authority..]);
    let end = trimmed(&text[..end], before).max(authority);
    Ok(Bare { text: &text[..end], is_www, host })
}

/// Returns true for the last part of a name, as names in the internet have it.
fn is_top(label: &str) -> bool {
    label.chars().count() >= 2 && label.chars().all(char::is_alphabetic) || label.starts_with("xn--")
}

/// Returns the length of the host with its port, and with a name and a password that do not belong there.
fn authority(text: &str, is_www: bool) -> usize {
    // An address of IPv6.
    if let Some(rest) = text.strip_prefix('[').filter(|_| !is_www) {
        let inside = rest.bytes().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
        let end = 1 + inside.count();
        return if text[end..].starts_with(']') { end + 1 + port(&text[end + 1..]) } else { 0 };
    }
    let (mut end, mut label) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '.' => label = at + 1,
            '-' | '_' => {}
            _ if is_unspaced(c) => {
                let ours = &text[label..at];
                if !ours.is_empty() && ours.is_ascii() && ours != "xn--" {
                    break;
                }
            }
            _ if matches!(Kind::of(c), Kind::Word) || c == '\u{200d}' || c == '\u{200c}' => {}
            ':' => {
                let port = port(&text[at..]);
                // A password, perhaps.
                let rest = &text[at..text.floor_char_boundary(at + AUTHORITY_BYTES_MAX)];
                let rest = rest.split(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace()).next();
                return match rest.and_then(|rest| rest.rfind('@')) {
                    Some(sign) => at + sign + 1,
                    None => at + port,
                };
            }
            _ => break,
        }
        end = at + c.len_utf8();
    }
    if text[end..].starts_with('@') {
        return end;
    }
    text[..end].trim_end_matches(['.', '-', '_']).len()
}

/// Returns the length of a colon and the number behind it.
fn port(text: &str) -> usize {
    let digits = text.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    if text.starts_with(':') && digits > 0 { 1 + digits } else { 0 }
}

/// Returns the length of what follows the host.
fn path(text: &str) -> usize {
    if !text.starts_with(['/', '?', '#']) {
        return 0;
    }
    let mut open = [0_usize; 3];
    let mut before = '\0';
    for (at, c) in text.char_indices() {
        match c {
            '(' => open[0] += 1,
            '[' => open[1] += 1,
            '{' => open[2] += 1,
            ')' | ']' | '}' => {
                let open = &mut open[match c {
                    ')' => 0,
                    ']' => 1,
                    _ => 2,
                }];
                if *open == 0 {
                    return at;
                }
                *open -= 1;
            }
            '<' | '>' | '"' | '`' | '|' | '\\' => return at,
            _ if c.is_ascii() => {
                if c.is_ascii_whitespace() || c.is_ascii_control() {
                    return at;
                }
            }
            _ if is_unspaced(c) => {
                let begins_part = at > 1 && matches!(before, '/' | '=' | '-' | '_' | '+' | '&' | '#' | '(');
                if !begins_part && !is_unspaced(before) {
                    return at;
                }
            }
            _ if Kind::of(c) == Kind::Word => {}
            _ => return at,
        }
        before = c;
    }
    text.len()
}

/// Returns the length without what belongs to the text around the link: points, and the ends of marks.
fn trimmed(link: &str, before: Option<char>) -> usize {
    let mut link = link;
    loop {
        let shorter = link.trim_end_matches(['.', ',', ':', ';', '!', '?', '\'', '*', '(', '[', '{']);
        let shorter = shorter.strip_suffix("~~").unwrap_or(shorter);
        let shorter = if before == Some('_') { shorter.trim_end_matches('_') } else { shorter };
        if shorter.len() == link.len() {
            return link.len();
        }
        link = shorter;
    }
}

/// Returns the host of a link that may be followed, as a resolver would be asked for it; `None` for any other
/// link. To parse the host costs the square of its length, so no longer one is parsed than can be.
pub fn host(link: &str) -> Option<String> {
    let scheme = SCHEMES.into_iter().find(|scheme| begins(link, scheme))?;
    let authority = link[scheme.len()..].split(['/', '?', '#', '\\']).next()?;
    if authority.len() > AUTHORITY_BYTES_MAX {
        return None;
    }
    // A name or a password before a host is what people are deceived with.
    if authority.contains('@') {
        return None;
    }
    // What follows decides nothing, and may be as long as the text.
    let url = Url::parse(&link[..scheme.len() + authority.len()]).ok()?;
    url.host_str().map(str::to_owned)
}

/// Returns true if the link itself names this host, letter by letter.
pub fn names(link: &str, host: &str) -> bool {
    let after_scheme = link.split_once("//").map_or(link, |(_, rest)| rest);
    after_scheme.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_parsed_up_to_its_limit_and_no_longer_one() {
        let link = |bytes: usize| {
            let top = ".example";
            format!("https://{}{top}/path", "a".repeat(bytes - top.len()))
        };
        assert_eq!(host(&link(AUTHORITY_BYTES_MAX)).map(|host| host.len()), Some(AUTHORITY_BYTES_MAX));
        assert_eq!(host(&link(AUTHORITY_BYTES_MAX + 1)), None);
    }
}
