//! The OpenAPI document, served at `/api/openapi.json`.
//!
//! Shapes and kinds of problem come from the types that the handlers use, so the two cannot drift apart; a
//! test holds the document against the router's table. The stream has no notation of its own in OpenAPI 3.1:
//! its events are described in words, and the shapes of their data are among the schemas.

mod operator;

use super::problem::{Document, Kind};
use super::shape::{
    Author, Ban, Banned, Bans, ClosedRoom, ClosedRooms, Content, Gap, Guest, HistoryPage, Links, Message,
    Named, Overview, Post, Presence, Reactions, Receipt, Reset, Start, StreamEvent, Time, Typing,
};
use crate::http::{self, Response};
use bytes::Bytes;
use hyper::StatusCode;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content as Media, Header, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Schema,
};

const ABOUT: &str = "A durable live chat. Every event (a message posted, edited, deleted, reacted to) has a `position` in one \
    ordered log and a `prev`: the position of the event before it in the same room. Whoever has position P and \
    gets an event whose `prev` is P misses nothing. Reading needs no token; writing needs the token of a guest. \
    Any origin may call this API; it takes no cookies. What begins with `/admin/` is for the operator, on a server \
    whose settings have an admin token; on others there is nothing. Fields and kinds may be added: pass over those \
    you do not know.";

const STREAM: &str = "Server-sent events for any plain `EventSource`. The place to begin at is the header \
    `Last-Event-ID`, else `last_event_id`, else the newest `history` events. It opens at once with exactly one of \
    `start` (data: Start), `gap` (Gap) and `reset` (Reset), whose id is the position just before what follows. \
    Then every logged event of the room, with an id `EPOCH-POSITION`: `message`, `edit`, `delete`, `reaction`, `close` (the \
    room is closed to writing), `open` (it is open again), `empty` (all messages before it were taken away) (all: \
    StreamEvent), and kinds to come. A `gap` may come later too, when retention overtakes a slow reader. Without an \
    id, so that a reader's place does not move: `presence` (Presence) and `typing` (Typing). A comment line comes \
    after 15 s of silence. A bad place is answered by `reset`, never by a status.";

static JSON: LazyLock<Bytes> = LazyLock::new(|| {
    serde_json::to_vec(&describe()).expect("the document has string keys and no failing parts").into()
});

/// `GET /api/openapi.json`.
pub fn document() -> Response {
    http::bytes(StatusCode::OK, "application/json", JSON.clone())
}

fn describe() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token that POST /api/v1/guests gave; good for a year."))
        .build();
    let admin = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The admin token of the server's settings."))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<Document<'_>>()
        .schema_from::<Author<'_>>()
        .schema_from::<Named>()
        .schema_from::<Guest<'_>>()
        .schema_from::<Content>()
        .schema_from::<Post>()
        .schema_from::<Receipt>()
        .schema_from::<Message<'_>>()
        .schema_from::<Reactions<'_>>()
        .schema_from::<HistoryPage<'_>>()
        .schema_from::<Links>()
        .schema_from::<Time>()
        .schema_from::<Presence<'_>>()
        .schema_from::<Overview<'_>>()
        .schema_from::<Start>()
        .schema_from::<Gap>()
        .schema_from::<Reset>()
        .schema_from::<StreamEvent<'_>>()
        .schema_from::<Typing<'_>>()
        .schema_from::<ClosedRoom<'_>>()
        .schema_from::<ClosedRooms<'_>>()
        .schema_from::<Banned>()
        .schema_from::<Ban<'_>>()
        .schema_from::<Bans<'_>>()
        .security_scheme("token", SecurityScheme::Http(token))
        .security_scheme("admin", SecurityScheme::Http(admin))
        .build();
    let info = InfoBuilder::new()
        .title("Millchat")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .build();
    OpenApiBuilder::new().info(info).paths(paths()).components(Some(components)).build()
}

fn paths() -> PathsBuilder {
    let room = "/api/v1/rooms/{room}";
    [
        ("/api/openapi.json".to_owned(), vec![(HttpMethod::Get, own())]),
        ("/api/v1/guests".to_owned(), vec![(HttpMethod::Post, guest())]),
        ("/api/v1/guests/me".to_owned(), vec![(HttpMethod::Patch, rename())]),
        (room.to_owned(), vec![(HttpMethod::Get, overview())]),
        (format!("{room}/messages"), vec![(HttpMethod::Get, page()), (HttpMethod::Post, post())]),
        (
            format!("{room}/messages/{{position}}"),
            vec![(HttpMethod::Get, message()), (HttpMethod::Patch, edit()), (HttpMethod::Delete, delete())],
        ),
        (
            format!("{room}/messages/{{position}}/reactions/{{reaction}}"),
            vec![(HttpMethod::Put, react(true)), (HttpMethod::Delete, react(false))],
        ),
        (format!("{room}/typing"), vec![(HttpMethod::Post, typing())]),
        (format!("{room}/events"), vec![(HttpMethod::Get, events())]),
    ]
    .into_iter()
    .chain(operator::paths())
    .fold(PathsBuilder::new(), |paths, (path, operations)| {
        let mut item = PathItem::default();
        for (method, operation) in operations {
            item.merge_operations(PathItem::new(method, operation));
        }
        paths.path(path, item)
    })
}

