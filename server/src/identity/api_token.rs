//! API tokens: credentials of programs, `mct_` + id + `_` + secret, which the operator makes and removes.
//!
//! The log keeps the id and the BLAKE3 hash of the secret as a secret value, so neither a backup nor the
//! server's memory has what proves to be the program. A token with an unknown id costs the same work and gets
//! the same answer as one with a wrong secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::{Author, AuthorKind, Chat, NewValue, Position, Replaces, SendError, Timestamp, Value};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::error::TokenError;
use super::person::{Person, SID_LETTERS, Session, Via};
use super::{grants, letters};
use crate::access::role::Role;

/// The beginning of every API token.
pub const FORM: &str = "mct_";
/// Most API tokens.
pub const API_TOKENS_MAX: usize = 10_000;
/// Letters of a token's id.
const ID_LETTERS: usize = 12;
/// Letters of the id of a program as an author.
const AUTHOR_LETTERS: usize = 20;
/// Characters of a secret: 32 bytes as base64url.
const SECRET_LEN: usize = 43;
/// The beginning of the id of every program.
const AUTHOR_PREFIX: &str = "b_";
/// Longest id of a program as an author, in bytes.
const AUTHOR_ID_BYTES_MAX: usize = 64;
/// Time for which a token that has expired is listed, and refused as one that has expired.
const EXPIRED_KEPT: Duration = Duration::from_hours(30 * 24);
/// The beginning of the keys of their values.
const PREFIX: &str = ".token/";
/// The kind of their values.
pub const KIND: &str = ".token";
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// A token as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    /// The hash of the secret, as hexadecimal digits.
    hash: String,
    /// The secret before it, which is good for some time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old: Option<OldSecret>,
    name: String,
    author: String,
    /// None of an incoming webhook: to an earlier release its token is a bearer.
    rooms: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hook: Option<Hook>,
    /// When it was made, in milliseconds since the Unix epoch.
    made: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    /// The last day on which it was used, in days since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
struct OldSecret {
    hash: String,
    /// The time from which it is void, in milliseconds since the Unix epoch.
    until: u64,
}

/// An incoming webhook: the one room in which its token posts, by its url alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The room.
    pub room: String,
    /// True if each request is signed.
    #[serde(default)]
    pub signed: bool,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: String,
    /// The program.
    pub author: Author,
    /// The rooms that it has rights in, by pattern, and the role in each.
    pub rooms: BTreeMap<String, String>,
    /// The incoming webhook that it is of, if it is of one.
    pub hook: Option<Hook>,
    /// When it was made.
    pub made_at: Timestamp,
    /// From when on it is void.
    pub expires_at: Option<Timestamp>,
    /// The day on which it was used last, as the moment when the day began.
    pub used_at: Option<Timestamp>,
}

/// A token to be made. Its name must have passed [`crate::sanitize::name`].
pub struct NewApiToken {
    /// The name of the program.
    pub name: String,
    /// The rooms that it has rights in, by pattern, and the role in each.
    pub rooms: BTreeMap<String, String>,
    /// The incoming webhook that it is to be of, if it is to be of one.
    pub hook: Option<Hook>,
    /// Time after which it is void.
    pub expires_in: Option<Duration>,
    /// The id of the program; a new one is made if there is none.
    pub author: Option<String>,
}

/// Returns true if a program may have this id.
pub fn is_author_id(id: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    id.len() <= AUTHOR_ID_BYTES_MAX
        && id.strip_prefix(AUTHOR_PREFIX).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_letter))
}

/// Makes a token. Returns it, and what proves to be the program: nobody can ask for that again.
pub async fn add(chat: &Chat, new: NewApiToken, by: Author) -> Result<(ApiToken, String), SendError> {
    let now = Timestamp::now();
    let (id, secret) = (letters::random(ID_LETTERS), new_secret());
    let author = new.author.unwrap_or_else(|| format!("{AUTHOR_PREFIX}{}", letters::random(AUTHOR_LETTERS)));
    let stored = Stored {
        hash: hash(&secret),
        old: None,
        name: new.name,
        author,
        rooms: new.rooms,
        hook: new.hook,
        made: now.0,
        expires: new.expires_in.map(|time| now.0.saturating_add(millis(time))),
        used: None,
    };
    set(chat, &id, &stored, (Replaces::Absent, Some(by))).await?;
    Ok((shown(&id, &stored), format!("{FORM}{id}_{secret}")))
}

