//! Patterns of rooms' names: `*` is any run of characters, `?` one, and case counts.
//!
//! A name is read once, whatever the pattern: each bit of a number says that the pattern may be at that place,
//! and a character of the name moves all of them together. So no pattern makes a match slow.

use std::fmt;
use std::str::FromStr;

use millchat::{ROOM_NAME_BYTES_MAX, RoomName};
use serde::Deserialize;

/// Most bytes of a pattern.
pub const PATTERN_BYTES_MAX: usize = 2 * ROOM_NAME_BYTES_MAX - 1;
/// Number of the bytes of ASCII.
const BYTES: usize = 128;
/// Most places of a pattern besides its stars: a name has no more characters.
const PLACES_MAX: usize = ROOM_NAME_BYTES_MAX;

/// A pattern of rooms' names.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
    /// For each byte the places that it passes: bit N is the place N.
    passes: Box<[u128; BYTES]>,
    /// The places with a star, where any byte leaves the pattern.
    stays: u128,
    /// The place at the end.
    end: u128,
}

impl Pattern {
    /// Returns true if the name is one of the pattern.
    pub fn matches(&self, name: &RoomName) -> bool {
        let mut places = 1;
        for byte in name.as_str().bytes() {
            let passes = self.passes.get(usize::from(byte)).copied().unwrap_or_default();
            places = ((places & passes) << 1) | (places & self.stays);
        }
        places & self.end != 0
    }

    /// Returns true if there may be a name that both match; false only if there is none. (Of two with stars, a
    /// name that both match may be too long.)
    pub fn meets(&self, other: &Self) -> bool {
        if self.stays == 0 {
            return other.takes(&self.text);
        }
        if other.stays == 0 {
            return self.takes(&other.text);
        }
        // The stars take what the other one has in the middle.
        let is_same = |(one, two): (u8, u8)| one == two || one == b'?' || two == b'?';
        let before_star =
            |text: &Self| text.text.bytes().take_while(|byte| *byte != b'*').collect::<Vec<_>>();
        let after_star =
            |text: &Self| text.text.bytes().rev().take_while(|byte| *byte != b'*').collect::<Vec<_>>();
        before_star(self).into_iter().zip(before_star(other)).all(is_same)
            && after_star(self).into_iter().zip(after_star(other)).all(is_same)
    }

    /// Returns true if it matches some name of this text, in which a question mark is any character.
    fn takes(&self, text: &str) -> bool {
        let mut places = 1;
        for byte in text.bytes() {
            let passes = if byte == b'?' { u128::MAX } else { self.passes[usize::from(byte) % BYTES] };
            places = ((places & passes & !self.end) << 1) | (places & self.stays);
        }
        places & self.end != 0
    }

    /// Returns the one name that the pattern matches, if it has neither a star nor a question mark.
    pub fn plain(&self) -> Option<RoomName> {
        RoomName::new(&self.text).ok()
    }

    /// Returns what is before its one star, which is its end; `None`: it is another pattern.
    pub fn beginning(&self) -> Option<&str> {
        self.text.strip_suffix('*').filter(|beginning| RoomName::new(beginning).is_ok())
    }

    /// Returns a name of the pattern, with `fill` for its first star and characters of `fill` for its
    /// question marks; `None` when it has none of them, or the name would be too long.
    pub fn filled(&self, fill: &str) -> Option<RoomName> {
        if self.plain().is_some() {
            return None;
        }
        let room_left =
            ROOM_NAME_BYTES_MAX.checked_sub(self.text.bytes().filter(|&it| it != b'*').count())?;
        let (mut name, mut run, mut letters) = (String::new(), Some(fill), fill.chars().cycle());
        for character in self.text.chars() {
            match character {
                '*' => name.push_str(run.take().map_or("", |run| run.get(..room_left).unwrap_or(run))),
                '?' => name.extend(letters.next()),
                other => name.push(other),
            }
        }
        RoomName::new(&name).ok()
    }
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pattern of rooms: it is 1 to {PATTERN_BYTES_MAX} of A-Z a-z 0-9 _ - * ?, such as team-*, and \
     matches names of at most {ROOM_NAME_BYTES_MAX}"
)]
pub struct NoPattern(String);