fn own() -> Operation {
    operation("describe", "This document")
        .response("200", ResponseBuilder::new().description("OpenAPI 3.1").build())
        .build()
}

fn guest() -> Operation {
    let op = operation("createGuest", "Become a guest: the token that you get lets you write")
        .request_body(Some(takes("Named")))
        .response("201", gives("You are this guest", "Guest"));
    body_problems(op, &[Kind::InvalidName, Kind::RateLimited, Kind::Busy]).build()
}

fn rename() -> Operation {
    let op = writing("renameGuest", "Go by another name: a new token with the same id")
        .request_body(Some(takes("Named")))
        .response("200", gives("You go by this name now", "Guest"));
    body_problems(op, &with_token(&[Kind::InvalidName, Kind::Busy])).build()
}

fn overview() -> Operation {
    let op = operation("getRoom", "A room at a glance: how far it has come and who is in it")
        .parameter(room())
        .response("200", gives("The room; one that nobody ever used is empty, not missing", "Room"));
    problems(op, &reading(&[])).build()
}

fn page() -> Operation {
    let links = header("The neighbouring pages: `prev` is older, `next` is newer");
    let answer =
        response("Posted messages in their latest state, newest last", "HistoryPage").header("Link", links);
    let op = operation("listMessages", "A page of history; with neither before nor after: the newest")
        .parameter(room())
        .parameter(query("before", Type::Integer, "The newest messages before this position"))
        .parameter(query(
            "after",
            Type::Integer,
            "The oldest messages after this position; 0 begins at the floor",
        ))
        .parameter(query("limit", Type::Integer, "1 to 1,000, default 100; more is clamped"))
        .response("200", answer.build());
    problems(op, &reading(&[Kind::MalformedParameter])).build()
}

fn post() -> Operation {
    let answer = response("Stored, durably. A replay by key gives the first answer again", "Receipt")
        .header("Location", header("The message's path"));
    let key = "1 to 256 bytes. A post repeated with the same key within 24 hours is stored once and gets the first \
        answer; with other content, or in another room, it is refused";
    let op = writing("postMessage", "Post a message; answered once it is durable")
        .parameter(room())
        .parameter(parameter("Idempotency-Key", ParameterIn::Header, Type::String, key))
        .request_body(Some(takes("Post")))
        .response("201", answer.build());
    let kinds = with_token(&[
        Kind::InvalidRoom,
        Kind::InvalidKey,
        Kind::InvalidContent,
        Kind::KeyReused,
        Kind::RoomClosed,
        Kind::Banned,
        Kind::UnknownMessage,
        Kind::MessageDeleted,
        Kind::RateLimited,
        Kind::OutcomeUnknown,
        Kind::Busy,
        Kind::Unavailable,
        Kind::DiskFull,
    ]);
    body_problems(op, &kinds).build()
}

fn message() -> Operation {
    let op = operation("getMessage", "One message in its latest state")
        .parameter(room())
        .parameter(position())
        .response("200", gives("The message; once deleted, without content", "Message"));
    problems(op, &reading(&[Kind::MalformedParameter, Kind::UnknownMessage])).build()
}

/// What goes wrong with a change of a message, besides its body.
const CHANGE: [Kind; 12] = [
    Kind::InvalidRoom,
    Kind::MalformedParameter,
    Kind::NotAuthor,
    Kind::RoomClosed,
    Kind::Banned,
    Kind::UnknownMessage,
    Kind::MessageDeleted,
    Kind::RateLimited,
    Kind::OutcomeUnknown,
    Kind::Busy,
    Kind::Unavailable,
    Kind::DiskFull,
];

fn edit() -> Operation {
    let op = writing("editMessage", "Replace the text of your message")
        .parameter(room())
        .parameter(position())
        .request_body(Some(takes("Content")))
        .response("200", gives("The message as it is now", "Message"));
    let mut kinds = with_token(&CHANGE);
    kinds.extend([Kind::InvalidContent, Kind::TooManyEdits, Kind::LogUnreadable]);
    body_problems(op, &kinds).build()
}

fn delete() -> Operation {
    let op = writing("deleteMessage", "Take your message away: no record of the log holds its text any more")
        .description(Some("With the admin token: any message; `by` says who takes it away."))
        .security(SecurityRequirement::new("admin", std::iter::empty::<String>()))
        .parameter(room())
        .parameter(position())
        .parameter(operator::by())
        .response("204", ResponseBuilder::new().description("It is gone").build());
    problems(op, &with_token(&CHANGE)).build()
}

