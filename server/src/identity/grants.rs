//! Rights that a credential itself gives: a role for rooms that match a pattern.

use std::collections::BTreeMap;
use std::sync::Arc;

use millchat::ROOM_NAME_BYTES_MAX;

pub use super::person::Grant;
use crate::access::role::Role;

/// Most patterns of one credential.
pub const GRANTS_MAX: usize = 32;
/// The roles that a credential may give, the lowest first.
pub const ROLES: [&str; 4] = {
    let [reader, writer, moderator, owner] = Role::GIVEN;
    [reader.as_str(), writer.as_str(), moderator.as_str(), owner.as_str()]
};

/// Rights that are none, with the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// There are too many patterns.
    #[error("`rooms` has {0} patterns; the limit is {GRANTS_MAX}")]
    TooMany(usize),
    /// A pattern that no room's name can match.
    #[error(
        "`rooms`: `{}` is no pattern of rooms: 1 to {ROOM_NAME_BYTES_MAX} of A-Z a-z 0-9 _ - * ?",
        .0.chars().take(ROOM_NAME_BYTES_MAX).collect::<String>()
    )]
    Pattern(String),
    /// A role that there is not.
    #[error("`rooms`: `{}` is no role; the roles are {}", .0.chars().take(16).collect::<String>(), ROLES.join(", "))]
    Role(String),
}

/// Checks rights: patterns of rooms, and the role in each.
pub fn check(rooms: &BTreeMap<String, String>) -> Result<(), GrantsError> {
    if rooms.len() > GRANTS_MAX {
        return Err(GrantsError::TooMany(rooms.len()));
    }
    if let Some(pattern) = rooms.keys().find(|pattern| !is_pattern(pattern)) {
        return Err(GrantsError::Pattern(pattern.clone()));
    }
    match rooms.values().find(|role| !ROLES.contains(&role.as_str())) {
        Some(role) => Err(GrantsError::Role(role.clone())),
        None => Ok(()),
    }
}

/// Returns the rights as a person has them.
pub fn of(rooms: &BTreeMap<String, String>) -> Arc<[Grant]> {
    rooms.iter().map(|(pattern, role)| (pattern.as_str().into(), role.as_str().into())).collect()
}

/// Returns true if every room that matches the second pattern matches the first one; it may say no of some
/// patterns of which that is so.
pub fn covers(pattern: &str, other: &str) -> bool {
    let (pattern, other) = (pattern.as_bytes(), other.as_bytes());
    // Matches the other pattern as a text, of which a star is matched by a star alone.
    let (mut at, mut of_other) = (0, 0);
    let mut star = None;
    while of_other < other.len() {
        match (pattern.get(at), other[of_other]) {
            (Some(b'*'), _) => {
                star = Some((at, of_other));
                at += 1;
            }
            (Some(one), byte) if byte != b'*' && (*one == b'?' || *one == byte) => {
                at += 1;
                of_other += 1;
            }
            _ => match &mut star {
                Some((after, from)) => {
                    *from += 1;
                    (at, of_other) = (*after + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

fn is_pattern(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-*?".contains(&byte);
    (1..=ROOM_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_no_room_outside_of_it_matches() {
        for (pattern, other, covers_it) in [
            ("*", "*", true),
            ("*", "lobby", true),
            ("*", "a*b?c", true),
            ("support-*", "support-*", true),
            ("support-*", "support-7", true),
            ("support-*", "support-7*", true),
            ("support-*", "support-?", true),
            ("support-*", "*", false),
            ("support-*", "support*", false),
            ("support-*", "support-", true),
            ("support-?", "support-*", false),
            ("support-?", "support-7", true),
            ("support-?", "support-??", false),
            ("*-team", "a-team", true),
            ("*-team", "*-team", true),
            ("*-team", "*team", false),
            ("*a*", "bab*", true),
            ("?", "*", false),
            ("lobby", "lobby", true),
            ("lobby", "Lobby", false),
            ("lobby", "lobb?", false),
            ("**", "x", true),
        ] {
            assert_eq!(covers(pattern, other), covers_it, "{pattern} covers {other}");
        }
    }

    #[test]
    fn rights_are_few_patterns_with_a_role() {
        let rooms = |pattern: &str, role: &str| [(pattern.to_owned(), role.to_owned())].into();
        for (pattern, role, is_right) in [
            ("deploy-*", "writer", true),
            ("?", "owner", true),
            ("", "writer", false),
            ("a b", "writer", false),
            ("a/b", "writer", false),
            (&"x".repeat(65), "writer", false),
            ("lobby", "Writer", false),
            ("lobby", "operator", false),
        ] {
            assert_eq!(check(&rooms(pattern, role)).is_ok(), is_right, "{pattern} {role}");
        }
        let many = |count: usize| (0..count).map(|at| (format!("r{at}"), "reader".to_owned())).collect();
        assert!(check(&many(GRANTS_MAX)).is_ok() && check(&many(GRANTS_MAX + 1)).is_err());
    }
}
