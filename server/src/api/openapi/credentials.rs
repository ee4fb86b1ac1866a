//! The part of the document for the operator about credentials: keys, sessions and API tokens.

use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Type;

use super::operator::{DEED, OPERATORS, by, operators};
use super::parts::{body_problems, gives, parameter, problems, takes};
use crate::problem::Kind;

/// The paths and what they take.
pub(super) fn paths() -> Vec<(String, Vec<(HttpMethod, Operation)>)> {
    vec![
        ("/admin/keys".to_owned(), vec![(HttpMethod::Post, rotate())]),
        ("/admin/sessions/{author}".to_owned(), vec![(HttpMethod::Delete, end_sessions())]),
        ("/admin/tokens".to_owned(), vec![(HttpMethod::Get, list_tokens()), (HttpMethod::Post, add_token())]),
        ("/admin/tokens/{id}".to_owned(), vec![(HttpMethod::Delete, remove_token())]),
        ("/admin/tokens/{id}/secret".to_owned(), vec![(HttpMethod::Post, renew_token())]),
    ]
}

fn rotate() -> Operation {
    let op = operators("rotateKey", "Make a new key, which signs tokens from now on; the older ones retire")
        .parameter(by())
        .request_body(Some(takes("Rotation")))
        .response("200", gives("The new key signs", "Rotated"));
    body_problems(op, &[&OPERATORS[..], &DEED].concat()).build()
}

fn end_sessions() -> Operation {
    let author = parameter("author", ParameterIn::Path, Type::String, "The author's id, percent-encoded");
    let op = operators("endSessions", "End all sessions of an author that began until now")
        .parameter(author)
        .parameter(by())
        .response("204", ResponseBuilder::new().description("Their tokens are void").build());
    problems(op, &[&OPERATORS[..], &DEED, &[Kind::RevocationsFull]].concat()).build()
}

fn list_tokens() -> Operation {
    let op = operators("listTokens", "The API tokens of programs, without their secrets")
        .response("200", gives("By id", "Tokens"));
    problems(op, &OPERATORS).build()
}

fn add_token() -> Operation {
    let op = operators("addToken", "Make an API token for a program; its secret is shown only this once")
        .parameter(by())
        .request_body(Some(takes("NewToken")))
        .response("201", gives("The token", "MadeToken"));
    body_problems(op, &[&OPERATORS[..], &DEED, &[Kind::InvalidName]].concat()).build()
}

fn renew_token() -> Operation {
    let op =
        operators("renewToken", "Give an API token another secret; the one before stays good for a while")
            .parameter(id())
            .parameter(by())
            .request_body(Some(takes("NewSecret")))
            .response("200", gives("The token with its new secret", "MadeToken"));
    body_problems(op, &[&OPERATORS[..], &DEED, &[Kind::UnknownToken]].concat()).build()
}

fn remove_token() -> Operation {
    let op = operators("removeToken", "Remove an API token")
        .parameter(id())
        .parameter(by())
        .response("204", ResponseBuilder::new().description("It is void").build());
    problems(op, &[&OPERATORS[..], &DEED, &[Kind::UnknownToken]].concat()).build()
}

fn id() -> Parameter {
    parameter("id", ParameterIn::Path, Type::String, "The token's id: 12 letters")
}
