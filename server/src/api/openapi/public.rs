//! The part of the document for everybody: guests, rooms, messages, reactions and the stream.

use utoipa::openapi::Content as Media;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;

use super::operator;
use super::parts::{
    body_problems, gives, header, operation, parameter, position, problems, query, reading, required,
    response, room, stream_problems, takes, with_token, writing, writing_in_room,
};
use crate::problem::Kind;
use crate::sse::frame::{STREAM_LINE_BYTES_MAX, TYPED_LINE_BYTES_MAX};

const STREAM: &str = "Server-sent events for any plain `EventSource`. The place to begin at is the newest \
    that the header `Last-Event-ID` and `last_event_id` name, else the newest `history` events. It opens at once with exactly \
    one of `start` (data: Start), `gap` (Gap) and `reset` (Reset), whose id is the position just before what \
    follows. Then every logged event of the room, with an id `EPOCH-POSITION`: `message`, `edit`, `delete`, \
    `reaction`, `close` (the room is closed to writing), `open` (it is open again), `empty` (all messages \
    before it were taken away) (all: StreamEvent), and kinds to come. A `gap` may come later too, when \
    retention overtakes a slow reader. Without an id, so that a reader's place does not move: `presence` \
    (Presence), `typing` (Typing) and `draft` (Drafts). A comment line comes after 15 s of silence. Who may not read the room, or no \
    longer, gets `denied` (Denied) as the last event, with the time to look again in `retry`; a token that is no \
    good where none is needed is told of by `nobody` (Denied) before the opening. A bad place is answered by \
    `reset`, never by a status. A stream that a limit of the operator refuses is answered 200 too: it names \
    the problem in a comment, says when to come back in `retry`, and ends. A parameter that is unknown and \
    may mean a place is answered 400.";

const PARAMETER: &str =
    "The same, for clients that cannot send the header; `lastEventId` and `Last-Event-ID` too";

/// The paths and what they take.
pub fn paths() -> Vec<(String, Vec<(HttpMethod, Operation)>)> {
    let room = "/api/v1/rooms/{room}";
    vec![
        ("/api/openapi.json".to_owned(), vec![(HttpMethod::Get, own())]),
        ("/api/v1/guests".to_owned(), vec![(HttpMethod::Post, guest())]),
        ("/api/v1/guests/me".to_owned(), vec![(HttpMethod::Patch, rename())]),
        ("/api/v1/me/messages".to_owned(), vec![(HttpMethod::Delete, delete_own())]),
        ("/api/v1/rooms".to_owned(), vec![(HttpMethod::Get, rooms())]),
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
        (format!("{room}/search"), vec![(HttpMethod::Get, search())]),
        (format!("{room}/ticket"), vec![(HttpMethod::Post, ticket())]),
        (
            format!("{room}/drafts/{{position}}"),
            vec![(HttpMethod::Put, show_draft()), (HttpMethod::Delete, end_draft())],
        ),
        (format!("{room}/typing"), vec![(HttpMethod::Post, typing())]),
        (format!("{room}/events"), vec![(HttpMethod::Get, events())]),
    ]
}

fn own() -> Operation {
    let op = operation("describe", "This document")
        .response("200", ResponseBuilder::new().description("OpenAPI 3.1").build());
    problems(op, &[]).build()
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
    body_problems(op, &with_token(&[Kind::InvalidName, Kind::NotGuest, Kind::RateLimited, Kind::Busy]))
        .build()
}

fn delete_own() -> Operation {
    let op = writing("deleteOwnMessages", "Delete what you wrote, in all rooms in which you may write")
        .description(Some(
            "One request looks into 16 rooms and at 1,000 messages at most, and deletes 100 at most: fewer where \
             your limit of messages ends. Ask again with `from` until `next` is null.",
        ))
        .parameter(query("from", Type::String, "The `next` of the answer before"))
        .response("200", gives("They are deleted", "DeletedEverywhere"));
    let kinds = [
        Kind::MalformedParameter,
        Kind::RateLimited,
        Kind::LogUnreadable,
        Kind::OutcomeUnknown,
        Kind::Busy,
        Kind::Unavailable,
        Kind::DiskFull,
    ];
    problems(op, &with_token(&kinds)).build()
}

fn ticket() -> Operation {
    let op =
        writing("makeTicket", "A ticket: with it an EventSource follows the room as you, for a day at most")
            .parameter(room())
            .response("201", gives("For `ticket=` of the stream of this room", "TicketMade"));
    problems(op, &reading(&[Kind::TooLarge])).build()
}

