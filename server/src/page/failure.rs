//! The rendered error page. What an error means as a status is decided in one place for people and programs:
//! where the API's problem documents are made.

use super::layout::{self, Script};
use crate::api::problem::{Kind, Problem};
use crate::http::{self, Response};
use hyper::{StatusCode, header};
use maud::html;
use std::fmt::Display;

/// What a program reads as "the author is banned" is said here to that very author.
const BANNED: &str = "You are banned: the operator of this server does not let you write.";

/// A rendered error page with a way onward.
pub fn page(status: StatusCode, sentence: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let body = html! {
        body.plain {
            header.bar { (layout::brand()) }
            main.failure {
                p.code { (status.as_str()) }
                h1 { (reason) }
                p { (sentence) }
                p.onward {
                    a.button href="/new" { "Open a new room" }
                }
            }
        }
    };
    layout::page(status, reason, Script::None, &body)
}

/// The page for an error that the API has a problem document for: the same status, said to a person.
pub fn of<E: Display + Into<Problem>>(error: E) -> Response {
    let mut sentence = sentence(&error.to_string());
    let problem = error.into().response();
    if let Some(Kind::Banned) = problem.extensions().get() {
        BANNED.clone_into(&mut sentence);
    }
    let mut response = page(problem.status(), &sentence);
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

/// An error's message, which begins in lower case, as a sentence to read.
pub fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let mut sentence: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyError;
    use millchat::SendError;

    #[test]
    fn an_error_has_the_status_that_programs_get() {
        let full = of(SendError::QueueFull { sends: 1, bytes: 1 });
        assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(full.headers()["retry-after"], "1");
        let large = of(BodyError::TooLarge { limit: 1 });
        assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(large.headers()["connection"], "close", "the rest of the body is still on its way");
        assert_eq!(large.headers()["content-type"], "text/html; charset=utf-8");
    }

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("the disk is full"), "The disk is full.");
        assert_eq!(sentence("There is no such room."), "There is no such room.");
        assert_eq!(sentence(""), ".");
    }
}
