//! The tests of access as a whole, and people for those of its parts.

mod beginnings;
mod ends;
mod page;
mod people;
mod served;
mod walk;

use std::sync::Arc;

use millchat::{Author, AuthorKind};

use crate::identity::{Person, Via};

/// A guest of this id.
pub fn guest(id: &str) -> Person {
    let author = Author { id: id.into(), name: "Ada".into(), kind: AuthorKind::Guest };
    Person::new(author, Via::Guest, None)
}

/// A user of this login, by their name there and their groups.
pub fn user(login: &str, sub: &str, groups: &[&str]) -> Person {
    let author = Author { id: format!("u_{login}-{sub}").into(), name: "Ada".into(), kind: AuthorKind::User };
    Person {
        author,
        groups: groups.iter().map(|group| Arc::from(*group)).collect(),
        via: Via::Login(login.into()),
        sub: Some(sub.into()),
        ..guest("g_x")
    }
}
