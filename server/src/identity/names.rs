//! Names of users, as a provider or a site gives them.

use crate::sanitize;

/// Letters of the id in the name of a user who has none.
const ID_LETTERS: usize = 4;

/// Returns the first of the names that people can read, by the rule for names and cut to what it allows; else
/// one that comes from the user's id.
pub fn of_user<'a>(given: impl IntoIterator<Item = Option<&'a str>>, id: &str) -> String {
    let nameless = || format!("user {}", id.chars().skip(2).take(ID_LETTERS).collect::<String>());
    given.into_iter().flatten().find_map(sanitize::name_of_provider).unwrap_or_else(nameless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_first_that_people_can_read_cut_to_what_a_name_may_be() {
        let id = "u_4kqv6mzd2xw7yrbtfn3a";
        let long = "x".repeat(100);
        for (given, expected) in [
            ([Some("Ada  Lovelace"), Some("ada")], "Ada Lovelace"),
            ([None, Some("ada")], "ada"),
            ([Some("\u{200b}"), Some("ada")], "ada"),
            ([Some("#4kqv"), Some("ada")], "ada"),
            ([Some(long.as_str()), None], &"x".repeat(40)),
            ([Some(""), None], "user 4kqv"),
            ([None, None], "user 4kqv"),
        ] {
            assert_eq!(of_user(given, id), expected, "{given:?}");
        }
    }
}