impl FromStr for Pattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let no_pattern = || NoPattern(text.chars().take(PATTERN_BYTES_MAX).collect());
        if text.is_empty() || text.len() > PATTERN_BYTES_MAX {
            return Err(no_pattern());
        }
        let (mut passes, mut stays, mut place) = (Box::new([0_u128; BYTES]), 0_u128, 0);
        for byte in text.bytes() {
            match byte {
                b'*' => stays |= 1 << place,
                b'?' => {
                    passes.iter_mut().for_each(|places| *places |= 1 << place);
                    place += 1;
                }
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => {
                    passes[usize::from(byte)] |= 1 << place;
                    place += 1;
                }
                _ => return Err(no_pattern()),
            }
            if place > PLACES_MAX {
                return Err(no_pattern());
            }
        }
        Ok(Self { text: text.to_owned(), passes, stays, end: 1 << place })
    }
}

impl TryFrom<String> for Pattern {
    type Error = NoPattern;

    fn try_from(text: String) -> Result<Self, NoPattern> {
        text.parse()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(&RoomName::new(name).unwrap())
    }

    #[test]
    fn a_star_is_any_run_a_question_mark_one_character_and_case_counts() {
        for (pattern, names, others) in [
            ("lobby", &["lobby"][..], &["Lobby", "lobb", "lobbyy", "xlobby"][..]),
            ("team-*", &["team-", "team-a", "team-a-b"], &["team", "ateam-x", "Team-x"]),
            ("*", &["a", "A_-9"], &[]),
            ("**", &["a", "abc"], &[]),
            ("*-x", &["-x", "a-x", "-x-x"], &["x", "a-xy"]),
            ("a*b*c", &["abc", "axbxc", "abcbc"], &["ab", "acb", "abcd"]),
            ("r?", &["r1", "rr"], &["r", "r12"]),
            ("??*", &["ab", "abc"], &["a"]),
            ("a?*?b", &["axyb", "axxxyb"], &["axb", "ab"]),
        ] {
            assert!(names.iter().all(|name| matches(pattern, name)), "{pattern}");
            assert!(!others.iter().any(|name| matches(pattern, name)), "{pattern}");
        }
        let longest = "a".repeat(ROOM_NAME_BYTES_MAX);
        assert!(matches(&longest, &longest) && matches(&"?".repeat(ROOM_NAME_BYTES_MAX), &longest));
        assert!(matches(&"*a".repeat(63), &longest) && !matches(&"*a".repeat(63), &longest[..62]));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_a_sentence() {
        let long = "a".repeat(ROOM_NAME_BYTES_MAX + 1);
        for text in
            ["", " ", "a b", "a.b", "[ab]", "caf\u{e9}", "a/b", &long, &"*".repeat(PATTERN_BYTES_MAX + 1)]
        {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains("A-Z a-z 0-9 _ - * ?"), "{error}");
        }
    }

    #[test]
    fn a_pattern_is_filled_to_a_name_of_its_own() {
        let filled = |text: &str| text.parse::<Pattern>().unwrap().filled("abcdefgh");
        assert_eq!(filled("team-*").unwrap().as_str(), "team-abcdefgh");
        assert_eq!(filled("r??").unwrap().as_str(), "rab");
        assert_eq!(filled("*-x-*").unwrap().as_str(), "abcdefgh-x-");
        assert_eq!(filled("lobby"), None);
        let long = "a".repeat(60);
        assert_eq!(filled(&format!("{long}*")).unwrap().as_str(), format!("{long}abcd"));
    }

    /// The rule itself, in as few words as there are.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [b'*', rest @ ..] => naive(rest, name) || (!name.is_empty() && naive(pattern, &name[1..])),
            [b'?', rest @ ..] => !name.is_empty() && naive(rest, &name[1..]),
            [byte, rest @ ..] => name.first() == Some(byte) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn two_patterns_meet_where_a_name_is_of_both(
            one in "[ab*?]{1,4}", two in "[ab*?]{1,4}", name in "[ab]{1,6}",
        ) {
            let meets = one.parse::<Pattern>().unwrap().meets(&two.parse().unwrap());
            let is_of_both = |name: &[u8]| naive(one.as_bytes(), name) && naive(two.as_bytes(), name);
            prop_assert!(meets || !is_of_both(name.as_bytes()));
            // No shorter pattern than these needs a longer name to meet.
            let mut names: Vec<Vec<u8>> = vec![Vec::new()];
            let mut is_met = false;
            for _ in 0..8 {
                let longer = |name: Vec<u8>| [b"a", b"b"].map(|last| [&name[..], &last[..]].concat());
                names = names.into_iter().flat_map(longer).collect();
                is_met |= names.iter().any(|name| is_of_both(name));
            }
            prop_assert_eq!(meets, is_met);
        }

        #[test]
        fn a_match_is_that_of_the_rule(pattern in "[ab*?]{1,8}", name in "[ab]{1,8}") {
            prop_assert_eq!(matches(&pattern, &name), naive(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
