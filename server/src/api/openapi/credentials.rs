//! The part of the document for the operator about credentials: keys, sessions and API tokens.

use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterIn};
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Content as Media, Schema};

use super::operator::{DEED, OPERATORS, by, operators};
use super::parts::{body_problems, gives, operation, parameter, problems, reference, takes};
use crate::problem::Kind;

/// The paths and what they take.
pub(super) fn paths() -> Vec<(String, Vec<(HttpMethod, Operation)>)> {
    vec![
        ("/admin/keys".to_owned(), vec![(HttpMethod::Post, rotate())]),
        ("/admin/sessions/{author}".to_owned(), vec![(HttpMethod::Delete, end_sessions())]),
        ("/admin/tokens".to_owned(), vec![(HttpMethod::Get, list_tokens()), (HttpMethod::Post, add_token())]),
        ("/api/v1/hooks/{token}".to_owned(), vec![(HttpMethod::Post, post_by_hook())]),
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

fn post_by_hook() -> Operation {
    let header =
        |name: &str, description: &str| parameter(name, ParameterIn::Header, Type::String, description);
    let text = Media::new(Some(ObjectBuilder::new().schema_type(Type::String).build()));
    let mut body = takes("HookPost");
    body.content.insert("text/plain".to_owned(), text.into());
    let op = operation("postByHook", "Post a message by an incoming webhook; the address is the credential")
        .parameter(parameter("token", ParameterIn::Path, Type::String, "The webhook's token"))
        .parameter(header(
            "Idempotency-Key",
            "Sent again, it gives the first answer again; not if it is signed",
        ))
        .parameter(header("webhook-id", "The same, where there is no Idempotency-Key; signed"))
        .parameter(header("webhook-timestamp", "When it was signed, in seconds; at most 5 minutes ago"))
        .parameter(header(
            "webhook-signature",
            "`v1,` and the HMAC-SHA256 in base64, by Standard Webhooks 1.0",
        ))
        .request_body(Some(body))
        .response("201", gives("It is stored, durably", "Receipt"));
    let kinds = [
        Kind::ForgedSignature,
        Kind::StaleSignature,
        Kind::UnknownHook,
        Kind::UnknownRoom,
        Kind::NotMember,
        Kind::NoNewRooms,
        Kind::RoomClosed,
        Kind::Banned,
        Kind::InvalidKey,
        Kind::KeyReused,
        Kind::InvalidContent,
        Kind::OutcomeUnknown,
        Kind::Unavailable,
        Kind::DiskFull,
    ];
    body_problems(op, &kinds).build()
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
        .response("201", made("The token, or the incoming webhook"));
    body_problems(op, &[&OPERATORS[..], &DEED, &[Kind::InvalidName, Kind::InvalidRoom]].concat()).build()
}

fn renew_token() -> Operation {
    let op =
        operators("renewToken", "Give an API token another secret; the one before stays good for a while")
            .parameter(id())
            .parameter(by())
            .request_body(Some(takes("NewSecret")))
            .response(
                "200",
                made("The token with its new secret, or the incoming webhook with its new address"),
            );
    body_problems(op, &[&OPERATORS[..], &DEED, &[Kind::UnknownToken]].concat()).build()
}

fn remove_token() -> Operation {
    let op = operators("removeToken", "Remove an API token")
        .parameter(id())
        .parameter(by())
        .response("204", ResponseBuilder::new().description("It is void").build());
    problems(op, &[&OPERATORS[..], &DEED, &[Kind::UnknownToken]].concat()).build()
}

fn made(description: &str) -> Described {
    let either = OneOfBuilder::new().item(reference("MadeToken")).item(reference("MadeHook")).build();
    let media = Media::new(Some(Schema::OneOf(either)));
    ResponseBuilder::new().description(description).content("application/json", media).build()
}

fn id() -> Parameter {
    parameter("id", ParameterIn::Path, Type::String, "The token's id: 12 letters")
}
