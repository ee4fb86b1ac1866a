//! Errors as people read them: the rendered page, and the message that says what went wrong.
//!
//! Programs get the error's own message, in English; here each is a message of the catalogues, and says what
//! the person at the page can do about it. What an error means as a status is decided in one place for people
//! and programs: where the API's problem documents are made.
//!
//! Handlers need not know where their answer is shown: the router makes the page of a panel of theirs.

use hyper::{StatusCode, header};
use maud::{Markup, html};
use millchat::{
    CONTENT_BYTES_MAX, KEY_BYTES_MAX, QUERY_BYTES_MAX, QUERY_TERMS_MAX, QueryError, ReadError, RoomName,
    SendError, UnknownReaction,
};

use super::i18n::{Language, LocalizedMessage, Value};
use super::layout::{self, Script};
use super::look::Look;
use crate::access::denial::Denial;
use crate::actions::ActError;
use crate::body::{BodyError, READ_TIMEOUT};
use crate::byte_budget::BudgetFull;
use crate::cross_site::{self, CrossSite};
use crate::http::{self, Body, Malformed, Response};
use crate::identity::RevokeError;
use crate::limit::Limited;
use crate::problem::{Kind, Problem};
use crate::sanitize::{NAME_BYTES_MAX, NAME_GRAPHEMES_MAX, TextError};

/// A rendered error page with a way onward.
pub fn page(language: &Language, status: StatusCode, why: &LocalizedMessage) -> Response {
    render(language, status, why, &[])
}

/// The page for an address at which there is nothing, with the ways to the rooms that may be meant.
pub fn missing(language: &Language, why: &LocalizedMessage, meant: &[RoomName]) -> Response {
    render(language, StatusCode::NOT_FOUND, why, meant)
}

/// The reason that an error page says, kept with the answer.
#[derive(Clone)]
struct Reason(LocalizedMessage);

/// Returns an answer as it is shown. In a panel, which has a look, an error page has no way onward: that would be a page
/// of the chat in a frame, which no browser shows.
pub fn shown(language: &Language, look: Option<&Look>, mut response: Response) -> Response {
    if let (Some(look), Some(Reason(why))) = (look, response.extensions_mut().remove()) {
        let title = title(response.status());
        let body = html! {
            body.plain { main.failure { (message(language, response.status(), &why)) } }
        };
        let page = layout::panel(look, language, &language.text(title), Script::None, &body);
        *response.body_mut() = Body::Full(Some(page.into()));
    }
    response
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => "failure-missing",
        status if status.is_server_error() => "failure-server",
        _ => "failure-refused",
    }
}

fn render(language: &Language, status: StatusCode, why: &LocalizedMessage, meant: &[RoomName]) -> Response {
    let body = html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.failure {
                (message(language, status, why))
                p.onward {
                    @for room in meant {
                        @let name = Value::Text(room.as_str().into());
                        a.button href={ "/" (room.as_str()) } {
                            span { (language.markup_with("go-to-room", &[("room", name)])) }
                        }
                        " "
                    }
                    a class=(if meant.is_empty() { "button" } else { "quiet" }) href="/new" {
                        (language.markup("open-room"))
                    }
                }
            }
        }
    };
    let page = layout::document(language, &language.text(title(status)), Script::None, &body);
    let mut response = layout::answer(status, page);
    response.extensions_mut().insert(Reason(why.clone()));
    response
}

fn message(language: &Language, status: StatusCode, why: &LocalizedMessage) -> Markup {
    html! {
        p.code { (status.as_str()) }
        h1 { (language.markup(title(status))) }
        p.why { (why.markup(language)) }
    }
}

