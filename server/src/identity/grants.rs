//! Rights that a credential itself gives: a role for rooms that match a pattern.

use std::collections::BTreeMap;
use std::sync::Arc;

use millchat::ROOM_NAME_BYTES_MAX;

use super::person::Grant;

/// Most patterns of one credential.
pub const GRANTS_MAX: usize = 32;
/// The roles that a credential may give, the lowest first.
pub const ROLES: [&str; 4] = ["reader", "writer", "moderator", "owner"];

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

fn is_pattern(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-*?".contains(&byte);
    (1..=ROOM_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_part)
}