fn rooms() -> Operation {
    let op = writing(
        "listRooms",
        "The rooms that the operator made public; with a token also those of your roles",
    )
    .parameter(query("after", Type::String, "The `next` of the page before"))
    .parameter(query("limit", Type::Integer, "1 to 100, default 100; more is clamped"))
    .parameter(query("match", Type::String, "A pattern of names: * any run of characters, ? one"))
    .parameter(query(
        "open",
        Type::Integer,
        "1: no closed rooms, and the unread messages of rooms of visitors",
    ))
    .response("200", gives("By name; a page may be short, even empty, and have a `next`", "ListedRooms"));
    let kinds =
        [Kind::MalformedParameter, Kind::RateLimited, Kind::LogUnreadable, Kind::Busy, Kind::Unavailable];
    problems(op, &with_token(&kinds)).build()
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

fn search() -> Operation {
    let link = header("The search that goes on, as `prev`");
    let answer = response("Messages whose newest text has every word, newest first", "SearchPage");
    let words = "The words, at most 512 bytes and 32 different ones. Each must be in a message as a whole \
        word; case and accents do not count. In Chinese, Japanese, Thai, Lao, Khmer and Burmese every two \
        neighbouring characters count as a word";
    let op = operation("searchMessages", "Search a room")
        .description(Some(
            "One request looks at a bounded part of the room. Follow `links.older` until it is absent, also \
             from a page without messages.",
        ))
        .parameter(room())
        .parameter(required(query("q", Type::String, words)))
        .parameter(query("before", Type::Integer, "Only messages before this position"))
        .parameter(query("limit", Type::Integer, "1 to 100, default 20; more is clamped"))
        .response("200", answer.header("Link", link).build());
    problems(op, &reading(&[Kind::MalformedParameter])).build()
}

fn post() -> Operation {
    let answer = response("Stored, durably. A replay by key gives the first answer again", "Receipt")
        .header("Location", header("The message's path"));
    let key = "1 to 256 bytes. A post repeated with the same key within 24 hours is stored once and gets the \
        first answer; with other content, or in another room, it is refused";
    let op = writing("postMessage", "Post a message; answered once it is durable")
        .parameter(room())
        .parameter(parameter("Idempotency-Key", ParameterIn::Header, Type::String, key))
        .request_body(Some(takes("Post")))
        .response("201", answer.build());
    let kinds = writing_in_room(&[
        Kind::NoNewRooms,
        Kind::LogUnreadable,
        Kind::InvalidRoom,
        Kind::InvalidKey,
        Kind::TooManyHops,
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

/// Problems of a change of a message, besides those of its body.
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
    let mut kinds = writing_in_room(&CHANGE);
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
    problems(op, &writing_in_room(&CHANGE)).build()
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
    let mut kinds = writing_in_room(&CHANGE);
    kinds.retain(|kind| *kind != Kind::NotAuthor);
    kinds.push(Kind::TooManyReactions);
    problems(op, &kinds).build()
}

fn typing() -> Operation {
    let op =
        writing("type", "Say that you are typing: a signal to those who are in the room, which nobody keeps")
            .parameter(room())
            .response("204", ResponseBuilder::new().description("They are told").build());
    problems(op, &writing_in_room(&[Kind::InvalidRoom, Kind::RateLimited])).build()
}

fn show_draft() -> Operation {
    let about = "Show your unfinished answer to a message, as a bot: a signal to those who are in the room, gone \
        after 10 s without another";
    let op = writing("showDraft", about)
        .parameter(room())
        .parameter(position())
        .request_body(Some(takes("NewDraft")))
        .response("204", ResponseBuilder::new().description("They see it").build());
    let kinds = [
        Kind::InvalidRoom,
        Kind::InvalidContent,
        Kind::NotABot,
        Kind::RoomClosed,
        Kind::Banned,
        Kind::UnknownMessage,
        Kind::MessageDeleted,
        Kind::DraftStopped,
        Kind::RateLimited,
        Kind::LogUnreadable,
        Kind::Busy,
        Kind::Unavailable,
    ];
    body_problems(op, &writing_in_room(&kinds)).build()
}

fn end_draft() -> Operation {
    let about = "Stop the answers that are being written to your message; as a bot, give your own up";
    let op = writing("endDraft", about)
        .parameter(room())
        .parameter(position())
        .parameter(query("bot", Type::String, "The id of one author; without it all that answer the message"))
        .response("204", ResponseBuilder::new().description("It is gone").build());
    let kinds =
        [Kind::InvalidRoom, Kind::MalformedParameter, Kind::NotAuthor, Kind::UnknownDraft, Kind::RateLimited];
    problems(op, &writing_in_room(&kinds)).build()
}

fn events() -> Operation {
    let text = Media::builder().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let answer = ResponseBuilder::new().description("The stream").content("text/event-stream", text).build();
    let place = "The place to begin at, `EPOCH-POSITION`; empty counts as absent";
    let lines = format!(
        "No line is longer than {STREAM_LINE_BYTES_MAX} bytes; with a text that was sent here, \
         {TYPED_LINE_BYTES_MAX}."
    );
    let op = operation("followRoom", "Follow a room: what happened after a place, then what happens")
        .description(Some(format!("{STREAM} {lines}")))
        .parameter(room())
        .parameter(parameter("Last-Event-ID", ParameterIn::Header, Type::String, place))
        .parameter(query("last_event_id", Type::String, PARAMETER))
        .parameter(query("history", Type::Integer, "The newest N events, 0 to 1,000, default 100, clamped"))
        .parameter(query(
            "ticket",
            Type::String,
            "Who asks, for clients that cannot send `Authorization`; of this room",
        ))
        .response("200", answer);
    stream_problems(op, &[Kind::InvalidRoom, Kind::MalformedParameter]).build()
}
