//! The parts that operations of the document are put together from.

use std::collections::BTreeMap;

use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content as Media, Header, Ref, RefOr, Required, Schema};

use crate::problem::Kind;

pub fn operation(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new().operation_id(Some(id)).summary(Some(summary))
}

pub fn writing(id: &str, summary: &str) -> OperationBuilder {
    operation(id, summary).security(SecurityRequirement::new("token", std::iter::empty::<String>()))
}

pub fn reading(kinds: &[Kind]) -> Vec<Kind> {
    let own = [Kind::InvalidRoom, Kind::RateLimited, Kind::LogUnreadable, Kind::Busy, Kind::Unavailable];
    in_room(&[kinds, &own].concat())
}

/// Problems of a request that its sender may not make in a room, also of one that only reads.
pub fn in_room(kinds: &[Kind]) -> Vec<Kind> {
    with_token(&[kinds, &[Kind::UnknownRoom, Kind::NotMember]].concat())
}

/// The same of one that writes.
pub fn writing_in_room(kinds: &[Kind]) -> Vec<Kind> {
    in_room(&[kinds, &[Kind::ReadOnly, Kind::Banned]].concat())
}

pub fn with_token(kinds: &[Kind]) -> Vec<Kind> {
    let token = [
        Kind::NoToken,
        Kind::ForgedToken,
        Kind::ExpiredToken,
        Kind::WrongAudience,
        Kind::RevokedToken,
        Kind::MalformedToken,
    ];
    [kinds, &token].concat()
}

pub fn body_problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
    let body =
        [Kind::MalformedBody, Kind::SlowBody, Kind::TooLarge, Kind::UnsupportedType, Kind::InvalidBody];
    problems(op, &[kinds, &body].concat())
}

/// Problems that any request can have.
const ANY: [Kind; 2] = [Kind::MalformedRequest, Kind::UnknownExpectation];
/// Problems that any request but that for a stream can have: its address is banned or has too many
/// connections, or its answer is large and too much of it is not taken.
const ANY_BUT_STREAM: [Kind; 2] = [Kind::RateLimited, Kind::Busy];
/// Answers before a request is whole. They are not documents.
const BEFORE: [(u16, &str); 2] = [
    (408, "The head of the request did not arrive in time; as plain text"),
    (431, "The head of the request is too large; without a body"),
];

/// A response for each status, whose description lists the kinds of problem that have it.
pub fn problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
    stream_problems(op, &[kinds, &ANY_BUT_STREAM].concat())
}

/// The same for a stream, which is not refused by its status.
pub fn stream_problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (name, status, title) in [kinds, &ANY].concat().iter().map(|kind| kind.parts()) {
        let names = by_status.entry(status.as_u16()).or_default();
        let name = format!("`{name}`: {title}");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for (status, sentence) in BEFORE {
        by_status.entry(status).or_default().push(sentence.to_owned());
    }
    by_status.into_iter().fold(op, |op, (status, names)| {
        let response = ResponseBuilder::new().description(names.join(". "));
        let response = if names.iter().any(|name| name.starts_with('`')) {
            response.content("application/problem+json", Media::new(Some(reference("Problem"))))
        } else {
            response
        };
        op.response(status.to_string(), response.build())
    })
}

pub fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

pub fn takes(name: &str) -> RequestBody {
    let media = Media::new(Some(reference(name)));
    RequestBodyBuilder::new().content("application/json", media).required(Some(Required::True)).build()
}

pub fn response(description: &str, name: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Media::new(Some(reference(name))))
}

pub fn gives(description: &str, name: &str) -> Described {
    response(description, name).build()
}

pub fn header(description: &str) -> Header {
    let mut header = Header::default();
    header.description = Some(description.to_owned());
    header
}

pub fn parameter(name: &str, place: ParameterIn, kind: Type, description: &str) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .build()
}

pub fn query(name: &str, kind: Type, description: &str) -> Parameter {
    parameter(name, ParameterIn::Query, kind, description)
}

/// A parameter that must be there.
pub fn required(mut parameter: Parameter) -> Parameter {
    parameter.required = Required::True;
    parameter
}

pub fn room() -> Parameter {
    let rule = "1 to 64 of A-Z a-z 0-9 _ -; case counts; not a reserved name";
    parameter("room", ParameterIn::Path, Type::String, rule)
}

pub fn position() -> Parameter {
    parameter("position", ParameterIn::Path, Type::Integer, "Where the message was posted")
}
