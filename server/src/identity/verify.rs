//! The one place that turns a request into a [`Person`].
//!
//! The API and a panel carry a token as a bearer, the page its own as a cookie. All forms of tokens end in
//! [`Identity::verify`]: those of guests and of users who signed in ([`session`]), API tokens ([`api_token`]),
//! and those that sites sign ([`Sites`]). Each is held against what is revoked.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::header::{HeaderMap, HeaderValue};
use millchat::{Author, AuthorKind, Chat, SendError, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api_token::{self, ApiToken, NewApiToken};
use super::error::TokenError;
use super::hook::HookHolder;
use super::keys::{Purpose, Retire, Ring, RotateError, Rotated};
use super::person::{Person, Session, Via};
use super::proofs::Proofs;
use super::revocation::{self, RevokeError};
use super::session::{self, Lifetimes, Proof};
use super::site::{Sites, is_jwt};
use super::{cookie, hook, keys, letters, token, user_id};
use crate::headers;
use crate::log_throttle::LogThrottle;

/// Random letters of a guest's id: 100 bits, so nobody meets or guesses another's.
const GUEST_ID_LETTERS: usize = 20;
/// Bearer tokens of one request that are looked at: each may cost a check of a signature.
pub const BEARERS_MAX: usize = 2;
/// Cookies of one request that are looked at: ours, and some that neighbours have planted.
const COOKIES_MAX: usize = 8;
/// The reason of a session that was revoked.
const REVOKED: &str = "its session was ended";

/// Limits the log lines of uses of API tokens that are not noted.
static NOTES: LogThrottle = LogThrottle::new();

/// Signs and checks tokens.
pub struct Identity {
    chat: Chat,
    sites: Sites,
    /// Made of the kept values, and used for as long as they are the same.
    derived: ArcSwap<Derived>,
    /// Browsers reach us by TLS, so the cookie is one that never leaves it.
    by_tls: bool,
    lifetimes: Lifetimes,
    /// Makes the ids of users.
    user_key: [u8; 32],
    proofs: Proofs,
}

/// Counts of what can be full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Revocations in force.
    pub revocations: usize,
    /// API tokens.
    pub api_tokens: usize,
}

/// Everything that follows from the kept values.
pub(super) struct Derived {
    /// The version of the values when they were looked at.
    version: u64,
    pub(super) ring: Ring,
}

impl Derived {
    fn read(chat: &Chat) -> Self {
        // The version first: a change in between makes it be read again.
        let version = chat.values_version();
        Self { version, ring: Ring::read(chat) }
    }
}

impl Identity {
    /// With the keys and the revocations of a log, and the sites that sign tokens.
    pub fn new(chat: Chat, sites: Sites, by_tls: bool) -> Self {
        let derived = ArcSwap::from_pointee(Derived::read(&chat));
        let user_key = user_id::secret(&chat.signing_key());
        Self {
            chat,
            sites,
            derived,
            by_tls,
            lifetimes: Lifetimes::default(),
            user_key,
            proofs: Proofs::default(),
        }
    }

    /// Returns true if browsers reach us by TLS.
    pub fn is_by_tls(&self) -> bool {
        self.by_tls
    }

    /// Somebody new. The name must have passed [`crate::sanitize::name`].
    pub fn new_guest(name: &str) -> Person {
        let id = format!("g_{}", letters::random(GUEST_ID_LETTERS));
        let author = Author { id: id.into(), name: name.into(), kind: AuthorKind::Guest };
        session::begin(Person::new(author, Via::Guest, None), Timestamp::now())
    }

    /// A token that proves to be this person, for as long as their session may last.
    ///
    /// # Panics
    ///
    /// When the person has no session.
    pub fn sign(&self, person: &Person) -> String {
        self.sign_by(&self.derived().ring, person, Timestamp::now()).0
    }

    /// Returns a token by which a user who signed in is known in a panel, for a day at most: of another session than
    /// theirs, which no cookie can hold. `None`: they are no such user.
    pub fn sign_for_panel(&self, person: &Person) -> Option<String> {
        let now = Timestamp::now();
        session::sign_for_panel(&self.derived().ring, &session::begin_in_panel(person, now)?, now)
    }