/// Gives a token another secret. The one before stays good for the overlap. `None` when there is no such
/// token.
pub async fn renew(
    chat: &Chat,
    id: &str,
    overlap: Duration,
    by: &Author,
) -> Result<Option<(ApiToken, String)>, SendError> {
    loop {
        let Some((mut stored, position)) = read(chat, id) else { return Ok(None) };
        let secret = new_secret();
        let until = Timestamp::now().0.saturating_add(millis(overlap));
        let hash = std::mem::replace(&mut stored.hash, hash(&secret));
        stored.old = (!overlap.is_zero()).then_some(OldSecret { hash, until });
        match set(chat, id, &stored, (Replaces::Position(position), Some(by.clone()))).await {
            Ok(()) => return Ok(Some((shown(id, &stored), format!("{FORM}{id}_{secret}")))),
            // Its use was noted, or somebody else renewed it.
            Err(SendError::ValueChanged) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes a token. Returns false if there is none.
pub async fn remove(chat: &Chat, id: &str, by: Author) -> Result<bool, SendError> {
    if read(chat, id).is_none() {
        return Ok(false);
    }
    match chat.remove_value(&key(id), Some(by)).await {
        Ok(_) => Ok(true),
        Err(SendError::UnknownValue) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns how many tokens there are.
pub fn count(chat: &Chat) -> usize {
    chat.values_count(KIND)
}

/// Returns all tokens, by id.
pub fn list(chat: &Chat) -> Vec<ApiToken> {
    let token = |(name, value): &(Arc<str>, Value)| {
        Some(shown(name.strip_prefix(PREFIX)?, &serde_json::from_str(&value.text).ok()?))
    };
    chat.values(PREFIX).iter().filter_map(token).collect()
}

/// A program that holds a token.
pub struct Holder {
    /// The program.
    pub person: Person,
    /// The incoming webhook that the token is of, if it is of one.
    hook: Option<Hook>,
    /// True if it is not noted yet that the token was used today.
    pub is_first_of_day: bool,
}

/// Returns the program that holds a token. `rest` is the token behind its first letters.
pub fn verify(chat: &Chat, rest: &str, now: Timestamp) -> Result<Holder, TokenError> {
    let holder = holder(chat, rest, now)?;
    if holder.hook.is_some() { Err(OF_HOOK) } else { Ok(holder) }
}

/// Returns the program that holds the token of an incoming webhook, and the webhook.
pub fn verify_hook(chat: &Chat, rest: &str, now: Timestamp) -> Option<(Holder, Hook)> {
    let holder = holder(chat, rest, now).ok()?;
    let hook = holder.hook.clone()?;
    Some((holder, hook))
}

/// The holder of a token of either kind.
fn holder(chat: &Chat, rest: &str, now: Timestamp) -> Result<Holder, TokenError> {
    let (id, secret) = rest
        .split_at_checked(ID_LETTERS)
        .filter(|(id, _)| letters::are(id, ID_LETTERS))
        .and_then(|(id, rest)| Some((id, rest.strip_prefix('_')?)))
        .filter(|(_, secret)| is_secret(secret))
        .ok_or(TokenError::Malformed("an API token is mct_, 12 letters, _ and 43 characters"))?;
    let stored = chat.value(&key(id)).map_or_else(|| Arc::from(NOBODY), |value| value.text);
    let stored: Stored = serde_json::from_str(&stored).map_err(|_| WRONG)?;
    let sent = blake3::hash(secret.as_bytes());
    // Both are compared, whatever the first comparison says, and each in constant time.
    let is_current = is_hash(&stored.hash, &sent);
    let old = stored.old.as_ref();
    let is_old = is_hash(old.map_or(NO_HASH, |old| &old.hash), &sent);
    let until = match (is_current, is_old, old) {
        (true, ..) => stored.expires,
        (false, true, Some(old)) => Some(stored.expires.map_or(old.until, |end| end.min(old.until))),
        _ => return Err(WRONG),
    };
    if until.is_some_and(|until| until <= now.0) {
        return Err(TokenError::Expired("; the operator makes API tokens"));
    }
    let shown = shown(id, &stored);
    let rights = match &stored.hook {
        Some(hook) => grants::of(&[(hook.room.clone(), Role::Writer.as_str().to_owned())].into()),
        None => grants::of(&shown.rooms),
    };
    let person = Person {
        grants: Some(rights),
        session: Some(Session { sid: sid(&sent), auth: shown.made_at, key: 0 }),
        ..Person::new(shown.author, Via::ApiToken(id.into()), until.map(Timestamp))
    };
    let is_first_of_day = stored.used < Some(now.0 / DAY_MILLIS);
    Ok(Holder { person, hook: stored.hook, is_first_of_day })
}

/// Returns true if the secret by which a program proved who it is, here by the session's id, can still do so.
pub fn is_in_force(chat: &Chat, id: &str, of_secret: &str, now: Timestamp) -> bool {
    let Some((stored, _)) = read(chat, id) else { return false };
    let is_of = |hash: &str| blake3::Hash::from_hex(hash).is_ok_and(|hash| *sid(&hash) == *of_secret);
    let is_old = stored.old.is_some_and(|old| now.0 < old.until && is_of(&old.hash));
    stored.expires.is_none_or(|end| now.0 < end) && (is_of(&stored.hash) || is_old)
}

/// Returns the time from which the secret by which a program proved who it is is void, if it was replaced.
pub fn void_from(chat: &Chat, id: &str, of_secret: &str) -> Option<Timestamp> {
    let old = read(chat, id)?.0.old?;
    let is_of = |hash: blake3::Hash| *sid(&hash) == *of_secret;
    blake3::Hash::from_hex(&old.hash).is_ok_and(is_of).then_some(Timestamp(old.until))
}

/// Notes that a token was used on the day of this time, if that is not noted yet. A token that was changed
/// meanwhile is noted by its next use.
pub async fn note_use(chat: &Chat, id: &str, now: Timestamp) -> Result<(), SendError> {
    let day = now.0 / DAY_MILLIS;
    let Some((stored, position)) = read(chat, id) else { return Ok(()) };
    if stored.used >= Some(day) {
        return Ok(());
    }
    match set(chat, id, &Stored { used: Some(day), ..stored }, (Replaces::Position(position), None)).await {
        Err(SendError::ValueChanged) => Ok(()),
        done => done,
    }
}

/// The answer to a token that is not right, also when nobody has its id.
const WRONG: TokenError = TokenError::Forged("there is no API token of this id with this secret");
/// The answer to the token of an incoming webhook that was sent as a bearer.
const OF_HOOK: TokenError = TokenError::Forged(
    "this is the token of an incoming webhook, which posts by its url and is nobody elsewhere",
);
/// A hash that no secret has.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The token that is read and compared when nobody has the id.
const NOBODY: &str = r#"{"hash":"0000000000000000000000000000000000000000000000000000000000000000",
    "name":"nobody","author":"b_aaaaaaaaaaaaaaaaaaaa","rooms":{"deploy-*":"writer"},"made":0}"#;

async fn set(
    chat: &Chat,
    id: &str,
    stored: &Stored,
    (replaces, by): (Replaces, Option<Author>),
) -> Result<(), SendError> {
    let text = serde_json::to_string(stored).expect("a token is texts and numbers");
    let until = stored.expires.map(|end| Timestamp(end.saturating_add(millis(EXPIRED_KEPT))));
    let value = NewValue { text, until, by, replaces, limit: API_TOKENS_MAX };
    chat.set_value(&key(id), value).await.map(|_| ())
}

fn read(chat: &Chat, id: &str) -> Option<(Stored, Position)> {
    if !letters::are(id, ID_LETTERS) {
        return None;
    }
    let value = chat.value(&key(id))?;
    Some((serde_json::from_str(&value.text).ok()?, value.position))
}

fn shown(id: &str, stored: &Stored) -> ApiToken {
    let (author, name) = (stored.author.as_str().into(), stored.name.as_str().into());
    ApiToken {
        id: id.to_owned(),
        author: Author { id: author, name, kind: AuthorKind::Bot },
        rooms: stored.rooms.clone(),
        hook: stored.hook.clone(),
        made_at: Timestamp(stored.made),
        expires_at: stored.expires.map(Timestamp),
        used_at: stored.used.map(|day| Timestamp(day * DAY_MILLIS)),
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// The id of the session of everybody who has this secret.
fn sid(hash: &blake3::Hash) -> Arc<str> {
    letters::of(&hash.as_bytes()[..SID_LETTERS]).into()
}

fn new_secret() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn is_secret(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    text.len() == SECRET_LEN && text.bytes().all(is_part)
}

fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// Compares in constant time.
fn is_hash(hex: &str, sent: &blake3::Hash) -> bool {
    blake3::Hash::from_hex(hex).is_ok_and(|hash| hash == *sent)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
