//! Names of logins and of sites. Lists of holders give rights by them, so one rule holds for all.

/// Most characters of the name of a login or of a site.
pub const SOURCE_NAME_LEN_MAX: usize = 16;

/// Returns true if a login or a site can have this name.
pub fn is_source_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=SOURCE_NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_short_name_of_few_letters() {
        for name in ["a", "corp", "shop-2", &"x".repeat(SOURCE_NAME_LEN_MAX)] {
            assert!(is_source_name(name), "{name}");
        }
        for name in ["", "Corp", "a_b", "a b", "\u{e9}", "a:b", &"x".repeat(SOURCE_NAME_LEN_MAX + 1)] {
            assert!(!is_source_name(name), "{name}");
        }
    }
}