    fn sign_by(&self, ring: &Ring, person: &Person, now: Timestamp) -> (String, Timestamp) {
        session::sign(ring, person, self.lifetimes, now)
            .expect("a person with a session has a name of 160 bytes at most")
    }

    /// Signs claims for another purpose than a session. `None` when they are too long.
    pub fn seal<T: Serialize>(&self, purpose: Purpose, expires_at: Timestamp, claims: T) -> Option<String> {
        token::seal(&self.derived().ring, purpose, expires_at, claims)
    }

    /// Returns the claims of a token of this purpose.
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &str) -> Result<T, TokenError> {
        token::open(&self.derived().ring, purpose, sealed, Timestamp::now()).map(|opened| opened.about)
    }

    /// Returns the holder of this token, in any of the forms that there are.
    pub fn verify(&self, token: &str) -> Result<Person, TokenError> {
        self.verify_at(token, Timestamp::now())
    }

    pub(super) fn verify_at(&self, token: &str, now: Timestamp) -> Result<Person, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        if let Some(rest) = token.strip_prefix(api_token::FORM) {
            let holder = api_token::verify(&self.chat, rest, now)?;
            if holder.is_first_of_day {
                self.note_use(&holder.person, now);
            }
            return Ok(holder.person);
        }
        if is_jwt(token) {
            let person = self.sites.verify(token, &self.user_key, now)?;
            let is_revoked = revocation::is_revoked(&self.chat, &person);
            return if is_revoked { Err(TokenError::Revoked(REVOKED)) } else { Ok(person) };
        }
        let ring = &self.derived().ring;
        let proof = match self.session(ring, token, now) {
            // Nearly all are sessions. Of what is neither, the first answer counts.
            Err(wrong @ TokenError::Forged(_)) => match session::verify_for_panel(ring, token, now) {
                Err(TokenError::Forged(_)) => Err(wrong),
                proof => self.unless_ended(proof?, now),
            },
            proof => proof,
        };
        proof.map(|proof| proof.person)
    }

    /// Returns whoever posts by an incoming webhook with this token. `None`: there is no such webhook, or no longer.
    pub fn hook(&self, token: &str) -> Option<HookHolder> {
        let now = Timestamp::now();
        let (holder, of) = api_token::verify_hook(&self.chat, token.strip_prefix(api_token::FORM)?, now)?;
        if holder.is_first_of_day {
            self.note_use(&holder.person, now);
        }
        let Via::ApiToken(id) = &holder.person.via else { return None };
        let secret = of.signed.then(|| self.hook_secret(id));
        Some(HookHolder { person: holder.person, room: of.room, secret })
    }

    /// Returns the secret by which requests to the incoming webhook of this token are signed, if they are.
    pub fn hook_secret(&self, token_id: &str) -> [u8; 32] {
        hook::secret(&self.chat.signing_key(), token_id)
    }

    /// Returns the holder of a token of a session, unless the session was revoked.
    fn session(&self, ring: &Ring, token: &str, now: Timestamp) -> Result<Proof, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        self.unless_ended(self.proofs.verify(ring, token, now)?, now)
    }

    fn unless_ended(&self, proof: Proof, now: Timestamp) -> Result<Proof, TokenError> {
        // No revocation of it is kept for longer, also when the setting was changed since it was signed.
        if proof.person.via != Via::Guest && self.end_of(&proof.person).is_none_or(|end| end <= now) {
            return Err(TokenError::OLD);
        }
        if revocation::is_revoked(&self.chat, &proof.person) {
            return Err(TokenError::Revoked(REVOKED));
        }
        Ok(proof)
    }

    /// Fails when the credential by which a person made something is no longer good.
    pub(super) fn hold_made(&self, person: &Person, now: Timestamp) -> Result<(), TokenError> {
        match &person.via {
            // No revocation of it is kept for longer.
            Via::Login(_) if self.end_of(person).is_none_or(|end| end <= now) => Err(TokenError::OLD),
            Via::Site(name) if !self.sites.has(name) => {
                Err(TokenError::Forged("it was made by a token of a site that may sign no tokens here"))
            }
            _ if !person.is_in_force(self, now) => Err(TokenError::Revoked(REVOKED)),
            _ => Ok(()),
        }
    }

    /// Fetches what is needed to check the tokens of an API request and is not there: the keys of a site. It
    /// waits some seconds at most.
    pub async fn prepare(&self, headers: &HeaderMap) {
        let tokens = headers::bearer_tokens(headers).take(BEARERS_MAX);
        for token in tokens.filter_map(|token| std::str::from_utf8(token).ok()).filter(|token| is_jwt(token))
        {
            self.sites.prepare(token, Timestamp::now()).await;
        }
    }

    /// Returns the sender of a request of the API, or of a panel: the holder of the `Authorization: Bearer`
    /// token. Further tokens than [`BEARERS_MAX`] are nobody's.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<Person, TokenError> {
        let mut error = TokenError::Missing;
        for token in headers::bearer_tokens(headers).take(BEARERS_MAX) {
            match std::str::from_utf8(token).map_or(Err(TokenError::FOREIGN), |token| self.verify(token)) {
                Ok(person) => return Ok(person),
                Err(wrong) => error = wrong,
            }
        }
        Err(error)
    }

    /// Returns the sender of a page's request, if they gave a name before; a bad cookie is no cookie,
    /// wherever it is in the list. A cookie holds nothing but a session.
    pub fn visitor(&self, headers: &HeaderMap) -> Option<Person> {
        let ring = &self.derived().ring;
        self.cookies(headers)
            .find_map(|token| self.session(ring, token, Timestamp::now()).ok())
            .map(|proof| proof.person)
    }

    /// The cookies of a request that may hold a session.
    fn cookies<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> + use<'a> {
        headers::cookies(headers, cookie::name(self.by_tls)).take(COOKIES_MAX)
    }

    /// Returns a new cookie for a page's request when its token is some days old or signed by an old key, so
    /// that somebody who comes by now and then is never somebody else.
    pub fn renewed_cookie(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.renewed_at(headers, Timestamp::now())
    }

    pub(super) fn renewed_at(&self, headers: &HeaderMap, now: Timestamp) -> Option<HeaderValue> {
        self.renewed_by(&self.derived(), headers, now)
    }

    /// Checks and signs by the same keys: a key that is retired in between takes along what is signed here.
    pub(super) fn renewed_by(
        &self,
        derived: &Derived,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        let ring = &derived.ring;
        let proof = self.cookies(headers).find_map(|token| self.session(ring, token, now).ok())?;
        let is_due = proof.is_to_be_renewed(ring.newest().number, now);
        is_due.then(|| self.cookie_of(self.sign_by(ring, &proof.person, now), now))
    }

    /// Returns the bearer token of a guest as it should be now: another one when it is some days old or
    /// signed by an old key, else the same. `None`: the request has no guest's.
    pub fn renewed_bearer(&self, headers: &HeaderMap) -> Option<String> {
        self.renewed_bearer_at(headers, Timestamp::now())
    }

    pub(super) fn renewed_bearer_at(&self, headers: &HeaderMap, now: Timestamp) -> Option<String> {
        // By the same keys, as a cookie.
        let derived = self.derived();
        let ring = &derived.ring;
        let tokens = headers::bearer_tokens(headers).take(BEARERS_MAX);
        tokens.filter_map(|token| std::str::from_utf8(token).ok()).find_map(|token| {
            let proof = self.session(ring, token, now).ok().filter(|proof| proof.person.via == Via::Guest)?;
            let is_due = proof.is_to_be_renewed(ring.newest().number, now);
            Some(if is_due { self.sign_by(ring, &proof.person, now).0 } else { token.to_owned() })
        })
    }

    /// Returns the user who signed in in the panel that sends these headers.
    pub(super) fn user_of_panel(&self, headers: &HeaderMap, now: Timestamp) -> Option<Person> {
        let ring = &self.derived().ring;
        let tokens = headers::bearer_tokens(headers).take(BEARERS_MAX);
        let mut tokens = tokens.filter_map(|token| std::str::from_utf8(token).ok());
        let proof = tokens.find_map(|token| session::verify_for_panel(ring, token, now).ok())?;
        self.unless_ended(proof, now).ok().map(|proof| proof.person)
    }

    /// The `Set-Cookie` header by which a browser stays this person.
    pub fn set_cookie(&self, person: &Person) -> HeaderValue {
        let now = Timestamp::now();
        self.cookie_of(self.sign_by(&self.derived().ring, person, now), now)
    }

    fn cookie_of(&self, (token, expires_at): (String, Timestamp), now: Timestamp) -> HeaderValue {
        cookie::set(&token, self.by_tls, (expires_at.0.saturating_sub(now.0)) / 1_000)
    }

    /// The `Set-Cookie` header by which a browser forgets who its user is.
    pub fn cleared_cookie(&self) -> HeaderValue {
        cookie::set("", self.by_tls, 0)
    }

    /// Makes a new key, which signs from now on.
    pub async fn rotate(&self, retire: Retire, by: &Author) -> Result<Rotated, RotateError> {
        keys::rotate(&self.chat, retire, by).await
    }

    /// Ends the session of a user who signs out, or all sessions of theirs. A guest's session is not revoked:
    /// anybody could fill the list.
    pub async fn sign_out(&self, person: &Person, everywhere: bool) -> Result<(), RevokeError> {
        let Some(session) = person.session.as_ref().filter(|_| person.via != Via::Guest) else {
            return Ok(());
        };
        let (author, by) = (&person.author.id, person.author.clone());
        if everywhere {
            revocation::revoke_author(&self.chat, author, session.auth, by).await
        } else {
            self.revoke_user(session, person, by).await
        }
    }

    /// Returns the holder of a browser's session, whether that has expired or not, unless it was revoked or its
    /// key is retired.
    pub(super) fn before(&self, headers: &HeaderMap, now: Timestamp) -> Option<Person> {
        let ring = &self.derived().ring;
        // At the beginning of time nothing has expired, and no key is retired that will be later.
        let proofs =
            self.cookies(headers).filter_map(|token| session::verify(ring, token, Timestamp(0)).ok());
        let is_void = |person: &Person| {
            person.session.as_ref().is_none_or(|session| ring.is_void(session.key, now))
                || revocation::is_revoked(&self.chat, person)
        };
        proofs.map(|proof| proof.person).find(|person| !is_void(person))
    }

    /// Ends the session that a browser had before `by` signed in.
    pub(super) async fn end_before(&self, before: &Person, by: Author) -> Result<(), RevokeError> {
        let Some(session) = &before.session else { return Ok(()) };
        if before.via == Via::Guest {
            revocation::revoke_guest(&self.chat, &session.sid, by).await
        } else {
            self.revoke_user(session, before, by).await
        }
    }

    async fn revoke_user(&self, session: &Session, person: &Person, by: Author) -> Result<(), RevokeError> {
        let end = session::latest_end(session, self.lifetimes);
        let end = person.expires_at.map_or(end, |expires_at| end.max(expires_at));
        revocation::revoke_session(&self.chat, (session, &person.author.id), end, by).await
    }

    /// Returns the end of a user's session, however often it is renewed.
    fn end_of(&self, person: &Person) -> Option<Timestamp> {
        person.session.as_ref().map(|session| session::latest_end(session, self.lifetimes))
    }

    /// Returns the time at which a session of an author begins that is not void: now, unless the clock was set
    /// back after all of theirs were ended.
    pub(super) fn beginning_of(&self, author_id: &str, now: Timestamp) -> Timestamp {
        let revoked = revocation::revoked_until(&self.chat, author_id);
        revoked.map_or(now, |until| now.max(Timestamp(until.0.saturating_add(1))))
    }

    /// The key of the ids of users. It follows from the log's signing key, which is never rotated, so a user
    /// stays the same author.
    pub(super) fn user_key(&self) -> &[u8; 32] {
        &self.user_key
    }

    /// With these lifetimes of the sessions of users.
    pub fn with_lifetimes(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// Ends all sessions of an author.
    pub async fn end_sessions(&self, author_id: &str, by: Author) -> Result<(), RevokeError> {
        revocation::revoke_author(&self.chat, author_id, Timestamp(0), by).await
    }

    /// Makes an API token. Returns it, and what proves to be the program.
    pub async fn add_api_token(&self, new: NewApiToken, by: Author) -> Result<(ApiToken, String), SendError> {
        api_token::add(&self.chat, new, by).await
    }

    /// Returns all API tokens, by id.
    pub fn api_tokens(&self) -> Vec<ApiToken> {
        api_token::list(&self.chat)
    }

    /// Gives an API token another secret; the one before stays good for the overlap. `None`: there is no such
    /// token.
    pub async fn renew_api_token(
        &self,
        id: &str,
        overlap: Duration,
        by: &Author,
    ) -> Result<Option<(ApiToken, String)>, SendError> {
        api_token::renew(&self.chat, id, overlap, by).await
    }

    /// Removes an API token. Returns false if there is none.
    pub async fn remove_api_token(&self, id: &str, by: Author) -> Result<bool, SendError> {
        api_token::remove(&self.chat, id, by).await
    }

    /// Returns how many of what can be full there are.
    pub fn counts(&self) -> Counts {
        Counts { revocations: revocation::count(&self.chat), api_tokens: api_token::count(&self.chat) }
    }

    /// Returns what follows from the kept values as they are now.
    pub(super) fn derived(&self) -> Arc<Derived> {
        let derived = self.derived.load_full();
        if derived.version == self.chat.values_version() {
            return derived;
        }
        let derived = Arc::new(Derived::read(&self.chat));
        self.derived.store(derived.clone());
        derived
    }

    /// Notes in the background that an API token was used today.
    fn note_use(&self, person: &Person, now: Timestamp) {
        let Via::ApiToken(id) = &person.via else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (chat, id) = (self.chat.clone(), Arc::clone(id));
        runtime.spawn(async move {
            if let Err(error) = api_token::note_use(&chat, &id, now).await
                && NOTES.is_due()
            {
                tracing::warn!(%id, %error, "the use of an API token is not noted");
            }
        });
    }
}

