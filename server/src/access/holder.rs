//! Holders: the people whom a list of the settings names, as `owners`, `readers` or `operators` do.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use crate::identity::{Person, Via};
use crate::source_name::{SOURCE_NAME_LEN_MAX, is_source_name};

/// Most bytes of a name at a login or a site, or of a group.
const SUBJECT_BYTES_MAX: usize = 255;
/// The beginnings of authors' ids.
const AUTHOR_PREFIXES: [&str; 3] = ["g_", "u_", "b_"];
/// Most bytes of an author's id in a list.
const AUTHOR_BYTES_MAX: usize = 64;

/// Somebody, or many, whom a list names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Holder {
    /// `LOGIN-or-SITE:SUB`: one person, by their name there.
    Subject(Arc<str>, Arc<str>),
    /// `LOGIN-or-SITE:@GROUP`: all of a group.
    Group(Arc<str>, Arc<str>),
    /// `LOGIN-or-SITE:*`: everybody who comes from there.
    Everybody(Arc<str>),
    /// An author's id.
    Author(Arc<str>),
}

impl Holder {
    /// Returns the name of the login or the site, if it names one.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Subject(source, _) | Self::Group(source, _) | Self::Everybody(source) => Some(source),
            Self::Author(_) => None,
        }
    }

    /// Returns the group, if it is one.
    pub fn group(&self) -> Option<&str> {
        if let Self::Group(_, group) = self { Some(group) } else { None }
    }

    /// Returns true if the person is meant. A person is also who they were as a guest.
    pub fn is(&self, person: &Person) -> bool {
        let comes_from = |source: &str| match &person.via {
            Via::Login(name) | Via::Site(name) => **name == *source,
            Via::Guest | Via::ApiToken(_) => false,
        };
        match self {
            Self::Subject(source, sub) => comes_from(source) && person.sub.as_deref() == Some(sub),
            Self::Group(source, group) => comes_from(source) && person.groups.contains(group),
            Self::Everybody(source) => comes_from(source),
            Self::Author(id) => person.author.id == *id || person.was.contains(id),
        }
    }
}

/// A text that names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names nobody: it is LOGIN:SUB, LOGIN:@GROUP or LOGIN:*, with the name of a login or a site (1 to \
     {SOURCE_NAME_LEN_MAX} of a-z 0-9 -), or an author's id such as u_4kqv6mzd2xw7yrbtfn3a"
)]
pub struct NoHolder(String);

impl FromStr for Holder {
    type Err = NoHolder;

    fn from_str(text: &str) -> Result<Self, NoHolder> {
        let no_holder = || NoHolder(text.chars().take(SUBJECT_BYTES_MAX).collect());
        let Some((source, subject)) = text.split_once(':') else {
            let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            let rest = AUTHOR_PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
            let rest = rest.filter(|rest| !rest.is_empty() && rest.bytes().all(is_id));
            let is_author = rest.is_some() && text.len() <= AUTHOR_BYTES_MAX;
            return if is_author { Ok(Self::Author(text.into())) } else { Err(no_holder()) };
        };
        if !is_source_name(source) {
            return Err(no_holder());
        }
        let name = subject.strip_prefix('@').unwrap_or(subject);
        let is_name = !name.is_empty()
            && name.len() <= SUBJECT_BYTES_MAX
            && name.trim() == name
            && !name.chars().any(char::is_control);
        match (is_name, subject) {
            (true, "*") => Ok(Self::Everybody(source.into())),
            (true, subject) if subject.starts_with('@') => Ok(Self::Group(source.into(), name.into())),
            (true, _) => Ok(Self::Subject(source.into(), name.into())),
            (false, _) => Err(no_holder()),
        }
    }
}

impl TryFrom<String> for Holder {
    type Error = NoHolder;

    fn try_from(text: String) -> Result<Self, NoHolder> {
        text.parse()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(source, sub) => write!(f, "{source}:{sub}"),
            Self::Group(source, group) => write!(f, "{source}:@{group}"),
            Self::Everybody(source) => write!(f, "{source}:*"),
            Self::Author(id) => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{guest, user};
    use super::*;

    #[test]
    fn a_holder_is_one_a_group_or_all_of_one_source_or_an_author() {
        let ada = user("corp", "7", &["leads"]);
        for (text, is_ada) in [
            ("corp:7", true),
            ("corp:77", false),
            ("shop:7", false),
            ("corp:@leads", true),
            ("corp:leads", false),
            ("corp:@lead", false),
            ("shop:@leads", false),
            ("corp:*", true),
            ("shop:*", false),
            ("u_corp-7", true),
            ("u_corp-8", false),
        ] {
            assert_eq!(text.parse::<Holder>().unwrap().is(&ada), is_ada, "{text}");
        }
        let mut bob = guest("g_bob");
        assert!("g_bob".parse::<Holder>().unwrap().is(&bob));
        assert!(!"corp:*".parse::<Holder>().unwrap().is(&bob));
        bob.was = vec!["g_before".into()];
        assert!("g_before".parse::<Holder>().unwrap().is(&bob));
    }

    #[test]
    fn what_names_nobody_is_refused_with_a_sentence() {
        let long = format!("corp:{}", "x".repeat(SUBJECT_BYTES_MAX + 1));
        for text in [
            "",
            "Corp:7",
            "corp:",
            "corp:@",
            ":7",
            "corp: 7",
            "a_login_name:x",
            "x_7",
            "g_",
            "Ada",
            "u_a b",
            &long,
        ] {
            let error = text.parse::<Holder>().unwrap_err().to_string();
            assert!(error.contains("LOGIN:@GROUP"), "{error}");
        }
        for text in ["corp:7", "corp:@a b", "corp:*", "corp:auth0|7:8", "g_abc"] {
            assert_eq!(text.parse::<Holder>().unwrap().to_string(), text);
        }
    }
}