fn react(on: bool) -> Operation {
    let (id, summary, done) = if on {
        ("addReaction", "Add your reaction to a message; one that is there stays one", "It is there")
    } else {
        ("removeReaction", "Take your reaction back; one that is not there stays so", "It is not there")
    };
    let rule = "One of 👍 ❤️ 😂 🎉 😮 😢, percent-encoded";
    let op = writing(id, summary)
        .parameter(room())
        .parameter(position())
        .parameter(parameter("reaction", ParameterIn::Path, Type::String, rule))
        .response("204", ResponseBuilder::new().description(done).build());
    let mut kinds = with_token(&CHANGE);
    kinds.retain(|kind| *kind != Kind::NotAuthor);
    kinds.push(Kind::TooManyReactions);
    problems(op, &kinds).build()
}

fn typing() -> Operation {
    let op =
        writing("type", "Say that you are typing: a signal to those who are in the room, which nobody keeps")
            .parameter(room())
            .response("204", ResponseBuilder::new().description("They are told").build());
    problems(op, &with_token(&[Kind::InvalidRoom])).build()
}

fn events() -> Operation {
    let text = Media::builder().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let answer = ResponseBuilder::new().description("The stream").content("text/event-stream", text).build();
    let place = "The place to begin at, `EPOCH-POSITION`; empty counts as absent";
    let op = operation("followRoom", "Follow a room: what happened after a place, then what happens")
        .description(Some(STREAM))
        .parameter(room())
        .parameter(parameter("Last-Event-ID", ParameterIn::Header, Type::String, place))
        .parameter(query("last_event_id", Type::String, "The same, for clients that cannot send the header"))
        .parameter(query("history", Type::Integer, "The newest N events, 0 to 1,000, default 100, clamped"))
        .response("200", answer);
    problems(op, &[Kind::InvalidRoom]).build()
}

fn operation(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new().operation_id(Some(id)).summary(Some(summary))
}

fn writing(id: &str, summary: &str) -> OperationBuilder {
    operation(id, summary).security(SecurityRequirement::new("token", std::iter::empty::<String>()))
}

fn reading(kinds: &[Kind]) -> Vec<Kind> {
    [kinds, &[Kind::InvalidRoom, Kind::LogUnreadable, Kind::Busy, Kind::Unavailable]].concat()
}

fn with_token(kinds: &[Kind]) -> Vec<Kind> {
    [kinds, &[Kind::NoToken, Kind::ForgedToken, Kind::ExpiredToken]].concat()
}

fn body_problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
    let body =
        [Kind::MalformedBody, Kind::SlowBody, Kind::TooLarge, Kind::UnsupportedType, Kind::InvalidBody];
    problems(op, &[kinds, &body].concat())
}

/// A response for each status, whose description lists the kinds of problem that have it.
fn problems(op: OperationBuilder, kinds: &[Kind]) -> OperationBuilder {
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

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn takes(name: &str) -> RequestBody {
    let media = Media::new(Some(reference(name)));
    RequestBodyBuilder::new().content("application/json", media).required(Some(Required::True)).build()
}

fn response(description: &str, name: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Media::new(Some(reference(name))))
}

fn gives(description: &str, name: &str) -> Described {
    response(description, name).build()
}

fn header(description: &str) -> Header {
    let mut header = Header::default();
    header.description = Some(description.to_owned());
    header
}

fn parameter(name: &str, place: ParameterIn, kind: Type, description: &str) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .build()
}

fn query(name: &str, kind: Type, description: &str) -> Parameter {
    parameter(name, ParameterIn::Query, kind, description)
}

fn room() -> Parameter {
    let rule = "1 to 64 of A-Z a-z 0-9 _ -; case counts; not a reserved name";
    parameter("room", ParameterIn::Path, Type::String, rule)
}

fn position() -> Parameter {
    parameter("position", ParameterIn::Path, Type::Integer, "Where the message was posted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        let document: Value = serde_json::from_slice(&JSON).unwrap();
        let text = document.to_string();
        let mut count = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            count += 1;
        }
        assert!(count > 50, "{count}");
    }

    #[test]
    fn the_document_has_the_paths_and_methods_of_the_router() {
        let document: Value = serde_json::from_slice(&JSON).unwrap();
        let described: Vec<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|m| (path.clone(), m.to_uppercase()))
            })
            .collect();
        let mut routed: Vec<(String, String)> = crate::route::api_methods()
            .filter(|(_, method)| !matches!(*method, "HEAD" | "OPTIONS"))
            .map(|(path, method)| (path.to_owned(), method.to_owned()))
            .collect();
        let mut described = described;
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
    }
}
