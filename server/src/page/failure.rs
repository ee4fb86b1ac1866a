//! The rendered error page, and what a failed send means as a status and a sentence.

use super::layout::{self, Script};
use crate::http::{self, Response};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use maud::html;
use millchat::SendError;

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

/// What to answer to a send that did not succeed.
pub fn of_send(error: &SendError) -> Response {
    let status = match error {
        SendError::QueueFull { .. } | SendError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        SendError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        SendError::Empty
        | SendError::InvalidKey { .. }
        | SendError::InvalidAuthor(_)
        | SendError::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        SendError::UnknownTarget(_) => StatusCode::NOT_FOUND,
        SendError::TargetDeleted(_) => StatusCode::GONE,
        SendError::NotAuthor(_) => StatusCode::FORBIDDEN,
        SendError::DiskFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
        // The outcome is unknown, or the reason is one that this page does not know.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = page(status, &sentence(&error.to_string()));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        http::set(&mut response, RETRY_AFTER, HeaderValue::from_static("1"));
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

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("the disk is full"), "The disk is full.");
        assert_eq!(sentence("There is no such room."), "There is no such room.");
        assert_eq!(sentence(""), ".");
    }
}
