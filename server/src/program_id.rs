//! Ids of the programs that the settings name: webhooks, and the bots that are built in. An id is that of an author for
//! good, `b_` before it, so no two programs may have the same.

/// Most characters of an id.
const ID_LEN_MAX: usize = 32;
/// Most programs that the settings name.
const PROGRAMS_MAX: usize = 32;

/// Programs that cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// An id that is none.
    #[error("[[bot]] or [[webhook]]: the id `{}` is none: 1 to {ID_LEN_MAX} of a-z 0-9 -", .0.chars().take(ID_LEN_MAX).collect::<String>())]
    Id(String),
    /// Two programs have the same id.
    #[error("[[bot]] or [[webhook]]: the id {0} is there twice; it is an author's, for good")]
    Twice(String),
    /// There are too many.
    #[error("there are {0} [[bot]] and [[webhook]] tables; the limit is {PROGRAMS_MAX}")]
    TooMany(usize),
}

/// Checks the ids of all programs that the settings name.
pub fn check<'a>(ids: impl IntoIterator<Item = &'a str>) -> Result<(), ProgramError> {
    let mut known: Vec<&str> = Vec::new();
    for id in ids {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=ID_LEN_MAX).contains(&id.len()) || !id.bytes().all(is_part) {
            return Err(ProgramError::Id(id.to_owned()));
        }
        if known.contains(&id) {
            return Err(ProgramError::Twice(id.to_owned()));
        }
        known.push(id);
    }
    if known.len() > PROGRAMS_MAX { Err(ProgramError::TooMany(known.len())) } else { Ok(()) }
}

/// Returns the id of a program as an author.
pub fn author_id(id: &str) -> String {
    format!("b_{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_few_and_each_has_an_id_of_its_own() {
        let longest = "x".repeat(ID_LEN_MAX);
        assert_eq!(check(["deploys", "a-2", &longest]), Ok(()));
        for id in ["", "Deploys", "a b", "a_b", "\u{e9}", &format!("{longest}x")] {
            assert_eq!(check(["a", id]), Err(ProgramError::Id(id.to_owned())), "{id}");
        }
        assert_eq!(check(["a", "b", "a"]), Err(ProgramError::Twice("a".to_owned())));
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        let check_many = |count| check(many(count).iter().map(String::as_str));
        assert_eq!((check_many(PROGRAMS_MAX), check_many(33)), (Ok(()), Err(ProgramError::TooMany(33))));
    }
}
