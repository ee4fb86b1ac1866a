//! The rendered error page. What an error means as a status is decided in one place for people and programs:
//! where the API's problem documents are made. How it is said to people is in [`super::refusal`].

use super::i18n::{Language, LocalizedMessage};
use super::layout::{self, Script};
use super::refusal::Localize;
use crate::http::{self, Response};
use crate::problem::{Kind, Problem};
use hyper::{StatusCode, header};
use maud::html;

/// A rendered error page with a way onward.
pub fn page(language: &Language, status: StatusCode, why: &LocalizedMessage) -> Response {
    let title = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => "failure-missing",
        status if status.is_server_error() => "failure-server",
        _ => "failure-refused",
    };
    let body = html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.failure {
                p.code { (status.as_str()) }
                h1 { (language.markup(title)) }
                p.why { (why.markup(language)) }
                p.onward {
                    a.button href="/new" { (language.markup("open-room")) }
                }
            }
        }
    };
    layout::page(language, status, &language.text(title), Script::None, &body)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyError;
    use millchat::SendError;

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
