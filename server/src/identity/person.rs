//! Somebody who proved who they are, and how they did.

use std::sync::Arc;

use millchat::{Author, Timestamp};

/// A pattern of rooms, and the role that a token gives in the rooms that match it.
pub type Grant = (Arc<str>, Arc<str>);

/// Letters of a session's id: 100 bits.
pub const SID_LETTERS: usize = 20;

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The author of what they write.
    pub author: Author,
    /// The session that their credential belongs to.
    pub session: Option<Session>,
    /// The groups that their provider or site named. They count for the logins and sites of that name only.
    pub groups: Arc<[Arc<str>]>,
    /// The credential.
    pub via: Via,
    /// Their name at the provider or the site.
    pub sub: Option<Arc<str>>,
    /// The ids that they wrote under as guests, before they signed in.
    pub was: Vec<Arc<str>>,
    /// The rooms that the credential itself gives rights in; `None`: it says nothing about rooms.
    pub grants: Option<Arc<[Grant]>>,
    /// The time from which the credential is void.
    pub expires_at: Option<Timestamp>,
    /// The number of the key that signed the ticket, if they come by one. The rest is of whoever made it.
    pub ticket_key: Option<u32>,
}

/// A session: one sign-in, over all renewals of its token. A credential that somebody else made is one by
/// itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's own id.
    pub sid: Arc<str>,
    /// The time of the sign-in.
    pub auth: Timestamp,
    /// The number of the key that signed the token, if it is ours.
    pub key: u32,
}

/// The credential by which somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A guest's token.
    Guest,
    /// A session of somebody who signed in at the login of this name.
    Login(Arc<str>),
    /// A token signed by the site of this name.
    Site(Arc<str>),
    /// The API token of this id.
    ApiToken(Arc<str>),
}

/// The claim of a guest.
const BY_GUEST: &str = "guest";
/// The beginnings of the other claims; the name of the login or the site, or the token's id, follows.
const BY_LOGIN: &str = "login:";
const BY_SITE: &str = "site:";
const BY_API_TOKEN: &str = "token:";

impl Via {
    /// Returns the value of `by` in our tokens.
    pub(super) fn claim(&self) -> String {
        match self {
            Self::Guest => BY_GUEST.to_owned(),
            Self::Login(name) => format!("{BY_LOGIN}{name}"),
            Self::Site(name) => format!("{BY_SITE}{name}"),
            Self::ApiToken(id) => format!("{BY_API_TOKEN}{id}"),
        }
    }

    /// Reads the value of `by`.
    pub(super) fn of_claim(by: &str) -> Option<Self> {
        match by.split_at(by.find(':').map_or(by.len(), |colon| colon + 1)) {
            (BY_GUEST, "") => Some(Self::Guest),
            (BY_LOGIN, name) => Some(Self::Login(name.into())),
            (BY_SITE, name) => Some(Self::Site(name.into())),
            (BY_API_TOKEN, id) => Some(Self::ApiToken(id.into())),
            _ => None,
        }
    }
}

impl Person {
    /// Returns the ids that are theirs: their own, and those of the guests that they were.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> + Clone {
        std::iter::once(&self.author.id).chain(&self.was)
    }

    /// Somebody of whom no more is known than the credential, and until when it is good.
    pub fn new(author: Author, via: Via, expires_at: Option<Timestamp>) -> Self {
        Self {
            author,
            session: None,
            groups: Arc::default(),
            via,
            sub: None,
            was: Vec::new(),
            grants: None,
            expires_at,
            ticket_key: None,
        }
    }

    /// The same person under another name. The name must have passed [`crate::sanitize::name`].
    pub fn renamed(&self, name: &str) -> Self {
        let author = Author { name: name.into(), ..self.author.clone() };
        Self { author, ..self.clone() }
    }
}
