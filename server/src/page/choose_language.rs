//! The language that a visitor chooses.

use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use millchat::RoomName;

use super::error::{self, Localize};
use super::form::{back_to, field};
use super::i18n::{Language, LocalizedMessage, set_language_cookie};
use crate::http::{self, Response};
use crate::room_address::RoomAddress;
use crate::route_table::Call;
use crate::{body, cross_site};

/// `POST /{room}/language`: the visitor's choice of a language, kept by their browser; then back to the room.
pub async fn language(Call { w, req, language: now, .. }: Call<'_>, room: RoomName) -> Response {
    if let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()) {
        return error::page(now, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let body = match body::read(&w.app.reading, req, body::NAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(broken) => return error::of(now, broken),
    };
    let Some(chosen) = Language::by_code(&field(&body, "language")) else {
        return error::page(now, StatusCode::UNPROCESSABLE_ENTITY, &LocalizedMessage::of("malformed"));
    };
    let by_tls = w.app.identity.is_by_tls();
    let mut response = back_to(RoomAddress::page(&room));
    http::set(&mut response, SET_COOKIE, set_language_cookie(chosen, by_tls));
    response
}
