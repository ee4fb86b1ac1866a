//! Invitations at the page: owners make them by a form, and whoever has the link of one uses it by another. Both
//! work without script.

use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use maud::{Markup, html};
use millchat::{Author, RoomName};

use super::error::Localize as _;
use super::form::{back_to, field};
use super::i18n::{Language, Localizer, Value};
use super::layout::{self, Script};
use super::{error, moderation, moderation_view, people};
use crate::access::decide::Caller;
use crate::admin::operator::doer;
use crate::api::invitations as api;
use crate::api::room_shapes::NewInvitation;
use crate::body::{self, NAME_BYTES_MAX};
use crate::cross_site;
use crate::http::{self, Request, Response};
use crate::identity::{Identity, TokenError};
use crate::problem::Answer;
use crate::room_address::RoomAddress;
use crate::route_table::Call;
use crate::sanitize::{self, NAME_GRAPHEMES_MAX};
use crate::schema::Span;

/// The mark in a link after which the secret stands.
const MARK: &str = "#invite=";
/// Longest text that the field takes, in characters: a whole link.
const FIELD_CHARS_MAX: usize = 512;

/// `POST /{room}/invitations`: makes an invitation, and shows its link on the page of moderation.
pub async fn invite(call: Call<'_>, room: RoomName) -> Response {
    let language = call.language;
    made(call, &room).await.unwrap_or_else(|problem| error::of(language, problem))
}

async fn made(call: Call<'_>, room: &RoomName) -> Answer {
    let by = doer(&call)?;
    let Call { w, req, allowed, language, .. } = call;
    let (parts, body) = req.into_parts();
    let head = hyper::Request::from_parts(parts.clone(), ());
    let body = body::read(&w.app.reading, Request::from_parts(parts, body), NAME_BYTES_MAX).await?;
    let uses = field(&body, "uses").parse().ok();
    // What is no time is too short a one.
    let time = humantime::parse_duration(&field(&body, "expires_in")).unwrap_or_default();
    let new = NewInvitation { role: field(&body, "role"), expires_in: Some(Span(time)), uses };
    let origin = api::origin(w, head.headers());
    let made = api::make(w, &allowed, by, (room, &origin), new).await?;
    let link = moderation_view::made(language, &made.url);
    moderation::shown((w, language), &head, (&allowed, room), Some(link)).await
}

/// `GET /{room}/invitations/accept`: the form for an invitation. The script puts the secret into it, which no
/// server reads in the address.
pub fn page(call: &Call<'_>, room: &RoomName) -> Response {
    let language = call.language;
    let me = call.allowed.caller.author().ok();
    let title = language.text("invitation");
    let body = html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.account {
                h1 { (language.markup("invitation")) }
                p.why { bdi { (room) } }
                (form(language, room, me))
            }
        }
    };
    layout::answer(StatusCode::OK, layout::document(language, &title, Script::Invitation, &body))
}

/// `POST /{room}/invitations/accept`: uses the invitation of a link, under the name that is given if the visitor
/// has none; then back to the room.
pub async fn accept(call: Call<'_>, room: RoomName) -> Response {
    let Call { w, req, allowed, language, .. } = call;
    if let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()) {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let me = allowed.caller.author().ok().cloned();
    let limited = match &me {
        Some(me) => w.app.limits.message(me, &req),
        None => w.app.limits.guest(&req),
    };
    if let Err(limited) = limited {
        return error::of(language, limited);
    }
    let body = match body::read(&w.app.reading, req, NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return error::of(language, broken),
    };
    let typed = field(&body, "invitation");
    let secret = typed.split_once(MARK).map_or(typed.as_str(), |(_, secret)| secret).trim();
    let (by, cookie) = match me {
        Some(me) => match w.app.authority.confirm(&allowed, &room) {
            Ok(standing) => ((me, standing), None),
            Err(denial) => return error::of(language, denial),
        },
        None => match sanitize::name(&field(&body, "name")) {
            Ok(name) => {
                let guest = Identity::new_guest(&name);
                let cookie = w.app.identity.set_cookie(&guest);
                let author = guest.author.clone();
                let standing = w.app.authority.standing(&Caller::of(Ok::<_, TokenError>(guest)), &room);
                ((author, standing), Some(cookie))
            }
            Err(refused) => return error::of(language, refused),
        },
    };
    if let Err(problem) = api::use_once(w, &room, by, secret).await {
        return error::of(language, problem);
    }
    let mut response = back_to(RoomAddress::page(&room));
    if let Some(cookie) = cookie {
        http::set(&mut response, SET_COOKIE, cookie);
    }
    response
}

/// The form for an invitation.
pub fn form(language: &'static Language, room: &RoomName, me: Option<&Author>) -> Markup {
    html! {
        form.invitation method="post" action={ "/" (room) "/invitations/accept" } {
            @match me {
                Some(me) => {
                    @let name = people::name(Localizer::For(language), me);
                    p { (language.markup_with("writing-as", &[("name", Value::Markup(name))])) }
                },
                None => {
                    label for="guest" { (language.markup("your-name")) }
                    input #guest name="name" required maxlength=(NAME_GRAPHEMES_MAX * 4) autocomplete="nickname"
                        spellcheck="false" placeholder=(language.text("name-hint"));
                },
            }
            label for="invitation" { (language.markup("invitation-link")) }
            input #invitation name="invitation" required maxlength=(FIELD_CHARS_MAX) autocomplete="off"
                spellcheck="false" dir="ltr";
            button.button type="submit" { (language.markup("invitation-use")) }
        }
    }
}
