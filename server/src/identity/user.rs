//! Users: somebody who signed in at a provider, the id that follows from it, and the session that begins.

use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderValue};
use millchat::{Author, AuthorKind, Timestamp};

use super::person::{Person, Via};
use super::revocation::RevokeError;
use super::verify::Identity;
use super::{session, user_id};

/// Most ids of guests that a user wrote under before; the oldest is forgotten.
const WAS_MAX: usize = 4;

/// Somebody who has just proved at a provider who they are.
pub struct NewUser {
    /// The name of the login.
    pub login: Arc<str>,
    /// Their id at the provider.
    pub sub: Arc<str>,
    /// Their name. It must have passed [`crate::sanitize::name_of_provider`].
    pub name: String,
    /// Their groups, those that the settings name.
    pub groups: Vec<Arc<str>>,
}

impl Identity {
    /// Returns the id of the user whom the login or the site `name` knows as `sub`. `source` is `login` or
    /// `site`.
    pub fn user_id(&self, source: &str, name: &str, sub: &str) -> String {
        user_id::of(self.user_key(), (source, name), sub)
    }

    /// Begins the session of a user, in the browser that sends these headers. The session that the browser had
    /// ends; the guest that it was stays known as somebody whom the user was. Returns the user and the header
    /// by which the browser is theirs.
    pub async fn begin_user(
        &self,
        headers: &HeaderMap,
        new: NewUser,
    ) -> Result<(Person, HeaderValue), RevokeError> {
        let now = Timestamp::now();
        let id = self.user_id("login", &new.login, &new.sub);
        let before = self.before(headers, now);
        let was = before.as_ref().map(|before| was(before, &id, now)).unwrap_or_default();
        let author = Author { id: id.into(), name: new.name.into(), kind: AuthorKind::User };
        let new = Person {
            groups: new.groups.into(),
            sub: Some(new.sub),
            was,
            ..Person::new(author.clone(), Via::Login(new.login), None)
        };
        if let Some(before) = before.filter(|before| is_good_at(before, now)) {
            self.end_before(&before, author).await?;
        }
        let begins = self.beginning_of(&new.author.id, now);
        let person = session::begin(new, begins);
        let cookie = self.set_cookie(&person);
        Ok((person, cookie))
    }

    /// Makes the guest of a panel somebody whom the user was who signed in there. The guest stays one, whom the panel
    /// knows again when the page around it ends. Returns the token by which the user is known now; `None`: the request
    /// is not such a user's, or the other token no guest's.
    pub fn take_over(&self, headers: &HeaderMap, guest: &str) -> Option<String> {
        let now = Timestamp::now();
        let user = self.user_of_panel(headers, now)?;
        let guest = self.verify(guest).ok().filter(|guest| guest.via == Via::Guest)?;
        let others = user.was.iter().filter(|id| **id != guest.author.id);
        let was = std::iter::once(&guest.author.id).chain(others).take(WAS_MAX).cloned().collect();
        session::sign_for_panel(&self.derived().ring, &Person { was, ..user }, now)
    }
}

fn is_good_at(person: &Person, now: Timestamp) -> bool {
    person.expires_at.is_none_or(|end| now < end)
}

/// Returns the ids of guests that the holder of a browser's session was.
fn was(before: &Person, id: &str, now: Timestamp) -> Vec<Arc<str>> {
    match &before.via {
        Via::Guest if is_good_at(before, now) => vec![before.author.id.clone()],
        // The very same user, whose session may be over.
        Via::Login(_) if *before.author.id == *id => before.was.iter().take(WAS_MAX).cloned().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(id: &str, expires_at: u64) -> Person {
        let author = Author { id: id.into(), name: "Ada".into(), kind: AuthorKind::Guest };
        Person::new(author, Via::Guest, Some(Timestamp(expires_at)))
    }

    #[test]
    fn a_user_was_the_guest_of_the_browser_and_who_the_same_user_was() {
        assert_eq!(was(&guest("g_1", 10), "u_1", Timestamp(9)), [Arc::from("g_1")]);
        assert!(was(&guest("g_1", 10), "u_1", Timestamp(10)).is_empty());
        let ids: Vec<Arc<str>> = (0..9).map(|n| format!("g_{n}").into()).collect();
        let mut user = Person { was: ids, via: Via::Login("corp".into()), ..guest("u_1", 10) };
        assert_eq!(was(&user, "u_1", Timestamp(99)).len(), WAS_MAX, "expired or not");
        assert!(was(&user, "u_2", Timestamp(9)).is_empty(), "another user");
        user.via = Via::ApiToken("x".into());
        assert!(was(&user, "u_1", Timestamp(9)).is_empty());
    }
}
