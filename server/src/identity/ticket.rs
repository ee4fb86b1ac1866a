//! Tickets: tokens that read the stream of one room by its address, for clients that can send no header.
//!
//! A ticket names the room, and its maker as a session's token does, so their rights are looked up again each time.
//! It is good for a day at most, for no longer than the credential by which it was made, and ends with it. It has
//! a purpose of its own: it is no bearer and no cookie, and these are no tickets.

use std::sync::Arc;
use std::time::Duration;

use millchat::{Author, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::TokenError;
use super::keys::Purpose;
use super::person::{Grant, Person, Session, Via};
use super::session::kind_of;
use super::token;
use super::verify::Identity;

/// Longest time for which a ticket is good.
pub const TICKET_LIFETIME_MAX: Duration = Duration::from_hours(24);

/// A ticket that is good.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The room that it reads.
    pub room: Arc<str>,
    /// The person who made it.
    pub person: Person,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    room: Arc<str>,
    sid: Arc<str>,
    auth: u64,
    /// The key of the credential by which it was made.
    of: u32,
    id: Arc<str>,
    name: Arc<str>,
    kind: String,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    was: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    groups: Arc<[Arc<str>]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grants: Option<Arc<[Grant]>>,
}

impl Identity {
    /// Makes a ticket for a room. Returns it and its end; `None` when the person has no session, or when more is
    /// known of them than a token holds.
    pub fn ticket(&self, person: &Person, room: &str) -> Option<(String, Timestamp)> {
        let session = person.session.clone()?;
        let Author { id, name, kind } = person.author.clone();
        let claims = Claims {
            room: room.into(),
            sid: session.sid,
            auth: session.auth.0,
            of: session.key,
            id,
            name,
            kind: kind.as_str().to_owned(),
            by: person.via.claim(),
            sub: person.sub.clone(),
            was: person.was.clone(),
            groups: person.groups.clone(),
            grants: person.grants.clone(),
        };
        let day = Timestamp(Timestamp::now().0.saturating_add(TICKET_LIFETIME_MAX.as_millis() as u64));
        let expires_at = person.expires_at.map_or(day, |end| end.min(day));
        self.seal(Purpose::Ticket, expires_at, claims).map(|ticket| (ticket, expires_at))
    }

    /// Reads a ticket.
    pub fn open_ticket(&self, sealed: &str) -> Result<Ticket, TokenError> {
        self.open_ticket_at(sealed, Timestamp::now())
    }

    pub(super) fn open_ticket_at(&self, sealed: &str, now: Timestamp) -> Result<Ticket, TokenError> {
        let opened = token::open::<Claims>(&self.derived().ring, Purpose::Ticket, sealed, now)?;
        let Claims { room, sid, auth, of, id, name, kind, by, sub, was, groups, grants } = opened.about;
        let via = Via::of_claim(&by).ok_or(TokenError::FOREIGN)?;
        let author = Author { id, name, kind: kind_of(&kind)? };
        let session = Some(Session { sid, auth: Timestamp(auth), key: of });
        let (expires_at, ticket_key) = (Some(opened.expires_at), Some(opened.key));
        let person = Person::new(author, via, expires_at);
        let person = Person { session, groups, sub, was, grants, ticket_key, ..person };
        self.hold_made(&person, now)?;
        Ok(Ticket { room, person })
    }
}
