//! The part of the document for the operator: backup and moderation, by the admin token.

use utoipa::openapi::Content as Media;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;

use super::parts::{body_problems, gives, operation, parameter, problems, query, room, takes};
use crate::problem::Kind;

/// The paths and what they take.
pub(super) fn paths() -> Vec<(String, Vec<(HttpMethod, Operation)>)> {
    vec![
        (crate::paths::BACKUP_PATH.to_owned(), vec![(HttpMethod::Get, backup())]),
        ("/admin/rooms".to_owned(), vec![(HttpMethod::Get, closed_rooms())]),
        (
            "/admin/rooms/{room}/closed".to_owned(),
            vec![(HttpMethod::Put, close()), (HttpMethod::Delete, open())],
        ),
        ("/admin/rooms/{room}/messages".to_owned(), vec![(HttpMethod::Delete, empty())]),
        ("/admin/bans".to_owned(), vec![(HttpMethod::Get, bans())]),
        ("/admin/bans/{author}".to_owned(), vec![(HttpMethod::Put, ban()), (HttpMethod::Delete, unban())]),
        ("/admin/bans/addresses".to_owned(), vec![(HttpMethod::Get, address_bans())]),
        (
            "/admin/bans/addresses/{network}".to_owned(),
            vec![(HttpMethod::Put, ban_address()), (HttpMethod::Delete, unban_address())],
        ),
        ("/admin/authors/{author}".to_owned(), vec![(HttpMethod::Get, author())]),
        ("/admin/authors/{author}/messages".to_owned(), vec![(HttpMethod::Delete, delete_author())]),
    ]
}

/// Problems of every operation of the operator.
pub(super) const OPERATORS: [Kind; 5] =
    [Kind::NoToken, Kind::ForgedToken, Kind::ExpiredToken, Kind::NeedsRole, Kind::UnknownPath];
/// Problems of an act that is written to the log.
pub(super) const DEED: [Kind; 6] = [
    Kind::MalformedParameter,
    Kind::ListFull,
    Kind::OutcomeUnknown,
    Kind::Busy,
    Kind::Unavailable,
    Kind::DiskFull,
];

fn backup() -> Operation {
    let text = Media::builder().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let answer = ResponseBuilder::new().description("JSON lines; the last says how many there were");
    let skip = query("skip-damaged", Type::String, "With any value: leave damaged records out");
    let op = operators("backup", "The log, with its signing key; `millchat backup` asks for it")
        .parameter(skip)
        .response("200", answer.content("application/x-ndjson", text));
    problems(op, &OPERATORS).build()
}

fn closed_rooms() -> Operation {
    let op = operators("listClosedRooms", "The rooms that are closed to writing")
        .response("200", gives("By name", "ClosedRooms"));
    problems(op, &OPERATORS).build()
}

fn close() -> Operation {
    of_room("closeRoom", "Close a room to writing; a room that is closed stays so", "It is closed")
}

fn open() -> Operation {
    of_room("openRoom", "Open a room to writing again", "It is open")
}

fn empty() -> Operation {
    let summary = "Take all messages of a room away: no record of the log holds their texts any more";
    of_room("emptyRoom", summary, "It is empty")
}

fn of_room(id: &str, summary: &str, done: &str) -> Operation {
    let op = operators(id, summary).parameter(room()).parameter(by()).response("200", gives(done, "Receipt"));
    problems(op, &[&OPERATORS[..], &DEED, &[Kind::InvalidRoom]].concat()).build()
}

fn bans() -> Operation {
    let op = operators("listBans", "The authors who may not write").response("200", gives("By id", "Bans"));
    problems(op, &OPERATORS).build()
}

fn ban() -> Operation {
    let summary = "Let an author write nothing more, in any room, for good or until a time";
    let op = author_of("ban", summary, "The author is banned").request_body(Some(takes("BanUntil")));
    body_problems(op, &[&OPERATORS[..], &DEED].concat()).build()
}

fn unban() -> Operation {
    let op = author_of("unban", "Let an author write again", "The author is not banned");
    problems(op, &[&OPERATORS[..], &DEED].concat()).build()
}

fn author_of(id: &str, summary: &str, done: &str) -> OperationBuilder {
    let author = parameter("author", ParameterIn::Path, Type::String, "The author's id, percent-encoded");
    operators(id, summary).parameter(author).parameter(by()).response("200", gives(done, "Banned"))
}

fn author_id() -> Parameter {
    parameter("author", ParameterIn::Path, Type::String, "The author's id, percent-encoded")
}

fn delete_author() -> Operation {
    let op = operators("deleteAuthorEverywhere", "Delete what an author wrote, in all rooms")
        .description(Some(
            "One request looks into 16 rooms and at 1,000 messages at most, and deletes 100 at most. Ask again \
             with `from` until `next` is null.",
        ))
        .parameter(author_id())
        .parameter(query("from", Type::String, "The `next` of the answer before"))
        .parameter(by())
        .response("200", gives("They are deleted", "DeletedEverywhere"));
    problems(op, &[&OPERATORS[..], &DEED[..], &[Kind::RateLimited, Kind::LogUnreadable]].concat()).build()
}

fn author() -> Operation {
    let op = operators("getAuthor", "The addresses from which an author wrote in the last hour")
        .parameter(author_id())
        .response("200", gives("The newest first; they are in memory only", "AuthorAddresses"));
    problems(op, &[&OPERATORS[..], &[Kind::MalformedParameter]].concat()).build()
}

fn address_bans() -> Operation {
    let op = operators("listAddressBans", "The addresses that are banned")
        .response("200", gives("By address; a restart removes them", "AddressBans"));
    problems(op, &OPERATORS).build()
}

fn ban_address() -> Operation {
    let op = operators("banAddress", "Ban an address or a network for a time, until a restart at most")
        .parameter(network())
        .parameter(by())
        .request_body(Some(takes("BanTime")))
        .response(
            "204",
            ResponseBuilder::new().description("It is banned: 429 for all its requests").build(),
        );
    body_problems(op, &[&OPERATORS[..], &[Kind::MalformedParameter, Kind::ListFull]].concat()).build()
}

fn unban_address() -> Operation {
    let op = operators("unbanAddress", "End the ban of an address or a network")
        .parameter(network())
        .parameter(by())
        .response("204", ResponseBuilder::new().description("It is not banned").build());
    problems(op, &[&OPERATORS[..], &[Kind::MalformedParameter]].concat()).build()
}

fn network() -> Parameter {
    parameter("network", ParameterIn::Path, Type::String, "An address or a network, such as 203.0.113.0/24")
}

pub(super) fn operators(id: &str, summary: &str) -> OperationBuilder {
    operation(id, summary).security(SecurityRequirement::new("admin", std::iter::empty::<String>()))
}

/// The parameter that names who does it.
pub(super) fn by() -> Parameter {
    query(
        "by",
        Type::String,
        "Who does it, of those who have the admin token: 1 to 256 bytes; default `admin`",
    )
}
