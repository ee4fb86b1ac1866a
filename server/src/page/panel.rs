//! The panel: the page of a room in a frame of another site.
//!
//! A frame is loaded without a bearer token, so its document is what nobody sees: the room where everybody
//! may read, and elsewhere the shell of the page, in which there is nothing of the room. The script then asks
//! with the token that it holds. No cookie is read below `/embed/`, and none is set.

use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY};
use hyper::{Request, StatusCode};
use millchat::RoomName;

use super::error::{self, Localize as _};
use super::form::{field, is_datastar};
use super::i18n::Language;
use super::look::Look;
use super::{denied, gzip, layout, room, room_view};
use crate::access::denial::Denial;
use crate::http::{self, Response};
use crate::identity::TokenError;
use crate::room_address::{RoomAddress, Surface};
use crate::route_table::{Call, Decision};
use crate::schema::{Author, Guest};
use crate::{body, cross_site};

/// The headers of every answer below `/embed/`, besides its policy. A page that shows only what agrees to it
/// (`require-corp`) shows a frame with the first two alone.
const HEADERS: [(HeaderName, &str); 5] = [
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    (REFERRER_POLICY, layout::PANEL_REFERRER_POLICY),
    (layout::ROBOTS, "noindex"),
];

/// `GET /embed/{room}`: the room as a panel.
pub async fn panel(call: Call<'_>, room: RoomName, decided: Decision) -> Response {
    if call.w.app.authority.rules().of(&room).is_desk(&room) && is_document(&call.req) {
        return shell(&call, room, true).await;
    }
    match decided {
        Ok(_) => room::room(call, room).await,
        Err(Denial::Nobody(TokenError::Missing)) if is_document(&call.req) => shell(&call, room, false).await,
        Err(denial) => denied::answer(&call, &room, &denial),
    }
}

/// Returns true for the request of a frame's document. The script asks with its mark, or for a quote.
fn is_document<B>(req: &Request<B>) -> bool {
    !is_datastar(req.headers()) && http::query(req, "quote").is_none()
}

/// The page without anything of the room but its name, which is in its address; or of a desk. It counts as the page does.
async fn shell(call: &Call<'_>, room: RoomName, is_desk: bool) -> Response {
    let Call { w, ref req, language, .. } = *call;
    if let Err(limited) = w.app.limits.read(req) {
        return error::of(language, limited);
    }
    let (look, packed) = (Look::of(req), gzip::accepted(req.headers()));
    let has_logins = w.app.has_logins();
    let title = w.app.authority.rules().of(&room).title.clone();
    let render = move || {
        let at = RoomAddress::new(Surface::Panel, &room);
        let page = if is_desk {
            room_view::desk(language, (at, title.as_deref().unwrap_or(room.as_str())), &look)
        } else {
            room_view::shell(language, at, &look, has_logins)
        };
        if packed { gzip::pack(page.as_bytes()) } else { page.into_bytes() }
    };
    let mut response = layout::answer(StatusCode::OK, w.app.turns.render(render).await);
    gzip::mark(&mut response, packed);
    response
}

/// `DELETE /embed/{room}/name`: ends the session of a user who signed in in this panel.
pub async fn sign_out(call: Call<'_>, _: RoomName) -> Response {
    let Call { w, req, language, allowed, .. } = call;
    if let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()) {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    // Whose token is no longer good is signed out.
    let Ok(person) = &allowed.caller.person else { return http::empty(StatusCode::NO_CONTENT) };
    match w.app.identity.sign_out(person, false).await {
        Ok(()) => http::empty(StatusCode::NO_CONTENT),
        Err(failed) => error::of(language, failed),
    }
}

/// `PUT /embed/{room}/name`: makes the guest whose token the form has somebody whom the user of the panel was, so that
/// they can change what they wrote as that guest. Says the token by which they are known now.
pub async fn take_over(call: Call<'_>, _: RoomName) -> Response {
    let Call { w, req, language, allowed, .. } = call;
    if let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()) {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    if let Err(limited) = w.app.limits.login(&req) {
        return error::of(language, limited);
    }
    let author = match &allowed.caller.person {
        Ok(person) => Author::of(&person.author),
        Err(wrong) => return error::of(language, Denial::Nobody(*wrong)),
    };
    let headers = req.headers().clone();
    let body = match body::read(&w.app.reading, req, body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return error::of(language, broken),
    };
    match w.app.identity.take_over(&headers, &field(&body, "guest")) {
        Some(token) => http::json(StatusCode::OK, &Guest { token, author }),
        None => error::of(language, Denial::Nobody(TokenError::FOREIGN)),
    }
}

/// Returns the language of a panel: the one that the page around it names, else the first of the browser's.
/// The choice that the page of a room keeps is in a cookie.
pub fn language<B>(req: &Request<B>) -> &'static Language {
    let named = http::query(req, "lang").and_then(|code| Language::by_code(&code));
    named.unwrap_or_else(|| Language::accepted(req.headers()))
}

/// Sets the headers of an answer below `/embed/`. `ancestors`: the pages that may show it.
pub fn set_headers(response: &mut Response, ancestors: &str) {
    http::set(response, CONTENT_SECURITY_POLICY, layout::panel_policy(ancestors));
    for (name, value) in HEADERS {
        http::set(response, name, HeaderValue::from_static(value));
    }
    // A stream has said so, and more.
    if !response.headers().contains_key(CACHE_CONTROL) {
        http::set(response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
