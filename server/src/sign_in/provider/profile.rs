//! The facts that a provider tells about a user: the name, the groups, the address of the picture.

use serde_json::Value;

use crate::sanitize;
use crate::sign_in::id_token::{Claims, is_sub};

/// Most groups that are looked at, of all that a provider lists.
const GROUPS_MAX: usize = 4_096;

/// Returns the first of these claims that is a name, cleaned by the rule of names.
pub fn name(claims: &Claims, keys: &[&str]) -> Option<String> {
    keys.iter().filter_map(|key| claims.get(*key)?.as_str()).find_map(sanitize::name_of_provider)
}

/// Returns the address of the picture.
pub fn picture(claims: &Claims, key: &str) -> Option<String> {
    claims.get(key)?.as_str().map(ToOwned::to_owned)
}

/// Returns the id of a user, a text or a whole number.
pub fn user_id(claims: &Claims, key: &str, is_number: bool) -> Option<String> {
    let id = match claims.get(key)? {
        Value::String(text) if !is_number => text.clone(),
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    is_sub(&id).then_some(id)
}

/// Returns those of a claim's groups that the settings name: a list of texts, or one text.
pub fn groups(claims: &Claims, key: &str, is_named: impl Fn(&str) -> bool) -> Vec<String> {
    let mut groups: Vec<String> = match claims.get(key) {
        Some(Value::Array(list)) => {
            list.iter().take(GROUPS_MAX).filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        }
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    groups.retain(|group| is_named(group));
    groups.sort_unstable();
    groups.dedup();
    groups
}
