//! Paths that are not written as ours are: other spellings of the same address, and what somebody meant who
//! followed a link that a chat or a mail has damaged.

use std::borrow::Cow;

use millchat::RoomName;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

use crate::paths::{OPERATORS, RESERVED, room};

/// Most rooms that a page offers to somebody who did not find what they asked for.
const MEANT_MAX: usize = 2;
/// Longest path that is looked at for a room, in bytes.
const MEANT_BYTES_MAX: usize = 512;
/// Parts of paths that stand before a room's name elsewhere.
const BEFORE_ROOMS: [&str; 4] = ["api", "v1", "rooms", "room"];

/// Returns the path with letters, digits, `-` and `_` as themselves: percent-encoded they mean the same (RFC
/// 3986, 2.3). All else stays encoded.
///
/// A first part that is no room's is only what it is letter by letter: proxies and firewalls guard paths such
/// as `/admin/` as they are written.
pub fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') || path.starts_with(OPERATORS) {
        return Cow::Borrowed(path);
    }
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(c) = byte.map(char::from).filter(|c| is_of_names(*c)) {
            plain.push(c);
            rest = &after[2..];
        } else {
            plain.push('%');
            rest = after;
        }
    }
    plain.push_str(rest);
    let first = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
    if first(path) != first(&plain) && RESERVED.contains(&&*first(&plain)) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(plain)
}

/// Returns the path without empty parts, if it has any: a slash at its end, or two in a row.
pub fn tidied(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let tidied = format!("/{}", parts.join("/"));
    (tidied != path).then_some(tidied)
}

/// Returns the rooms that the writer of a path may have meant that leads nowhere: punctuation, spaces and
/// accents are no part of a name.
pub fn meant(path: &str) -> Vec<RoomName> {
    if path.len() > MEANT_BYTES_MAX {
        return Vec::new();
    }
    let text: String = percent_decode_str(path).decode_utf8_lossy().nfkd().collect();
    // An accent stands behind its letter then.
    let text: String = text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect();
    let parts: Vec<&str> = text.split('/').filter(|part| part.contains(is_of_names)).collect();
    let is_before = |part: &&&str| BEFORE_ROOMS.iter().any(|before| part.eq_ignore_ascii_case(before));
    let skipped = parts.iter().take_while(is_before).count().min(parts.len().saturating_sub(1));
    let Some(part) = parts.get(skipped) else { return Vec::new() };
    let words: Vec<&str> = part.split(|c| !is_of_names(c)).filter(|word| !word.is_empty()).collect();
    let mut rooms: Vec<RoomName> = Vec::new();
    for name in [words.join("-"), words[0].to_owned()] {
        rooms.extend(room(Some(&name)).filter(|room| !rooms.contains(room)));
    }
    rooms.truncate(MEANT_MAX);
    rooms
}

fn is_of_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_letter_is_that_letter_and_nothing_else_is_decoded() {
        for (path, expected) in [
            ("/lobby", "/lobby"),
            ("/l%6fbby", "/lobby"),
            ("/l%6Fbby/m%65ssages", "/lobby/messages"),
            ("/%6c%6f%62%62%79%2d%5F%30", "/lobby-_0"),
            ("/api/v1/rooms/l%6fbby", "/api/v1/rooms/lobby"),
            // Not twice.
            ("/l%256fbby", "/l%256fbby"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a%2e%2E", "/a%2e%2E"),
            ("/%00%20%C3%A9%", "/%00%20%C3%A9%"),
            ("/%6", "/%6"),
            ("/%+6f%é", "/%+6f%é"),
            // What is guarded by its letters.
            ("/%61dmin/backup", "/%61dmin/backup"),
            ("/admi%6e", "/admi%6e"),
            ("/%6detrics", "/%6detrics"),
            ("/%61pi/v1/guests", "/%61pi/v1/guests"),
            ("/admin/rooms/l%6fbby/closed", "/admin/rooms/l%6fbby/closed"),
        ] {
            assert_eq!(decoded(path), expected, "{path}");
        }
    }

    #[test]
    fn empty_parts_are_left_out() {
        for (path, expected) in [
            ("/lobby/", Some("/lobby")),
            ("//lobby", Some("/lobby")),
            ("/lobby//messages///", Some("/lobby/messages")),
            ("//evil.example//x", Some("/evil.example/x")),
            ("/lobby", None),
            ("/", None),
        ] {
            assert_eq!(tidied(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_room_is_found_in_a_damaged_link() {
        for (path, rooms) in [
            ("/lobby.", &["lobby"][..]),
            ("/lobby,", &["lobby"]),
            ("/lobby)", &["lobby"]),
            ("/(lobby).", &["lobby"]),
            ("/lobby%3F", &["lobby"]),
            ("/%E2%80%9Elobby%E2%80%9C", &["lobby"]),
            ("/%20lobby%20", &["lobby"]),
            ("/lobby%2F", &["lobby"]),
            ("/Lobby!", &["Lobby"]),
            ("/my%20room", &["my-room", "my"]),
            ("/my+room", &["my-room", "my"]),
            ("/lobby.%20See%20you", &["lobby-See-you", "lobby"]),
            ("/caf%C3%A9", &["cafe"]),
            ("/%EF%BD%8Cobby", &["lobby"]),
            ("/lobby/nothing", &["lobby"]),
            ("/rooms/lobby", &["lobby"]),
            ("/API/v1/Rooms/lobby./messages", &["lobby"]),
            ("/admin.", &[]),
            ("/%61dmin", &[]),
            ("/admin.now", &["admin-now"]),
            ("/%D0%BB%D0%BE%D0%B1%D0%B1%D0%B8", &[]),
            ("/...", &[]),
            ("/", &[]),
        ] {
            let meant: Vec<String> = meant(path).iter().map(|room| room.as_str().to_owned()).collect();
            assert_eq!(meant, rooms, "{path}");
        }
        assert_eq!(meant(&format!("/{}.", "x".repeat(65))), []);
        assert_eq!(meant(&format!("/lobby{}", ".".repeat(MEANT_BYTES_MAX))), []);
    }
}
