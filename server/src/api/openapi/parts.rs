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
    [kinds, &[Kind::InvalidRoom, Kind::RateLimited, Kind::LogUnreadable, Kind::Busy, Kind::Unavailable]]
        .concat()
}

pub fn with_token(kinds: &[Kind]) -> Vec<Kind> {
    [kinds, &[Kind::NoToken, Kind::ForgedToken, Kind::ExpiredToken]].concat()
}

pub fn body_problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
    let body =
        [Kind::MalformedBody, Kind::SlowBody, Kind::TooLarge, Kind::UnsupportedType, Kind::InvalidBody];
    problems(op, &[kinds, &body].concat())
}

/// A response for each status, whose description lists the kinds of problem that have it.
pub fn problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (name, status, title) in kinds.iter().map(|kind| kind.parts()) {
        by_status.entry(status.as_u16()).or_default().push(format!("`{name}`: {title}"));
    }
    by_status.into_iter().fold(op, |op, (status, names)| {
        let media = Media::new(Some(reference("Problem")));
        let response =
            ResponseBuilder::new().description(names.join(". ")).content("application/problem+json", media);
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

pub fn room() -> Parameter {
    let rule = "1 to 64 of A-Z a-z 0-9 _ -; case counts; not a reserved name";
    parameter("room", ParameterIn::Path, Type::String, rule)
}

pub fn position() -> Parameter {
    parameter("position", ParameterIn::Path, Type::Integer, "Where the message was posted")
}
