//! The name of a visitor: the form that makes one a guest, or renames one.
//!
//! At the page a guest is known by a cookie. A panel gets the token itself, which its script holds.

use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use millchat::RoomName;

use super::composer::{self, Reader, Refused};
use super::error::{self, Localize};
use super::form::{back_to, events, field, has_field, is_datastar};
use super::frame;
use super::i18n::LocalizedMessage;
use crate::access::denial::Denial;
use crate::app::Worker;
use crate::http::{self, Response};
use crate::identity::{Identity, Person, TokenError, Via};
use crate::room_address::{RoomAddress, Surface};
use crate::route_table::Call;
use crate::schema::{Author, Guest};
use crate::{body, cross_site, sanitize};

/// `GET /{room}/name`: the foot of the room as its reader is known now, for a page whose reader has chosen a
/// name in another tab.
pub fn current(Call { w, req, language, allowed, surface, .. }: &Call<'_>, room: &RoomName) -> Response {
    let at = RoomAddress::new(*surface, room);
    if !is_datastar(req.headers()) {
        return back_to(at);
    }
    let me = allowed.caller.person.as_ref().ok();
    let reader = composer::reader(me, w.app.has_logins());
    events(frame::composer(composer::composer(language, at, reader, None), false))
}

/// `POST /{room}/name`: makes the visitor a guest, or renames one. To Datastar it answers with the foot of
/// the room as it is now; a plain form is sent back to the room. To a panel it says the token, too.
pub async fn name(Call { w, req, language, allowed, surface, .. }: Call<'_>, room: RoomName) -> Response {
    let at = RoomAddress::new(surface, &room);
    let by_datastar = is_datastar(req.headers());
    let foreign = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()).err();
    if let Some(foreign) = &foreign
        && (!by_datastar || at.is_panel())
    {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    // A panel whose token is no longer good asks for another: its reader is not made somebody else in
    // passing.
    if let Err(wrong) = allowed.caller.person
        && at.is_panel()
        && wrong != TokenError::Missing
    {
        return error::of(language, Denial::Nobody(wrong));
    }
    let visitor = allowed.caller.person.ok();
    let limited = if visitor.is_none() && foreign.is_none() { w.app.limits.guest(&req) } else { Ok(()) };
    let renewed = if at.is_panel() { w.app.identity.renewed_bearer(req.headers()) } else { None };
    let body = match body::read(&w.app.reading, req, body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return error::of(language, broken),
    };
    let typed = field(&body, "name");
    let has_logins = w.app.has_logins();
    // The form again, with what was typed and why it was not taken.
    let again = |why: &LocalizedMessage| {
        let refused = Refused { typed: &typed, why };
        let reader = composer::reader(visitor.as_ref(), has_logins);
        let composer = composer::composer(language, at, reader, Some(refused));
        events(frame::composer(composer, true))
    };
    // The client shows no page of an error.
    if let Some(foreign) = foreign {
        return again(&foreign.localize());
    }
    if visitor.as_ref().is_some_and(|person| person.via != Via::Guest) {
        let why = LocalizedMessage::of("name-of-account");
        return if by_datastar { again(&why) } else { error::page(language, StatusCode::FORBIDDEN, &why) };
    }
    // Without a name a panel asks for its token as it should be now.
    if let (Some(token), Some(guest), false) = (renewed, &visitor, has_field(&body, "name")) {
        return match w.app.authority.confirm_person(guest) {
            Ok(()) => http::json(StatusCode::OK, &Guest { token, author: Author::of(&guest.author) }),
            Err(denial) => error::of(language, denial),
        };
    }
    let clean = match (sanitize::name(&typed), limited) {
        (Ok(clean), Ok(())) => clean,
        (Err(refused), _) if by_datastar => return again(&refused.localize()),
        (Err(refused), _) => return error::of(language, refused),
        (_, Err(limited)) if by_datastar => return again(&limited.localize()),
        (_, Err(limited)) => return error::of(language, limited),
    };
    let guest = visitor.as_ref().map_or_else(|| Identity::new_guest(&clean), |person| person.renamed(&clean));
    let credential = Credential::sign(w, surface, &guest);
    // Behind the body, and behind the signature: a key that is new now must not sign for a cookie that is void.
    if let Some(denial) = visitor.as_ref().and_then(|person| w.app.authority.confirm_person(person).err()) {
        return if by_datastar { again(&denial.localize()) } else { error::of(language, denial) };
    }
    let foot = || {
        let reader = Reader { me: Some(&guest.author), has_logins, ..Reader::default() };
        frame::composer(composer::composer(language, at, reader, None), false)
    };
    match credential {
        Credential::Cookie(cookie) => {
            let mut response = if by_datastar { events(foot()) } else { back_to(at) };
            http::set(&mut response, SET_COOKIE, cookie);
            response
        }
        Credential::Token(token) => {
            let said = Guest { token, author: Author::of(&guest.author) };
            if !by_datastar {
                return http::json(StatusCode::OK, &said);
            }
            let mut out = Vec::new();
            frame::token(&said, &mut out);
            out.extend(foot());
            events(out)
        }
    }
}

/// The credential by which a guest is known from now on.
enum Credential {
    /// The `Set-Cookie` header of a page.
    Cookie(hyper::header::HeaderValue),
    /// The token of a panel.
    Token(String),
}

impl Credential {
    fn sign(w: &Worker, surface: Surface, guest: &Person) -> Self {
        match surface {
            Surface::Page => Self::Cookie(w.app.identity.set_cookie(guest)),
            Surface::Panel => Self::Token(w.app.identity.sign(guest)),
        }
    }
}