/// The page for an error that the API has a problem document for: the same status, said to a person.
pub fn of<E: Localize + Into<Problem>>(language: &Language, error: E) -> Response {
    let why = error.localize();
    let problem = error.into().response();
    let mut response = page(language, problem.status(), &why);
    for name in [header::RETRY_AFTER, header::CONNECTION] {
        if let Some(value) = problem.headers().get(&name) {
            http::set(&mut response, name, value.clone());
        }
    }
    if let Some(kind) = problem.extensions().get::<Kind>() {
        response.extensions_mut().insert(*kind);
    }
    response
}

/// An error that people can meet at the page.
pub trait Localize {
    /// The message that says it.
    fn localize(&self) -> LocalizedMessage;
}

impl Localize for TextError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::NameInvisible => LocalizedMessage::of("name-invisible"),
            Self::NameTooLong { graphemes, bytes } => LocalizedMessage::of("name-too-long")
                .with_number("graphemes", graphemes)
                .with_number("graphemes-max", NAME_GRAPHEMES_MAX)
                .with_number("bytes", bytes)
                .with_number("bytes-max", NAME_BYTES_MAX),
            Self::NameLikeTag => LocalizedMessage::of("name-like-tag"),
            Self::ContentInvisible => LocalizedMessage::of("message-invisible"),
            Self::ContentTooLong { bytes } => message_too_long(bytes),
        }
    }
}

impl Localize for BodyError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::TooLarge { limit } => LocalizedMessage::of("body-too-large").with_number("limit", limit),
            Self::Slow => {
                LocalizedMessage::of("body-slow").with_number("limit", whole(READ_TIMEOUT.as_secs()))
            }
            Self::Broken => LocalizedMessage::of("body-broken"),
            Self::Busy => LocalizedMessage::of("too-busy"),
        }
    }
}

impl Localize for QueryError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::Empty => LocalizedMessage::of("search-no-word"),
            Self::TooLong { bytes } => LocalizedMessage::of("search-too-long")
                .with_number("bytes", bytes)
                .with_number("limit", QUERY_BYTES_MAX),
            Self::TooManyTerms { terms } => LocalizedMessage::of("search-too-many")
                .with_number("count", terms)
                .with_number("limit", QUERY_TERMS_MAX),
        }
    }
}

impl Localize for BudgetFull {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("too-busy")
    }
}

impl Localize for Malformed {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("malformed")
    }
}

impl Localize for CrossSite {
    fn localize(&self) -> LocalizedMessage {
        match self {
            Self::Other => LocalizedMessage::of("other-site"),
            Self::Hidden => LocalizedMessage::of("hidden-origin").with_text("origin", "Origin: null"),
            Self::NotHost { origin, host } => LocalizedMessage::of("other-origin")
                .with_text("origin", origin.clone())
                .with_text("host", host.clone())
                .with_text("setting", cross_site::SETTING)
                .with_text("header", cross_site::HEADER),
            Self::NotPublic { origin, public } => LocalizedMessage::of("other-public-url")
                .with_text("origin", origin.clone())
                .with_text("public", public.clone())
                .with_text("setting", cross_site::SETTING),
        }
    }
}

impl Localize for Limited {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("limited").with_number("count", whole(self.retry_after_seconds()))
    }
}

impl Localize for SendError {
    fn localize(&self) -> LocalizedMessage {
        match *self {
            Self::QueueFull { .. } | Self::NotAllowed => LocalizedMessage::of("too-busy"),
            Self::TooLarge { bytes } => message_too_long(bytes),
            Self::NoText => LocalizedMessage::of("message-invisible"),
            Self::InvalidKey { bytes } => LocalizedMessage::of("key-invalid")
                .with_number("bytes", bytes)
                .with_number("limit", KEY_BYTES_MAX),
            Self::InvalidAuthor(_) => LocalizedMessage::of("no-name"),
            Self::RoomClosed => LocalizedMessage::of("room-is-closed"),
            Self::Banned => LocalizedMessage::of("banned"),
            Self::KeyReused => LocalizedMessage::of("key-reused"),
            Self::UnknownTarget(_) => LocalizedMessage::of("message-unknown"),
            Self::TargetDeleted(_) => LocalizedMessage::of("message-deleted"),
            Self::TooManyEdits(_) => LocalizedMessage::of("message-edited-often"),
            Self::TooManyReactions(_) => LocalizedMessage::of("message-reactions"),
            Self::NotAuthor(_) => LocalizedMessage::of("message-others"),
            Self::DiskFull { .. } => LocalizedMessage::of("disk-full"),
            Self::Unknown(_) => LocalizedMessage::of("unclear"),
            // Also what a newer core refuses.
            _ => LocalizedMessage::of("not-now"),
        }
    }
}