#[cfg(test)]
impl Identity {
    pub(super) fn chat(&self) -> &Chat {
        &self.chat
    }

    pub(super) fn kept_keys(&self) -> Vec<String> {
        self.chat.values(".key/").iter().map(|(key, _)| key.to_string()).collect()
    }

    pub(super) fn kept_texts(&self) -> Vec<String> {
        self.chat.values(".").iter().map(|(_, value)| value.text.to_string()).collect()
    }
}

impl Person {
    /// Returns true if the credential is still good at this time: it has not expired, and was not revoked,
    /// removed or signed by a key that is void now. It asks memory only.
    pub fn is_in_force(&self, identity: &Identity, now: Timestamp) -> bool {
        if self.expires_at.is_some_and(|end| end <= now) {
            return false;
        }
        if self.ticket_key.is_some_and(|key| identity.derived().ring.is_void(key, now)) {
            return false;
        }
        let Some(session) = &self.session else { return true };
        match &self.via {
            Via::ApiToken(id) => api_token::is_in_force(&identity.chat, id, &session.sid, now),
            Via::Guest | Via::Login(_) => {
                !identity.derived().ring.is_void(session.key, now)
                    && !revocation::is_revoked(&identity.chat, self)
            }
            Via::Site(_) => !revocation::is_revoked(&identity.chat, self),
        }
    }

    /// Returns the time from which the credential is void, before its own end, as far as that is known: its secret
    /// was replaced, or the key that signed it.
    pub fn void_from(&self, identity: &Identity) -> Option<Timestamp> {
        let session = self.session.as_ref()?;
        let of_ticket = self.ticket_key.and_then(|key| identity.derived().ring.void_from(key));
        let own = match &self.via {
            Via::ApiToken(id) => api_token::void_from(&identity.chat, id, &session.sid),
            Via::Guest | Via::Login(_) => identity.derived().ring.void_from(session.key),
            Via::Site(_) => None,
        };
        own.into_iter().chain(of_ticket).min()
    }
}
