//! Revocation: sessions that are void before their time.
//!
//! A revocation is a kept value of the log: `revoked/of/ID/SID` for one session of a user, `revoked/sid/SID` for
//! one of a guest (and, by earlier builds, of a user), or `revoked/author/ID` with a time, by which all sessions
//! of an author are void that began until then, renewed or not. It is in force before it is acknowledged, and
//! stays until no token that it concerns can be good any more.

use std::time::Duration;

use millchat::{Author, Chat, NewValue, Replaces, SendError, Timestamp};
use serde::{Deserialize, Serialize};

use super::person::{Person, Session, Via};

/// Most revocations that are in force.
pub const REVOCATIONS_MAX: usize = 100_000;
/// Most of them before a session is revoked by revoking its author: the rest is for authors.
const SESSIONS_MAX: usize = REVOCATIONS_MAX / 2;
/// Most sessions of one author that are revoked each by its own value; beyond them all of the author's are.
pub const SESSIONS_OF_AUTHOR_MAX: usize = 100;
/// Time for which a revocation is kept whose sessions are not all known: the longest that any token lasts.
const KEPT: Duration = Duration::from_hours(366 * 24);
/// Most of them before the sessions of guests are not revoked any more when they sign in: nobody should fill
/// the list by signing in.
const GUESTS_MAX: usize = REVOCATIONS_MAX / 4;
/// The beginning of the keys of all revocations.
const PREFIX: &str = "revoked/";
/// The kind of their values.
pub const KIND: &str = "revoked";
/// Longest id of an author whose sessions can be revoked, in bytes; ours have 22.
pub const AUTHOR_ID_BYTES_MAX: usize = 128;

/// The text of the value of an author.
#[derive(Serialize, Deserialize)]
struct OfAuthor {
    /// Sessions that began until this time are void, in milliseconds since the Unix epoch.
    before: u64,
}

/// A revocation that is not in force.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// There are too many revocations.
    #[error(
        "{REVOCATIONS_MAX} revocations are in force, which is the most there can be; to rotate the key and retire \
         the older ones `now` ends all sessions"
    )]
    TooMany,
    /// The log did not take it.
    #[error(transparent)]
    NotStored(SendError),
}

impl From<SendError> for RevokeError {
    fn from(error: SendError) -> Self {
        if matches!(error, SendError::TooMany(_)) { Self::TooMany } else { Self::NotStored(error) }
    }
}

/// Returns true if sessions can belong to an author of this id.
pub fn is_revocable(author_id: &str) -> bool {
    (1..=AUTHOR_ID_BYTES_MAX).contains(&author_id.len()) && author_id.bytes().all(|b| b.is_ascii_graphic())
}

/// Returns how many revocations are in force.
pub fn count(chat: &Chat) -> usize {
    chat.values_count(KIND)
}

/// Returns true if the session of a person was revoked.
pub fn is_revoked(chat: &Chat, person: &Person) -> bool {
    let Some(session) = &person.session else { return false };
    chat.value(&of_session(&session.sid)).is_some()
        || matches!(person.via, Via::Login(_)) && is_session_revoked(chat, session, &person.author.id)
        || revoked_until(chat, &person.author.id).is_some_and(|before| session.auth <= before)
}

fn is_session_revoked(chat: &Chat, session: &Session, author_id: &str) -> bool {
    chat.value(&of_user_session(author_id, &session.sid)).is_some()
}

/// Returns the time until which all sessions of an author are void.
pub fn revoked_until(chat: &Chat, author_id: &str) -> Option<Timestamp> {
    if !is_revocable(author_id) {
        return None;
    }
    let value = chat.value(&of_author(author_id))?;
    // What cannot be read revokes all the more.
    let before = serde_json::from_str(&value.text).map_or(u64::MAX, |of_author: OfAuthor| of_author.before);
    Some(Timestamp(before))
}

/// Revokes one session of a user, which ends at `until` at the latest. When there are too many revocations, of
/// this user or of all, it revokes all sessions of the user.
pub async fn revoke_session(
    chat: &Chat,
    (session, author_id): (&Session, &str),
    until: Timestamp,
    by: Author,
) -> Result<(), RevokeError> {
    let others = chat.values_from(&of_user_session(author_id, ""), None, SESSIONS_OF_AUTHOR_MAX);
    if others.len() < SESSIONS_OF_AUTHOR_MAX {
        let key = of_user_session(author_id, &session.sid);
        match set(chat, &key, value("{}".to_owned(), until, (SESSIONS_MAX, by.clone()))).await {
            Err(RevokeError::TooMany) => {}
            done => return done,
        }
    }
    revoke_author(chat, author_id, session.auth, by).await
}

/// Revokes the session of a guest who has signed in, while there is much room in the list. Without that the
/// guest's token stays good, and its holder a guest.
pub async fn revoke_guest(chat: &Chat, sid: &str, by: Author) -> Result<(), RevokeError> {
    // Another token of this session may have been signed just now.
    let until = after(Timestamp::now());
    match set(chat, &of_session(sid), value("{}".to_owned(), until, (GUESTS_MAX, by))).await {
        Err(RevokeError::TooMany) => Ok(()),
        done => done,
    }
}

/// Revokes all sessions of an author that began until now, and until `auth`: the clock may have been set back
/// since. A time that is later already stays.
pub async fn revoke_author(
    chat: &Chat,
    author_id: &str,
    auth: Timestamp,
    by: Author,
) -> Result<(), RevokeError> {
    let key = of_author(author_id);
    loop {
        let stored = chat.value(&key);
        let earlier = stored.as_ref().and_then(|stored| serde_json::from_str(&stored.text).ok());
        let earlier = earlier.map_or(Timestamp(0), |of_author: OfAuthor| Timestamp(of_author.before));
        let before = Timestamp::now().max(auth).max(earlier);
        let text = serde_json::to_string(&OfAuthor { before: before.0 }).expect("it is a number");
        let replaces = stored.map_or(Replaces::Absent, |stored| Replaces::Position(stored.position));
        let new = NewValue { replaces, ..value(text, after(before), (REVOCATIONS_MAX, by.clone())) };
        match set(chat, &key, new).await {
            // Somebody else was faster: theirs may be later.
            Err(RevokeError::NotStored(SendError::ValueChanged)) => {}
            done => return done,
        }
    }
}

async fn set(chat: &Chat, key: &str, new: NewValue) -> Result<(), RevokeError> {
    chat.set_value(key, new).await?;
    Ok(())
}

fn value(text: String, until: Timestamp, (limit, by): (usize, Author)) -> NewValue {
    NewValue { text, until: Some(until), by: Some(by), replaces: Replaces::Any, limit }
}

/// Returns the time from which no token is good any more that was signed until this time.
fn after(time: Timestamp) -> Timestamp {
    Timestamp(time.0.saturating_add(KEPT.as_secs() * 1_000))
}

fn of_session(sid: &str) -> String {
    [PREFIX, "sid/", sid].concat()
}

fn of_user_session(author_id: &str, sid: &str) -> String {
    [PREFIX, "of/", author_id, "/", sid].concat()
}

fn of_author(author_id: &str) -> String {
    [PREFIX, "author/", author_id].concat()
}
