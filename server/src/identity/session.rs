//! Sessions as tokens: the claims of a guest and of a user who signed in, and when they are renewed.
//!
//! The session of a user in a panel is one of its own, shorter, and no cookie can hold its token: the page of a site is
//! around it.

use std::sync::Arc;
use std::time::Duration;

use millchat::{Author, AuthorKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::TokenError;
use super::keys::{Purpose, Ring, V1};
use super::letters;
use super::person::{Person, SID_LETTERS, Session, Via};
use super::token::{self, ROTATED};

/// Lifetime of a guest's token.
const GUEST_LIFETIME: Duration = Duration::from_hours(365 * 24);
/// Age from which a guest's token is renewed.
const GUEST_RENEWED_FROM: Duration = Duration::from_hours(7 * 24);
/// Age from which the token of a user who signed in is renewed.
const USER_RENEWED_FROM: Duration = Duration::from_hours(24);

/// Longest life of a user's token in a panel. It is not renewed.
const PANEL_LIFETIME: Duration = Duration::from_hours(24);

/// The lifetimes of users' sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Time for which a session lasts that is not used.
    pub idle: Duration,
    /// Time after the sign-in from which another one is needed.
    pub sign_in_again: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { idle: Duration::from_hours(30 * 24), sign_in_again: Duration::from_hours(90 * 24) }
    }
}

/// A token of a session that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The person.
    pub person: Person,
    /// When the token was made.
    pub made: Timestamp,
}

impl Proof {
    /// Returns true if a page gives its holder another token.
    pub fn is_to_be_renewed(&self, newest_key: u32, now: Timestamp) -> bool {
        let from = if self.person.via == Via::Guest { GUEST_RENEWED_FROM } else { USER_RENEWED_FROM };
        self.person.session.as_ref().is_none_or(|session| session.key != newest_key)
            || now.0.saturating_sub(self.made.0) >= millis(from)
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sid: Arc<str>,
    id: Arc<str>,
    name: Arc<str>,
    kind: String,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<Arc<str>>,
    iat: u64,
    auth: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    was: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    groups: Arc<[Arc<str>]>,
}

/// The claims of a token of an earlier release.
#[derive(Deserialize)]
struct OldClaims {
    id: Arc<str>,
    name: Arc<str>,
    kind: String,
    /// Seconds since the Unix epoch after which the token is void.
    exp: u64,
}

/// A session that begins now, for a person who has none yet.
pub fn begin(person: Person, now: Timestamp) -> Person {
    let sid = letters::random(SID_LETTERS).into();
    Person { session: Some(Session { sid, auth: now, key: 0 }), ..person }
}

/// Returns the end of a user's session, however often it is renewed.
pub fn latest_end(session: &Session, lifetimes: Lifetimes) -> Timestamp {
    after(session.auth, lifetimes.sign_in_again)
}

/// Signs a token for a person's session, from now on. `None` when there is no session, or when its claims are
/// too long for a token.
pub fn sign(
    ring: &Ring,
    person: &Person,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Option<(String, Timestamp)> {
    let session = person.session.as_ref()?;
    let expires_at = match person.via {
        Via::Guest => after(now, GUEST_LIFETIME),
        Via::Login(_) => after(now, lifetimes.idle).min(latest_end(session, lifetimes)),
        Via::Site(_) | Via::ApiToken(_) => return None,
    };
    let claims = claims(person, session, now);
    token::seal(ring, Purpose::Session, expires_at, claims).map(|token| (token, expires_at))
}

/// Begins another session of a user who signed in: that of a panel, which ends with this one at the latest. `None` for
/// anybody else.
pub fn begin_in_panel(person: &Person, now: Timestamp) -> Option<Person> {
    let Via::Login(_) = person.via else { return None };
    let session = Session { sid: letters::random(SID_LETTERS).into(), ..person.session.clone()? };
    let expires_at = after(now, PANEL_LIFETIME).min(person.expires_at?);
    Some(Person { session: Some(session), expires_at: Some(expires_at), ..person.clone() })
}

/// Signs a token for the session of a panel, which is good until that ends.
pub fn sign_for_panel(ring: &Ring, person: &Person, now: Timestamp) -> Option<String> {
    let claims = claims(person, person.session.as_ref()?, now);
    token::seal(ring, Purpose::Panel, person.expires_at?, claims)
}

fn claims(person: &Person, session: &Session, now: Timestamp) -> Claims {
    let Author { id, name, kind } = person.author.clone();
    Claims {
        sid: session.sid.clone(),
        id,
        name,
        kind: kind.as_str().to_owned(),
        by: person.via.claim(),
        sub: person.sub.clone(),
        iat: now.0,
        auth: session.auth.0,
        was: person.was.clone(),
        groups: person.groups.clone(),
    }
}

/// Returns the holder of a token, of this release or an earlier one.
pub fn verify(ring: &Ring, token: &str, now: Timestamp) -> Result<Proof, TokenError> {
    // Nearly all are of this release, so that the key of the ones before is not tried first.
    match token::open(ring, Purpose::Session, token, now) {
        Err(wrong @ (TokenError::Forged(_) | TokenError::Revoked(_))) => match token::open_v1(ring, token) {
            Some((claims, mac)) => verify_old(ring, claims, mac, now),
            None => Err(wrong),
        },
        opened => proof(opened?),
    }
}

/// Returns the holder of a token for a panel.
pub fn verify_for_panel(ring: &Ring, token: &str, now: Timestamp) -> Result<Proof, TokenError> {
    proof(token::open(ring, Purpose::Panel, token, now)?)
}

fn proof(opened: token::Opened<Claims>) -> Result<Proof, TokenError> {
    let Claims { sid, id, name, kind, by, sub, iat, auth, was, groups } = opened.about;
    let Some(via @ (Via::Guest | Via::Login(_))) = Via::of_claim(&by) else {
        return Err(TokenError::FOREIGN);
    };
    let author = Author { id, name, kind: kind_of(&kind)? };
    let session = Some(Session { sid, auth: Timestamp(auth), key: opened.key });
    let expires_at = Some(opened.expires_at);
    let person = Person { session, groups, via, sub, was, ..Person::new(author, Via::Guest, expires_at) };
    Ok(Proof { person, made: Timestamp(iat) })
}

/// A token of an earlier release has no session of its own. It was made a year before its end, and what
/// stands for the session's id follows from the token.
fn verify_old(
    ring: &Ring,
    claims: OldClaims,
    mac: blake3::Hash,
    now: Timestamp,
) -> Result<Proof, TokenError> {
    let OldClaims { id, name, kind, exp } = claims;
    let expires_at = Timestamp(exp.saturating_mul(1_000));
    if expires_at <= now {
        return Err(TokenError::OLD);
    }
    if ring.is_void(V1, now) {
        return Err(TokenError::Revoked(ROTATED));
    }
    let made = Timestamp(expires_at.0.saturating_sub(millis(GUEST_LIFETIME)));
    let sid = letters::of(&mac.as_bytes()[..SID_LETTERS]).into();
    let author = Author { id, name, kind: kind_of(&kind)? };
    let session = Some(Session { sid, auth: made, key: V1 });
    let person = Person { session, ..Person::new(author, Via::Guest, Some(expires_at)) };
    Ok(Proof { person, made })
}

pub(super) fn kind_of(name: &str) -> Result<AuthorKind, TokenError> {
    let kinds = [AuthorKind::Guest, AuthorKind::User, AuthorKind::Bot];
    kinds.into_iter().find(|kind| kind.as_str() == name).ok_or(TokenError::FOREIGN)
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(millis(duration)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
