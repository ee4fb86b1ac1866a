//! Somebody who proved who they are, and how they did.

use std::sync::Arc;

use millchat::{Author, Timestamp};

/// A pattern of rooms, and the role that a token gives in the rooms that match it.
pub type Grant = (Arc<str>, Arc<str>);

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The author of what they write.
    pub author: Author,
    /// The session of a token of ours; other credentials have none.
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
}

/// A session: one sign-in, over all renewals of its token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "tokens with sessions are the next step")]
pub struct Session {
    /// The session's own id.
    pub sid: Arc<str>,
    /// The time of the sign-in.
    pub auth: Timestamp,
    /// The end of the token that was shown.
    pub expires_at: Timestamp,
}

/// The credential by which somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "credentials beside those of guests are the next step")]
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

impl Person {
    /// A guest, whose token is good until this time.
    pub fn guest(author: Author, expires_at: Timestamp) -> Self {
        Self {
            author,
            session: None,
            groups: Arc::default(),
            via: Via::Guest,
            sub: None,
            was: Vec::new(),
            grants: None,
            expires_at: Some(expires_at),
        }
    }
}
