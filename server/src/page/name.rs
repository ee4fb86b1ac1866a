//! The name of a visitor: the form that makes one a guest, or renames one.

use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use millchat::RoomName;

use super::composer::{self, Reader, Refused};
use super::error::{self, Localize};
use super::form::{back_to, events, field, is_datastar};
use super::frame;
use super::i18n::LocalizedMessage;
use crate::http::{self, Response};
use crate::identity::{Identity, Via};
use crate::route_table::Call;
use crate::{body, cross_site, sanitize};

/// `GET /{room}/name`: the foot of the room as its reader is known now, for a page whose reader has chosen a
/// name in another tab.
pub fn current(Call { w, req, language, .. }: &Call<'_>, room: &RoomName) -> Response {
    if !is_datastar(req.headers()) {
        return back_to(room);
    }
    let me = w.app.identity.visitor(req.headers());
    let reader = Reader {
        me: me.as_ref().map(|me| &me.author),
        was: me.as_ref().map(|me| me.was.as_slice()).unwrap_or_default(),
        has_logins: w.app.has_logins(),
    };
    events(frame::composer(composer::composer(language, room.as_str(), reader, None), false))
}

/// `POST /{room}/name`: makes the visitor a guest, or renames one. To Datastar it answers with the foot of
/// the room as it is now; a plain form is sent back to the room.
pub async fn name(Call { w, req, language, .. }: Call<'_>, room: RoomName) -> Response {
    let by_datastar = is_datastar(req.headers());
    let foreign = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()).err();
    if let Some(foreign) = &foreign
        && !by_datastar
    {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let visitor = w.app.identity.visitor(req.headers());
    let me = visitor.as_ref().map(|person| &person.author);
    let was = visitor.as_ref().map(|person| person.was.as_slice()).unwrap_or_default();
    let allowed = if me.is_none() && foreign.is_none() { w.app.limits.guest(&req) } else { Ok(()) };
    let body = match body::read(&w.app.reading, req, body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return error::of(language, broken),
    };
    let typed = field(&body, "name");
    let has_logins = w.app.has_logins();
    // The form again, with what was typed and why it was not taken.
    let again = |why: &LocalizedMessage| {
        let refused = Refused { typed: &typed, why };
        let composer =
            composer::composer(language, room.as_str(), Reader { me, was, has_logins }, Some(refused));
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
    let clean = match (sanitize::name(&typed), allowed) {
        (Ok(clean), Ok(())) => clean,
        (Err(refused), _) if by_datastar => return again(&refused.localize()),
        (Err(refused), _) => return error::of(language, refused),
        (_, Err(limited)) if by_datastar => return again(&limited.localize()),
        (_, Err(limited)) => return error::of(language, limited),
    };
    let guest = visitor.as_ref().map_or_else(|| Identity::new_guest(&clean), |person| person.renamed(&clean));
    let cookie = w.app.identity.set_cookie(&guest);
    // Behind the body, and behind the signature: a key that is new now must not sign for a cookie that is void.
    if let Some(denial) = visitor.as_ref().and_then(|person| w.app.authority.confirm_person(person).err()) {
        return if by_datastar { again(&denial.localize()) } else { error::of(language, denial) };
    }
    let mut response = if by_datastar {
        let composer = composer::composer(
            language,
            room.as_str(),
            Reader { me: Some(&guest.author), was: &[], has_logins },
            None,
        );
        events(frame::composer(composer, false))
    } else {
        back_to(&room)
    };
    http::set(&mut response, SET_COOKIE, cookie);
    response
}