impl Localize for RevokeError {
    fn localize(&self) -> LocalizedMessage {
        match self {
            Self::TooMany => LocalizedMessage::of("not-now"),
            Self::NotStored(error) => error.localize(),
        }
    }
}

impl Localize for ActError {
    fn localize(&self) -> LocalizedMessage {
        match self {
            Self::Denied(denial) => denial.localize(),
            Self::Limited(limited) => limited.localize(),
            // Programs use the API.
            Self::TooManyHops => LocalizedMessage::of("malformed"),
            Self::Send(error) => error.localize(),
            Self::Read(error) => error.localize(),
        }
    }
}

impl Localize for Denial {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of(match self {
            Self::UnknownRoom => "denied-unknown-room",
            Self::Nobody(_) => "no-name",
            Self::NotMember => "denied-not-member",
            Self::ReadOnly => "denied-read-only",
            Self::NeedsRole(_) | Self::Above => "denied-needs-role",
            Self::NoNewRooms => "denied-no-new-rooms",
            Self::Banned => "denied-banned",
        })
    }
}

/// A refusal of the API at a route that the page shares with it.
impl Localize for Problem {
    fn localize(&self) -> LocalizedMessage {
        let seconds = whole(self.retry_after_seconds().unwrap_or_default());
        LocalizedMessage::of(match self.kind() {
            Kind::RateLimited => return LocalizedMessage::of("limited").with_number("count", seconds),
            Kind::NeedsRole => "denied-needs-role",
            Kind::NotMember => "denied-not-member",
            Kind::Banned => "denied-banned",
            Kind::NoToken => "no-name",
            Kind::UnknownMessage => "message-unknown",
            Kind::MessageDeleted => "message-deleted",
            Kind::UnknownInvitation => "invitation-unknown",
            Kind::ListFull => "list-full",
            Kind::Busy => "too-busy",
            Kind::DiskFull => "disk-full",
            Kind::LogUnreadable => "unreadable",
            kind if kind.parts().1.is_client_error() => "malformed",
            _ => "not-now",
        })
    }
}

impl Localize for UnknownReaction {
    fn localize(&self) -> LocalizedMessage {
        LocalizedMessage::of("reaction-unknown")
    }
}

impl Localize for ReadError {
    fn localize(&self) -> LocalizedMessage {
        match self {
            Self::Busy => LocalizedMessage::of("too-busy"),
            Self::Closed | Self::NotCurrent => LocalizedMessage::of("not-now"),
            _ => LocalizedMessage::of("unreadable"),
        }
    }
}

fn message_too_long(bytes: usize) -> LocalizedMessage {
    LocalizedMessage::of("message-too-long")
        .with_number("bytes", bytes)
        .with_number("limit", CONTENT_BYTES_MAX)
}

fn whole(seconds: u64) -> usize {
    usize::try_from(seconds).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_status_that_programs_get() {
        let english = Language::by_code("en").unwrap();
        let full = of(english, SendError::QueueFull { sends: 1, bytes: 1 });
        assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(full.headers()["retry-after"], "1");
        let large = of(english, BodyError::TooLarge { limit: 1 });
        assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(large.headers()["connection"], "close", "the rest of the body is still on its way");
        assert_eq!(large.headers()["content-type"], "text/html; charset=utf-8");
    }
}
